//! The sample application: deployed from its YAML file, watched until it runs, opened as a page.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::rest::{Microservice, Rest};
use super::state::DeployedApplication;
use crate::tools::archive;
use crate::tools::cargo::workspace;
use crate::tools::http::{Origin, Request};
use crate::tools::{interrupt, say};

/// Deploys the file unless exactly this text runs already. Returns what is deployed now and whether
/// something was sent.
///
/// # Errors
/// When the file cannot be read or the Controller refuses it.
pub fn deploy(
    rest: &Rest,
    file: &Path,
    before: Option<&DeployedApplication>,
) -> Result<(DeployedApplication, bool)> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let name =
        metadata_name(&text).with_context(|| format!("{} has no metadata.name", file.display()))?;
    let wanted = DeployedApplication { name, digest: archive::hex(text.as_bytes()) };
    let exists = rest.microservices(&wanted.name)?.is_some();
    if exists && before == Some(&wanted) {
        return Ok((wanted, false));
    }
    rest.deploy_yaml(&wanted.name, text.as_bytes(), exists)
        .with_context(|| format!("cannot deploy {}", file.display()))?;
    Ok((wanted, true))
}

/// Writes a copy of the sample application whose sensor makes a reading every `interval_ms`.
///
/// # Errors
/// When the sample has no interval or the copy cannot be written.
pub fn sample_with_interval(interval_ms: u32, copy: &Path) -> Result<()> {
    const SLOW: &str = "intervalMs: 200";
    let text = std::fs::read_to_string(workspace().join("samples/app.yaml"))?;
    ensure!(text.contains(SLOW), "samples/app.yaml has no {SLOW}");
    if let Some(folder) = copy.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(copy, text.replace(SLOW, &format!("intervalMs: {interval_ms}")))
        .with_context(|| format!("cannot write {}", copy.display()))
}

/// The name in the file's `metadata`, block or flow style; the Controller judges everything else.
fn metadata_name(yaml: &str) -> Option<String> {
    let after = yaml.split("metadata:").nth(1)?;
    let value = after.split("name:").nth(1)?;
    let end = value.find(['\n', ',', '}']).unwrap_or(value.len());
    let name = value[..end].trim().trim_matches(['"', '\'']);
    (!name.is_empty()).then(|| name.to_owned())
}

/// Waits until every microservice reports `RUNNING`, telling each change.
///
/// # Errors
/// When that takes longer than `patience`; the last reported states are in the message.
pub fn wait_running(rest: &Rest, name: &str, patience: Duration) -> Result<Vec<Microservice>> {
    let deadline = Instant::now() + patience;
    let mut shown = String::new();
    loop {
        let list = rest.microservices(name)?.unwrap_or_default();
        let states: Vec<String> = list.iter().map(describe).collect();
        let states = states.join(", ");
        if states != shown {
            say::step("application", &states);
            shown = states;
        }
        if !list.is_empty() && list.iter().all(|m| m.status.status == "RUNNING") {
            return Ok(list);
        }
        if Instant::now() >= deadline {
            bail!("application {name} does not run: {shown}");
        }
        interrupt::sleep(Duration::from_millis(50))?;
    }
}

fn describe(microservice: &Microservice) -> String {
    let status = &microservice.status;
    let error = status.error_message.as_deref().unwrap_or_default();
    let blank = if error.is_empty() { "" } else { ": " };
    format!("{} {}{blank}{error}", microservice.name, status.status)
}

/// URLs of the application's public ports.
pub fn public_links(microservices: &[Microservice]) -> Vec<String> {
    let ports = microservices.iter().flat_map(|m| &m.ports);
    ports.filter_map(|p| p.public.as_ref()).flat_map(|p| p.links.clone()).collect()
}

/// Waits until a page answers 200 under the URL. Returns its text.
///
/// # Errors
/// When it does not within `patience`; the last answer is in the message.
pub fn wait_page(url: &str, patience: Duration) -> Result<String> {
    let deadline = Instant::now() + patience;
    loop {
        let problem = match get(url) {
            Ok((200, body)) => return Ok(body),
            Ok((status, body)) => {
                format!("status {status}: {}", body.chars().take(200).collect::<String>())
            }
            Err(error) => format!("{error:#}"),
        };
        if Instant::now() >= deadline {
            bail!("{url} does not open: {problem}");
        }
        interrupt::sleep(Duration::from_millis(100))?;
    }
}

/// Fetches an `http://` URL: status and text.
///
/// # Errors
/// When it cannot be reached.
pub fn get(url: &str) -> Result<(u16, String)> {
    let rest = url.strip_prefix("http://").context("not an http URL")?;
    let (address, path) = rest.split_once('/').unwrap_or((rest, ""));
    let answer = Request::new("GET", &format!("/{path}")).send(&Origin::Tcp(address.to_owned()))?;
    Ok((answer.status, answer.text()))
}

#[cfg(test)]
mod tests {
    use super::metadata_name;

    #[test]
    fn name_in_both_yaml_styles() {
        assert_eq!(
            metadata_name("kind: A\nmetadata:\n  name: \"my-app\"\nspec: {}").unwrap(),
            "my-app"
        );
        assert_eq!(metadata_name("metadata: {name: my-app, x: 1}\n").unwrap(), "my-app");
        assert!(metadata_name("kind: Application\n").is_none());
    }
}
