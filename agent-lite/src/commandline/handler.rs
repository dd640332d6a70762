//! Command lines and administration calls, carried out by the field agent (agent contract 8.3, 11).

use super::{Administration, CommandReply, Granted, LocalFuture, Refused, text};
use crate::bus::Bus;
use crate::config::{ConfigFile, Outcome, Setting};
use crate::context::Position;
use crate::controller_client::ControllerError;
use crate::domain::explain::Explanation;
use crate::field_agent::{FieldAgent, ProvisionError};

/// The administration of one daemon.
#[derive(Clone)]
pub struct Commandline {
    agent: FieldAgent,
    bus: Bus,
}

// === impl Commandline ===

impl Commandline {
    /// Commands for `agent` and its `bus`.
    pub fn new(agent: FieldAgent, bus: Bus) -> Self {
        Self { agent, bus }
    }

    async fn run(&self, line: &str) -> CommandReply {
        self.agent.note_command();
        let words: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
        match words.as_slice() {
            ["version" | "--version" | "-v"] => ok(text::version()),
            ["status"] => {
                let mut lines = self.status_lines();
                let error = self.agent.link_error();
                if !error.is_empty() {
                    lines.push(("Last Controller Error", error));
                }
                ok(text::padded(&lines, 28, ": "))
            }
            ["info"] => ok(text::padded(&text::info(&self.agent), 40, " : ")),
            ["provision", key] => self.provision_command(key).await,
            ["deprovision"] => self.deprovision_command().await,
            ["config", "defaults"] => {
                self.agent.reset_config().await;
                ok("Configuration has been reset to its defaults.".to_owned())
            }
            ["config", "-ac"] => {
                ok(self.config_command(&[(Setting::ControllerCert, String::new())]).await)
            }
            ["config", options @ ..] if !options.is_empty() => match parse_options(options) {
                Some(wanted) => ok(self.config_command(&wanted).await),
                None => ok(text::USAGE.to_owned()),
            },
            ["switch", word] => ok(self.switch_command(word).await),
            ["prune"] => ok(match self.agent.prune().await {
                Ok(bytes) => format!(
                    "\nSuccess - pruned dangling docker images, total reclaimed space: {bytes}"
                ),
                Err(error) => format!("\nFailure - not pruned.\n{error}"),
            }),
            ["explain", name] => self.explain_command(name, Explanation::text),
            ["explain", name, "-o" | "--output", "json"] => {
                self.explain_command(name, |found| serde_json::json!(found).to_string())
            }
            ["checkUpgradeReady"] => {
                let (upgrade, rollback) = self.agent.updater().readiness();
                ok(format!("Ready To Upgrade : {upgrade}\nReady To Rollback : {rollback}"))
            }
            ["start" | "stop"] => {
                ok("Please use the service manager, such as: service iofog-agent start|stop"
                    .to_owned())
            }
            _ => ok(text::USAGE.to_owned()),
        }
    }

    /// What the contract has, and the books of the message bus below it.
    fn status_lines(&self) -> text::Lines {
        let mut lines = text::status(&self.agent);
        let status = self.bus.status();
        let mut books = status.ledger.line(status.pending);
        if let Some(reason) = self.bus.closed() {
            books.push_str(&format!("; none are taken: {reason}"));
        }
        lines.push(("Message Ledger", books));
        lines
    }

    async fn provision_command(&self, key: &str) -> CommandReply {
        let head = format!("Provisioning with key \"{key}\" ... Result: ");
        match self.agent.provision(key).await {
            Ok(uuid) => ok(format!("{head}\nProvision success - Iofog UUID is {uuid}")),
            Err(error) => failed(format!("{head}\nProvision failed - {}", in_words(&error))),
        }
    }

    async fn deprovision_command(&self) -> CommandReply {
        let head = "Deprovisioning from controller ... ";
        match self.agent.deprovision().await {
            Ok(()) => ok(format!("{head}\nSuccess - tokens, identifiers and keys removed")),
            Err(error) => failed(format!("{head}\nFailure - {error}")),
        }
    }

    async fn config_command(&self, wanted: &[(Setting, String)]) -> String {
        let changes = self.agent.configure(wanted).await;
        let lines = changes.iter().map(|change| {
            let option = change.setting.cli().unwrap_or_else(|| change.setting.element());
            match &change.outcome {
                Outcome::Accepted { old } => {
                    format!("\n\tChange accepted for parameter -{option}, old value was :{old}, new value is :{}", change.value)
                }
                Outcome::Refused(reason) => format!("\n\tError -{option} : {reason}"),
            }
        });
        let mut text: String = lines.collect();
        if self.agent.is_config_unsaved() {
            text.push_str(
                "\n\tNot saved, as the disk refuses it: it holds now, and saving is tried again",
            );
        }
        text
    }

    fn explain_command(&self, name: &str, form: impl Fn(&Explanation) -> String) -> CommandReply {
        match self.explain(name) {
            Ok(found) => ok(form(&found)),
            Err(text) => failed(text),
        }
    }

    async fn switch_command(&self, word: &str) -> String {
        let Some(profile) = ConfigFile::profile(word) else {
            return format!("Invalid switch value \"{word}\": use dev, prod or def");
        };
        if self.agent.profile() == profile {
            return format!("Already using {profile} configuration.");
        }
        match self.agent.switch_profile(profile).await {
            Ok(()) => format!("Successfully switched to {profile} configuration."),
            Err(error) => format!("Could not switch to {profile} configuration: {error}"),
        }
    }
}

impl Administration for Commandline {
    fn command<'a>(&'a self, line: &'a str) -> LocalFuture<'a, CommandReply> {
        Box::pin(self.run(line))
    }

    fn status(&self) -> Vec<(String, String)> {
        self.status_lines().into_iter().map(|(label, value)| (text::key(label), value)).collect()
    }

    fn info(&self) -> Vec<(String, String)> {
        text::info(&self.agent)
            .into_iter()
            .map(|(label, value)| (text::key(label), value))
            .collect()
    }

    fn provision<'a>(&'a self, key: &'a str) -> LocalFuture<'a, Result<Granted, String>> {
        Box::pin(async move {
            let granted = self.agent.provision(key).await;
            granted.map(|uuid| Granted { uuid: uuid.to_string() }).map_err(|error| in_words(&error))
        })
    }

    fn deprovision(&self) -> LocalFuture<'_, Result<(), String>> {
        Box::pin(async { self.agent.deprovision().await.map_err(|error| error.to_string()) })
    }

    fn configure<'a>(
        &'a self,
        settings: &'a [(String, String)],
    ) -> LocalFuture<'a, Option<Vec<Refused>>> {
        Box::pin(async move {
            let known = |(name, value): &(String, String)| {
                Some((Setting::by_local_api(name)?, value.clone()))
            };
            let wanted: Vec<_> = settings.iter().filter_map(known).collect();
            if wanted.is_empty() {
                return None;
            }
            let name_of = |setting| {
                let found =
                    settings.iter().find(|(name, _)| Setting::by_local_api(name) == Some(setting));
                found.map(|(name, _)| name.clone()).unwrap_or_default()
            };
            let refused = self.agent.configure(&wanted).await.into_iter().filter_map(|change| {
                match change.outcome {
                    Outcome::Refused(reason) => {
                        Some(Refused { setting: name_of(change.setting), reason })
                    }
                    Outcome::Accepted { .. } => None,
                }
            });
            Some(refused.collect())
        })
    }

    fn explain(&self, microservice: &str) -> Result<Explanation, String> {
        self.agent.explain(microservice, |uuid| self.bus.flow(uuid))
    }

    fn set_position(&self, latitude: &str, longitude: &str) -> Result<(), String> {
        let pair = format!("{latitude},{longitude}");
        self.agent.take_position(&pair).map_err(|error| error.to_string())?;
        self.agent.context().set_position(Some(Position {
            latitude: latitude.to_owned(),
            longitude: longitude.to_owned(),
            timestamp: crate::clock::Clock::new().epoch().0,
        }));
        Ok(())
    }
}

/// Pairs of option and value; `None` for an unknown option or a missing value.
fn parse_options(words: &[&str]) -> Option<Vec<(Setting, String)>> {
    if !words.len().is_multiple_of(2) {
        return None;
    }
    words.chunks(2).map(|pair| Some((Setting::by_cli(pair[0])?, pair[1].to_owned()))).collect()
}

/// The Controller's own words where it spoke, else what failed.
fn in_words(error: &ProvisionError) -> String {
    match error {
        ProvisionError::Controller(ControllerError::Connect(cause)) => {
            format!(
                "provisioning key could not be checked: no connection to the controller ({cause})"
            )
        }
        other => other.to_string(),
    }
}

fn ok(text: String) -> CommandReply {
    CommandReply { text, succeeded: true }
}

fn failed(text: String) -> CommandReply {
    CommandReply { text, succeeded: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_come_in_known_pairs() {
        assert_eq!(
            parse_options(&["-cf", "10", "-sf", "+6"]),
            Some(vec![
                (Setting::ChangeFrequency, "10".into()),
                (Setting::StatusFrequency, "+6".into())
            ])
        );
        assert_eq!(
            parse_options(&["--bind_address", "10.0.0.1"]).map(|all| all[0].0),
            Some(Setting::BindAddress)
        );
        for bad in [&["-cf"][..], &["-zz", "1"], &["cf", "1"], &["-cf", "1", "-sf"]] {
            assert_eq!(parse_options(bad), None, "{bad:?}");
        }
    }
}
