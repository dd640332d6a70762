//! In the place of an upstream Agent: its identity, its caches and its running containers are taken over (agent contract 4.1, 6, 7.5).
#![allow(clippy::unwrap_used, reason = "a test may fail here")]

#[cfg(test)]
mod support;

use std::process::Command;

use serde_json::{Value, json};
use support::controller::{Controller, microservice};
use support::daemon::Daemon;
use support::docker::{Docker, IMAGE};
use support::{eventually, folder, uuid};

/// Writes a cache with its checksum, which the system's own programs compute.
fn cache(folder: &std::path::Path, name: &str, data: &Value) {
    let data = data.to_string();
    let line = "printf %s \"$0\" | base64 -w0 | sha1sum | cut -d' ' -f1";
    let output = Command::new("sh").args(["-c", line, &data]).output().unwrap();
    let checksum = String::from_utf8(output.stdout).unwrap();
    let text = format!(
        "{{\"checksum\":\"{}\",\"timestamp\":1700000000000,\"data\":{data}}}",
        checksum.trim()
    );
    std::fs::write(folder.join(name), text).unwrap();
}

#[test]
fn identity_caches_and_containers_are_taken_over() {
    let Some(docker) = Docker::connect() else { return };
    let controller = Controller::start();
    let folder = folder("predecessor");
    let fog = uuid("fog-predecessor");
    let (running, ended) = (uuid("running"), uuid("ended"));
    // As the upstream Agent leaves it: a container without labels of ours, and one that is gone.
    let name = format!("iofog_{running}");
    let label = format!("iofog-uuid={fog}");
    assert!(docker.run(&["run", "-d", "--name", &name, "--label", &label, IMAGE]));
    let before = docker.inspect(&name, "{{.Id}}");
    let mut first = microservice(&running, IMAGE);
    first["rebuild"] = json!(true);
    let list = vec![first, microservice(&ended, IMAGE)];
    cache(&folder, "microservices.json", &json!(list));
    cache(&folder, "registries.json", &json!([{ "id": 2, "url": "from_cache", "isPublic": true }]));
    cache(&folder, "edge_resources.json", &json!([]));
    controller.with(|script| {
        script.uuid.clone_from(&fog);
        script.outage = Some((502, "<html>".into()));
    });

    let daemon = Daemon::start(
        &folder,
        &[
            ("controller_url", controller.url.as_str()),
            ("iofog_uuid", &fog),
            ("access_token", "token-1"),
            ("bind_address", "127.0.0.1"),
            ("status_update_freq", "2"),
        ],
    );
    assert!(daemon.text(&["info"]).contains(&fog));
    eventually("both run without the Controller", || {
        daemon.text(&["status"]).contains("Running Microservices       : 2").then_some(())
    });
    assert_eq!(docker.inspect(&name, "{{.Id}}"), before);

    // The Controller says the same: the container stays, and is reported as the microservice's.
    let mut list = list;
    list[0]["rebuild"] = json!(false);
    controller.with(|script| script.outage = None);
    controller.deploy(list);
    eventually("it is reported", || {
        controller
            .entry_of(&running)
            .is_some_and(|entry| entry["status"] == "RUNNING" && entry["containerId"] == before)
            .then_some(())
    });
    assert_eq!(docker.inspect(&name, "{{.Id}}"), before);
    assert_eq!(docker.containers(&fog).len(), 2);

    // Its own state rules from here on: the caches are not read again.
    daemon.kill();
    cache(&folder, "microservices.json", &json!([]));
    controller.with(|script| script.outage = Some((502, "<html>".into())));
    let daemon = Daemon::restart(&folder);
    eventually("both run again", || {
        daemon.text(&["status"]).contains("Running Microservices       : 2").then_some(())
    });
    assert_eq!(docker.inspect(&name, "{{.Id}}"), before);
    drop(daemon);
    docker.clean(&fog);
    let _ = std::fs::remove_dir_all(folder);
}
