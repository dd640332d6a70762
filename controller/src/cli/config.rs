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
    ("", "Server:DevMode", "Dev mode"),
];

/// Options about mail, which this Controller does not send.
const MAIL: [&str; 4] = ["home-url", "email-address", "email-password", "email-service"];

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
    if action == "email-activation" {
        if on {
            bail!("this Controller sends no mail: accounts are active at once");
        }
        return Ok("Email activation state updated successfully.\n".to_owned());
    }
    file::set(&mut document, "Server:DevMode", json!(on));
    write(&path, &document)?;
    Ok("Dev mode state updated successfully.\n".to_owned())
}

fn list(document: &Value) -> String {
    let shown = SETTINGS.iter().filter_map(|(_, setting, name)| {
        let value = file::get(document, setting)?;
        Some(format!("{name}: {}\n", file::text(value)))
    });
    shown.collect()
}

fn add(given: &Given, document: &mut Value) -> Result<String> {
    if let Some(option) = MAIL.iter().find(|option| given.has(option)) {
        bail!("--{option}: this Controller sends no mail");
    }
    let mut said = String::new();
    for (option, setting, _) in SETTINGS.iter().filter(|(option, ..)| given.has(option)) {
        let value = match (given.text(option), given.integer(option)) {
            (Some(text), _) => {
                if *option != "kubelet" && *option != "log-dir" && !Path::new(text).is_file() {
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
