//! Configuration between file and Controller (agent contract 3.4, with the fix of 14/12: compare before pushing).

use super::FieldAgent;
use crate::config::{Config, ConfigFile, Outcome, Setting, SettingChange};
use crate::controller_client::{ControllerError, RemoteConfig, local_config};
use crate::fault;

impl FieldAgent {
    /// Changes settings by order of the command line or the Local API; valid ones are saved and pushed.
    pub async fn configure(&self, wanted: &[(Setting, String)]) -> Vec<SettingChange> {
        let changes = self.core.config.borrow_mut().apply(wanted);
        if changes.iter().any(|change| matches!(change.outcome, Outcome::Accepted { .. })) {
            self.after_change().await;
        }
        changes
    }

    /// Takes a position from a microservice: mode `dynamic`, pushed in the background.
    pub fn take_position(&self, pair: &str) -> Result<(), crate::config::Invalid> {
        self.core.config.borrow_mut().set(Setting::GpsCoordinates, pair)?;
        self.core.config.borrow_mut().set(Setting::Gps, "dynamic")?;
        let agent = self.clone();
        iofog_task::spawn(async move { agent.after_change().await });
        Ok(())
    }

    /// All options back to their built-in defaults.
    pub async fn reset_config(&self) {
        self.core.config.borrow_mut().reset();
        self.after_change().await;
    }

    /// Makes another profile the active one; it carries its own identity. The error is the text to show.
    pub async fn switch_profile(&self, profile: &'static str) -> Result<(), String> {
        let mut file: ConfigFile = self.core.file.borrow().clone();
        file.switch_to(profile).map_err(|error| error.to_string())?;
        let (config, notes) = file.load().map_err(|error| error.to_string())?;
        notes.iter().for_each(|note| log::warn!(target: "config", "{note}"));
        self.core.state.borrow_mut().take_identity(&config.uuid());
        *self.core.config.borrow_mut() = config;
        *self.core.file.borrow_mut() = file;
        self.save_state();
        self.core.initialised.set(false);
        self.spread_desired();
        self.after_change().await;
        Ok(())
    }

    async fn after_change(&self) {
        self.save_config();
        *self.core.interface.borrow_mut() =
            super::connection::detect_interface(&self.core.config.borrow());
        self.spread_identity();
        self.push_config().await;
        self.core.changes_due.notify_one();
        self.core.status_due.notify_one();
    }

    /// Tells the Controller the local configuration; a failure is made up for at the next start.
    pub(super) async fn push_config(&self) {
        if !self.core.config.borrow().is_provisioned() {
            return;
        }
        let (body, synced) = {
            let config = self.core.config.borrow();
            (local_config(&config, &self.core.interface.borrow().name), exchanged(&config))
        };
        match self.core.client.push_config(&body).await {
            Ok(()) => {
                self.core.state.borrow_mut().synced_config = synced;
                self.save_state();
            }
            Err(error) => self.note_failure("configuration", &error),
        }
    }

    /// Takes the Controller's configuration. At start, values changed here since the last exchange win.
    pub(super) async fn fetch_config(&self, starting: bool) -> Result<(), ControllerError> {
        let remote = self.guarded(self.core.client.config()).await?;
        self.core.documents.borrow_mut().clear();
        self.take_config(&remote, starting).await;
        Ok(())
    }

    /// The same with a configuration that is here already.
    pub(super) async fn take_config(&self, remote: &RemoteConfig, starting: bool) {
        let local_edits = starting
            && self.core.state.borrow().synced_config != exchanged(&self.core.config.borrow());
        if local_edits {
            // What it holds is known now: no order, should it not hear of ours.
            let config = self.core.config.borrow();
            let held = remote.settings.iter().map(|(setting, value)| {
                (setting.element().to_owned(), meant(&config, *setting, value))
            });
            self.core.state.borrow_mut().synced_config.extend(held);
        }
        if local_edits || self.take_remote(remote) {
            self.push_config().await;
        }
        if remote.router.is_some() && self.core.state.borrow().router != remote.router {
            self.core.state.borrow_mut().router.clone_from(&remote.router);
            self.save_state();
            self.spread_router();
        }
    }

    /// Takes what was changed at the Controller. True when something was changed here that it has not heard: a value that
    /// it holds since the last exchange is no order to go back.
    fn take_remote(&self, remote: &RemoteConfig) -> bool {
        let before = self.core.config.borrow().clone();
        let known = self.core.state.borrow().synced_config.clone();
        let mut untold = Vec::new();
        for (setting, value) in &remote.settings {
            let value = meant(&before, *setting, value);
            if !is_news(&before, *setting, &value) {
                continue;
            }
            if let Some((element, last)) = known.get_key_value(setting.element())
                && !differ(last, &value)
            {
                untold.push((element.clone(), last.clone()));
                continue;
            }
            let target = if *setting == Setting::GpsCoordinates { Setting::Gps } else { *setting };
            for change in self.core.config.borrow_mut().apply(&[(target, value.clone())]) {
                match change.outcome {
                    Outcome::Accepted { old } => {
                        log::info!(target: "config", "{} changed by the controller from '{old}' to '{value}'", setting.element());
                    }
                    Outcome::Refused(reason) => {
                        log::warn!(target: "config", "{}: {reason}", setting.element())
                    }
                }
            }
        }
        if *self.core.config.borrow() != before {
            fault::before("config.apply");
            self.save_config();
            self.spread_identity();
            fault::after("config.apply");
            self.core.status_due.notify_one();
        }
        let mut synced = exchanged(&self.core.config.borrow());
        let is_untold = !untold.is_empty();
        synced.extend(untold);
        if self.core.state.borrow().synced_config != synced {
            self.core.state.borrow_mut().synced_config = synced;
            self.save_state();
        }
        is_untold
    }
}

/// What the Controller means by a value: a folder that nobody chose there is the Agent's own (decision 0140).
fn meant(config: &Config, setting: Setting, value: &str) -> String {
    let unchosen = match setting {
        Setting::DiskDirectory => "/var/lib/iofog",
        Setting::LogDirectory => "/var/log/iofog",
        _ => return value.to_owned(),
    };
    match value.trim_end_matches('/') == unchosen {
        true => config.built_in(setting),
        false => value.to_owned(),
    }
}

/// The value differs from the local one, by number where both are numbers.
fn is_news(config: &Config, setting: Setting, value: &str) -> bool {
    let local = config.get(setting);
    if setting == Setting::NetworkInterface {
        return local != "dynamic" && local != value;
    }
    differ(local, value)
}

/// By number where both are numbers, or pairs of them.
fn differ(one: &str, other: &str) -> bool {
    let pair = |text: &str| {
        text.split(',').map(|part| part.trim().parse::<f64>().ok()).collect::<Option<Vec<_>>>()
    };
    match (pair(one), pair(other)) {
        (Some(one), Some(other)) => one != other,
        _ => one != other,
    }
}

/// What both sides hold, for telling which one changed.
fn exchanged(config: &Config) -> iofog_sorted::SortedMap<String, String> {
    let both = Setting::ALL
        .into_iter()
        .filter(|setting| setting.json().is_some() || *setting == Setting::GpsCoordinates);
    both.map(|setting| (setting.element().to_owned(), config.get(setting).to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::meant;
    use crate::config::{Config, Paths, Setting};

    #[test]
    fn folders_nobody_chose_are_the_agents_own() {
        let system = Config::defaults(&Paths::system(None));
        let elsewhere = Config::defaults(&Paths::under(Path::new("/home/me")));
        for (config, setting, value, is) in [
            (&system, Setting::LogDirectory, "/var/log/iofog/", "/var/log/iofog-agent/"),
            (&system, Setting::LogDirectory, "/var/log/iofog", "/var/log/iofog-agent/"),
            (&system, Setting::DiskDirectory, "/var/lib/iofog/", "/var/lib/iofog-agent/"),
            (&elsewhere, Setting::DiskDirectory, "/var/lib/iofog/", "/home/me/lib/"),
            (&system, Setting::LogDirectory, "/data/iofog/", "/data/iofog/"),
            (&system, Setting::LogDirectory, "/var/lib/iofog/", "/var/lib/iofog/"),
            (&system, Setting::LogLevel, "/var/log/iofog/", "/var/log/iofog/"),
        ] {
            assert_eq!(meant(config, setting, value), is, "{setting:?} {value}");
        }
    }
}
