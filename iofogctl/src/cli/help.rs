//! Help texts, laid out as users of the standard program know them.

use std::fmt::Write;

use super::spec::{Command, Flag, GLOBAL, HELP, Value};

/// The help of a command given by its path from the root.
pub fn text(path: &[&Command], default_namespace: &str) -> String {
    let Some(command) = path.last() else { return String::new() };
    let prefix = path_names(&path[..path.len() - 1]);
    let mut out = String::new();
    let long = if command.long.is_empty() { command.short } else { command.long };
    if !long.is_empty() {
        let _ = writeln!(out, "{long}\n");
    }
    let _ = writeln!(out, "Usage:");
    if command.run.is_some() || path.len() == 1 {
        let usage = if command.usage.is_empty() { command.name } else { command.usage };
        let _ = writeln!(out, "  {}{usage} [flags]", spaced(&prefix));
    }
    if !command.listed().is_empty() {
        let _ = writeln!(out, "  {} [command]", path_names(path));
    }
    if !command.example.is_empty() {
        let _ = writeln!(out, "\nExamples:\n{}", command.example);
    }
    let listed = command.listed();
    if !listed.is_empty() {
        let width = listed.iter().map(|child| child.name.len()).max().unwrap_or(0).max(11);
        let _ = writeln!(out, "\nAvailable Commands:");
        for child in &listed {
            let _ = writeln!(out, "  {:width$} {}", child.name, child.short);
        }
    }
    let mut own: Vec<Flag> = command.flags.iter().copied().chain([HELP]).collect();
    own.sort_by_key(|flag| flag.long);
    if path.len() == 1 {
        own.extend(GLOBAL);
        own.sort_by_key(|flag| flag.long);
    }
    let _ = write!(out, "\nFlags:\n{}", flags(&own, default_namespace));
    if path.len() > 1 {
        let _ = write!(out, "\nGlobal Flags:\n{}", flags(GLOBAL, default_namespace));
    }
    if !listed.is_empty() {
        let _ = writeln!(
            out,
            "\nUse \"{} [command] --help\" for more information about a command.",
            path_names(path)
        );
    }
    out
}

/// `iofogctl get`.
pub fn path_names(path: &[&Command]) -> String {
    path.iter().map(|command| command.name).collect::<Vec<_>>().join(" ")
}

fn spaced(prefix: &str) -> String {
    if prefix.is_empty() { String::new() } else { format!("{prefix} ") }
}

/// Aligned flag lines.
fn flags(flags: &[Flag], default_namespace: &str) -> String {
    let left: Vec<String> = flags
        .iter()
        .map(|flag| {
            let short = flag.short.map_or("    ".to_owned(), |letter| format!("-{letter}, "));
            format!("  {short}--{}{}", flag.long, placeholder(flag.value))
        })
        .collect();
    let width = left.iter().map(String::len).max().unwrap_or(0);
    let mut out = String::new();
    for (flag, left) in flags.iter().zip(left) {
        let default = if flag.long == "namespace" {
            format!(" (default \"{default_namespace}\")")
        } else {
            String::new()
        };
        let _ = writeln!(out, "{left:width$}   {}{default}", flag.help);
    }
    out
}

/// Word for the kind of value.
pub fn placeholder(value: Value) -> &'static str {
    match value {
        Value::Switch => "",
        Value::Text => " string",
        Value::Int => " int",
    }
}
