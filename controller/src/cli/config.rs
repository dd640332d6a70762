//! `config`: the file of settings in the Controller's folder. A running Controller reads it at its next start.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::options::Given;
use crate::settings::file;

/// Option, setting, and how it is shown.
const SETTINGS: &[(&str, &str, &str)] = &[
    ("port", "Server:Port", "Port"),
    ("ssl-key", "Server:SslKey", "SSL key directory"),
    ("ssl-cert", "Server:SslCert", "SSL certificate directory"),
    ("intermediate-cert", "Server:IntermediateCert", "Intermediate key directory"),
    ("log-dir", "Service:LogsDirectory", "Log files directory"),
    ("log-size", "Service:LogsFileSize", "Log files size"),
    ("log-file-count", "Service:LogsFileCount", "Log files count"),
    ("kubelet", "Kubelet:Uri", "Kubelet Url"),
    ("home-url", "Email:HomeUrl", "Home URL"),
    ("email-address", "Email:Address", "Email address"),
    ("email-password", "Email:Password", "Email password"),
    ("email-service", "Email:Service", "Email service"),
    ("", "Email:ActivationEnabled", "Email activation"),
    ("", "Server:DevMode", "Dev mode"),
];

/// Options that name a file.
const FILES: [&str; 3] = ["ssl-key", "ssl-cert", "intermediate-cert"];
/// The option that is never shown.
const SECRET: &str = "email-password";

/// Runs a sub-command; gives what it prints.
pub(super) fn run(action: &str, given: &Given, data_dir: &Path) -> Result<String> {
    let path = file::path(data_dir);
    let mut document = file::read(&path)?;
    match action {
        "list" => return Ok(list(&document)),
        "add" => {
            let said = add(given, &mut document)?;
            write(&path, &document)?;
            return Ok(said);
        }
        _ => {}
    }
    let on = match (given.has("on"), given.has("off")) {
        (true, false) => true,
        (false, true) => false,
        _ => bail!("either --on or --off is needed"),
    };
    let (setting, name) = if action == "email-activation" {
        ("Email:ActivationEnabled", "Email activation")
    } else {
        ("Server:DevMode", "Dev mode")
    };
    file::set(&mut document, setting, json!(on));
    write(&path, &document)?;
    Ok(format!("{name} state updated successfully.\n"))
}

fn list(document: &Value) -> String {
    let shown = SETTINGS.iter().filter(|(option, ..)| *option != SECRET).filter_map(
        |(_, setting, name)| {
            let value = file::get(document, setting)?;
            Some(format!("{name}: {}\n", file::text(value)))
        },
    );
    shown.collect()
}

fn add(given: &Given, document: &mut Value) -> Result<String> {
    let mut said = String::new();
    for (option, setting, _) in SETTINGS.iter().filter(|(option, ..)| given.has(option)) {
        let value = match (given.text(option), given.integer(option)) {
            (Some(text), _) => {
                if FILES.contains(option) && !Path::new(text).is_file() {
                    bail!("--{option}: {text} is no file");
                }
                json!(text)
            }
            // Given in KiB.
            (None, Some(size)) if *option == "log-size" => json!(size.saturating_mul(1024)),
            (None, Some(number)) => json!(number),
            (None, None) => continue,
        };
        if *option == "port" && !value.as_i64().is_some_and(|port| (1..=65_535).contains(&port)) {
            bail!("--port: {value} is no port");
        }
        if *option == SECRET {
            said.push_str("Config option email-password has been updated.\n");
            file::set(document, setting, value);
            continue;
        }
        let same = file::get(document, setting) == Some(&value);
        let done = if same { "is already set to" } else { "has been set to" };
        said.push_str(&format!("Config option {option} {done} {}\n", file::text(&value)));
        file::set(document, setting, value);
    }
    Ok(said)
}

fn write(path: &Path, document: &Value) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    file::write(path, document)
}
