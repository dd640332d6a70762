//! Installing and removing the Controller's program: as the Agent's, with a configuration.

use serde_json::{Value, json};

use super::component::CONTROLLER;
use super::probe;
use super::program::{as_root, put, put_file, remove, take_back, wait_for};
use crate::config::records::{RemoteControlPlane, RemoteController};
use crate::output::{notice, progress};
use crate::ssh::Session;
use crate::text::{Error, Result};

const FOLDER: &str = "/var/lib/iofog-controller";
const CONFIG: &str = "/var/lib/iofog-controller/config.json";
const LOGS: &str = "/var/log/iofog-controller";
/// Everything the Controller leaves on a machine.
const TRACES: &[&str] = &[
    "/usr/bin/iofog-controller",
    "/usr/bin/iofog-controller.previous",
    "/etc/iofog-controller",
    FOLDER,
    LOGS,
    "/run/iofog-controller.pid",
];

/// Settings that the control plane decides, by their levels in the Controller's `config.json`.
pub(super) fn settings(plane: &RemoteControlPlane, controller: &RemoteController) -> Value {
    let images = &plane.system_microservices;
    let database = &plane.database;
    let mut settings = json!({
        "Service": {"LogsDirectory": LOGS},
        "PID": {"BASE": controller.config.pid_base_dir},
        "VIEWER": {"PORT": controller.config.ecn_viewer_port},
        "SystemImages": {
            "Router": {"1": images.router.x86, "2": images.router.arm},
            "Proxy": {"1": images.proxy.x86, "2": images.proxy.arm},
        },
    });
    if !database.host.is_empty() {
        let or = |text: &str, usual: &str| {
            if text.is_empty() { usual.to_owned() } else { text.to_owned() }
        };
        settings["DB"] = json!({
            "PROVIDER": or(&database.provider, "postgres"),
            "HOST": database.host,
            "PORT": if database.port == 0 { 5432 } else { database.port },
            "USER": database.user,
            "PASSWORD": database.password,
            "NAME": or(&database.database_name, "iofogcontroller"),
        });
    }
    settings
}

/// Puts settings that are given over those that are there; others stay as somebody set them.
fn merge(there: &mut Value, given: &Value) {
    match (there, given) {
        (Value::Object(there), Value::Object(given)) => {
            for (key, given) in given {
                merge(there.entry(key).or_insert_with(|| json!({})), given);
            }
        }
        (there, given) if *given != json!("") && *given != json!(0) => *there = given.clone(),
        _ => {}
    }
}

/// Drops objects that say nothing.
fn tidy(value: &mut Value) {
    if let Value::Object(entries) = value {
        entries.values_mut().for_each(tidy);
        entries.retain(|_, value| *value != json!({}));
    }
}

/// Makes the Controller's program run and answer on its machine. A new program that does not come up
/// gives its place back to the one before.
///
/// # Errors
/// The machine cannot be reached or used, or the program does not come up.
pub fn install_controller(
    session: &Session,
    plane: &RemoteControlPlane,
    controller: &RemoteController,
) -> Result<()> {
    let step = |text: &str| progress(&format!("Controller {}: {text}", controller.name));
    step("looking at the machine");
    let device = probe(session)?;
    let known = as_root(session, &device, &format!("cat {CONFIG} 2>/dev/null || echo {{}}"))?;
    let mut wanted: Value = serde_json::from_str(&known)
        .map_err(|error| Error::Plain(format!("{CONFIG} on the machine is no JSON: {error}")))?;
    merge(&mut wanted, &settings(plane, controller));
    tidy(&mut wanted);
    let text = format!("{wanted:#}\n");
    let was_known = known.trim() == text.trim();
    if !was_known {
        step("writing its configuration");
        put_file(session, &device, text.as_bytes(), CONFIG, "0600")?;
    }
    as_root(session, &device, &format!("mkdir -p {LOGS}"))?;
    let changed = put(session, &device, &CONTROLLER, &step)?;
    if !was_known && !changed {
        as_root(session, &device, &device.init.restart(&CONTROLLER))?;
    }
    step("waiting until it answers");
    let up = online(session, &device);
    if let (Err(error), true) = (&up, changed) {
        let back = take_back(session, &device, &CONTROLLER).and_then(|()| online(session, &device));
        return Err(Error::Plain(match back {
            Ok(()) => format!("{error}\nThe program of before runs again"),
            Err(second) => format!("{error}\nThe program of before could not be started: {second}"),
        }));
    }
    up
}

fn online(session: &Session, device: &super::Device) -> Result<()> {
    wait_for(session, device, &CONTROLLER, "controller status", "status.*online")
}

/// Returns to the program before the last change.
///
/// # Errors
/// There is none, or it does not come up.
pub fn rollback_controller(session: &Session) -> Result<()> {
    let device = probe(session)?;
    take_back(session, &device, &CONTROLLER)?;
    online(session, &device)
}

/// Removes the Controller, its data and the Agent beside it, so that nothing stays.
///
/// # Errors
/// The machine cannot be reached, or a file cannot be removed.
pub fn uninstall_controller(session: &Session) -> Result<()> {
    let device = probe(session)?;
    let agent = session.run("[ -x /usr/bin/iofog-agent ]")?;
    if agent.status == 0
        && let Err(error) = super::uninstall(session)
    {
        notice(&format!("Failed to remove the system Agent. {error}"));
    }
    remove(session, &device, &CONTROLLER, TRACES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::records::Database;

    #[test]
    fn settings_are_put_over_those_that_are_there() {
        let mut plane = RemoteControlPlane::default();
        plane.system_microservices.router.x86 = "r:1".into();
        plane.database =
            Database { host: "db".into(), password: "p".into(), ..Database::default() };
        let mut known = json!({"Server": {"Port": 1}, "DB": {"HOST": "old", "SSL": {"CA": "/ca"}}});
        merge(&mut known, &settings(&plane, &RemoteController::default()));
        tidy(&mut known);
        assert_eq!(
            known,
            json!({
                "Server": {"Port": 1},
                "Service": {"LogsDirectory": LOGS},
                "SystemImages": {"Router": {"1": "r:1"}},
                "DB": {"PROVIDER": "postgres", "HOST": "db", "PORT": 5432, "PASSWORD": "p", "NAME": "iofogcontroller", "SSL": {"CA": "/ca"}},
            })
        );
    }
}
