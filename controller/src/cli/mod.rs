//! The command line beside `start`: each sub-command becomes orders, which the running Controller carries out, or this process where
//! none runs (decision 0071).

mod commands;
mod config;
mod local;
mod microservice;
mod nouns;
mod options;

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::admin::Order;
use commands::Says;
use nouns::{NOUNS, Noun};
use options::{Given, Kind};

pub use local::{Opened, Opener};

/// Every noun with every sub-command.
pub fn sub_commands() -> impl Iterator<Item = (&'static str, &'static str)> {
    NOUNS.iter().flat_map(|noun| noun.actions.iter().map(|action| (noun.name, *action)))
}

/// True when the arguments are one of the sub-commands here.
#[must_use]
pub fn knows(first: &str) -> bool {
    first == "help" || NOUNS.iter().any(|noun| noun.name == first)
}

/// Runs a sub-command; `open` opens the database where no Controller runs.
///
/// # Errors
/// When the arguments make no sense, or with the Controller's message.
pub fn run(arguments: &[String], data_dir: &Path, open: Opener<'_>) -> Result<()> {
    let (first, rest) = arguments.split_first().context("no command")?;
    let Some(noun) = NOUNS.iter().find(|noun| noun.name == first) else {
        return print(&overview());
    };
    let action = rest.first().map_or("help", String::as_str);
    if action == "help" || action == "--help" {
        return print(&usage(noun));
    }
    if !noun.actions.contains(&action) {
        bail!("{first} has no sub-command {action}: {}", noun.actions.join(", "));
    }
    let given = Given::read(rest.get(1..).unwrap_or_default(), noun.options)?;
    if noun.name == "config" {
        return print(&config::run(action, &given, data_dir)?);
    }
    let plan = commands::plan(noun.name, action, &given)?;
    let mut way = local::Way::new(data_dir, open);
    for (order, says) in plan {
        let answer = carry_out(&mut way, noun, action, &order)?;
        print(&said(&says, &answer)?)?;
    }
    Ok(())
}

/// The status of a Controller that does not run is no error.
fn carry_out(way: &mut local::Way<'_>, noun: &Noun, action: &str, order: &Order) -> Result<Value> {
    if noun.name == "controller" && action == "status" && !way.is_running() {
        return Ok(json!({ "status": "offline", "timestamp": crate::app::now_ms() }));
    }
    let answer = way.carry_out(order)?;
    if action == "version" && noun.name == "controller" {
        let versions = &answer["versions"];
        let of = |name: &str| versions[name].as_str().unwrap_or_default().to_owned();
        let own = env!("CARGO_PKG_VERSION");
        let text = format!(
            "Controller: {} (program {own})\nECN viewer: {}",
            of("controller"),
            of("ecnViewer")
        );
        return Ok(json!({ "version": text }));
    }
    Ok(answer)
}

/// Ends the Controller that works on the folder.
///
/// # Errors
/// When it does not answer.
pub fn stop(data_dir: &Path) -> Result<()> {
    if local::stop(data_dir)? {
        print("iofog-controller stopped\n")
    } else {
        print("iofog-controller is not running\n")
    }
}

fn said(says: &Says, answer: &Value) -> Result<String> {
    Ok(match says {
        // Nothing known yet, as the API answers without a body.
        Says::Json if answer.is_null() => String::new(),
        Says::Json => format!("{answer:#}\n"),
        Says::Field(field, name) => format!("{:#}\n", json!({ *name: answer[*field] })),
        Says::Plain(field) => format!("{}\n", answer[*field].as_str().unwrap_or_default()),
        Says::Behind(text) => format!("{text}{}\n", answer.as_str().unwrap_or_default()),
        Says::Text(text) => format!("{text}\n"),
        Says::Nothing => String::new(),
    })
}

fn print(text: &str) -> Result<()> {
    std::io::stdout().write_all(text.as_bytes()).context("cannot print")
}

fn overview() -> String {
    let mut text = "iofog-controller <command>\n\n  start [-v]     serve the API in the foreground\n  \
        stop           end the Controller that runs\n  init           create or bring up to date the database\n  \
        import FILE    take over the database of a Controller 3.0.4\n  version        print the version of this program\n"
        .to_owned();
    for noun in NOUNS {
        text.push_str(&format!("  {:<14} {}\n", noun.name, noun.actions.join(", ")));
    }
    text.push_str("\n`iofog-controller <command> help` lists options. --data-dir DIR or IOFOG_DATA_DIR names the folder.\n");
    text
}

fn usage(noun: &Noun) -> String {
    let mut text = format!(
        "iofog-controller {} <sub-command> [options]\n\nsub-commands: {}\n",
        noun.name,
        noun.actions.join(", ")
    );
    for option in noun.options {
        let short = option.short.map_or_else(String::new, |short| format!("-{short}, "));
        let value = match option.kind {
            Kind::Flag(_) => "",
            Kind::Text => " TEXT",
            Kind::Integer | Kind::Number => " NUMBER",
            Kind::Texts => " TEXT…",
        };
        text.push_str(&format!("  {short}--{}{value}\n", option.long));
    }
    text
}
