//! A node from provisioning to running containers, against a scripted Controller and the real engine.

#[cfg(test)]
mod support;

use std::net::TcpListener;

use serde_json::json;
use support::controller::{Controller, microservice};
use support::daemon::{Daemon, command};
use support::docker::{Docker, IMAGE};
use support::{answer_http, eventually, folder, free_port, http_get, start, uuid};

#[test]
fn provisioning_is_refused_with_the_controllers_words_and_keeps_the_old_identity() {
    let controller = Controller::start();
    let (folder, daemon) = start("provision", &controller);
    let refused = daemon.command(&["provision", "wrongkey"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stdout).contains("Invalid Provisioning Key"));
    let refused = daemon.command(&["deprovision"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stdout).contains("Failure - not provisioned"));
    assert!(daemon.text(&["status"]).contains("Connection to Controller    : not provisioned"));

    let granted = daemon.command(&["provision", "goodkey1"]);
    let fog = controller.with(|script| script.uuid.clone());
    assert!(
        String::from_utf8_lossy(&granted.stdout)
            .contains(&format!("Provision success - Iofog UUID is {fog}"))
    );
    eventually("a status arrives", || {
        controller.with(|script| (script.statuses > 0).then_some(()))
    });
    assert_eq!(daemon.command(&["provision", "wrongkey"]).status.code(), Some(1));
    assert!(daemon.text(&["info"]).contains(&fog), "a refused key leaves the identity in place");
    assert!(daemon.text(&["status"]).contains("Connection to Controller    : ok"));

    assert_eq!(daemon.command(&["deprovision"]).status.code(), Some(0));
    assert_eq!(controller.with(|script| script.deprovisioned.len()), 1);
    assert!(daemon.text(&["info"]).contains("not provisioned"));
    assert!(
        !daemon.log().contains("token-1") && !daemon.log().contains("goodkey1"),
        "secrets in the log"
    );
    assert!(daemon.terminate());
    let _ = std::fs::remove_dir_all(folder);
}

#[test]
fn the_log_moves_to_another_folder_at_once_and_stays_where_none_can_be() {
    let folder = folder("log-folder");
    std::fs::write(folder.join("config.xml"), "<config>\n</config>\n").unwrap();
    let daemon = Daemon::restart_with(&folder, &["--log", "file"]);
    let moved = folder.join("moved");
    daemon.command(&["config", "-ld", moved.to_str().unwrap()]);
    let newest = moved.join("iofog-agent.0.log");
    assert!(newest.exists());
    // Where a file stands no folder can be made.
    let file = folder.join("file");
    std::fs::write(&file, "").unwrap();
    daemon.command(&["config", "-ld", file.join("below").to_str().unwrap()]);
    let told = std::fs::read_to_string(&newest).unwrap();
    assert!(told.contains("the log stays where it is"), "{told}");
    assert!(daemon.terminate());
    let _ = std::fs::remove_dir_all(folder);
}

#[test]
fn a_setting_that_the_disk_refuses_says_so_and_is_saved_later() {
    let controller = Controller::start();
    let (folder, daemon) = start("settings-unsaved", &controller);
    let in_the_way = folder.join("config.xml.new");
    std::fs::create_dir(&in_the_way).unwrap();
    let text = daemon.text(&["config", "-cf", "11"]);
    assert!(text.contains("accepted") && text.contains("Not saved"), "{text}");
    std::fs::remove_dir(&in_the_way).unwrap();
    eventually("it is saved", || {
        let saved = std::fs::read_to_string(folder.join("config.xml")).unwrap();
        saved.contains("<get_changes_freq>11<").then_some(())
    });
    assert!(!daemon.text(&["config", "-sf", "12"]).contains("Not saved"));
    drop(daemon);
    let _ = std::fs::remove_dir_all(folder);
}

#[test]
fn settings_are_judged_one_by_one_saved_and_pushed() {
    let controller = Controller::start();
    let (folder, daemon) = start("settings", &controller);
    daemon.command(&["provision", "goodkey1"]);
    let answer = daemon.command(&["config", "-cf", "11", "-ll", "LOUD"]);
    assert_eq!(answer.status.code(), Some(0));
    let text = String::from_utf8_lossy(&answer.stdout).into_owned();
    assert!(text.contains("-cf") && text.contains("Error -ll"), "{text}");
    assert!(
        daemon.text(&["config -zz 1"]).starts_with("Usage"),
        "one quoted argument equals several"
    );
    eventually("the change is pushed", || {
        controller.with(|script| {
            script.pushed.iter().any(|body| body["changeFrequency"] == 11).then_some(())
        })
    });
    controller.with(|script| {
        script.config = json!({"changeFrequency": 7, "logLimit": null, "routerHost": "localhost", "routerPort": 5672});
        script.raise(&["config"]);
    });
    eventually("the controller's value is taken", || {
        daemon
            .text(&["info"])
            .contains("Get Changes Frequency                    : 7")
            .then_some(())
    });
    drop(daemon);
    let daemon = Daemon::restart(&folder);
    assert!(daemon.text(&["info"]).contains("Get Changes Frequency                    : 7"));
    let second = command(&folder, &["daemon"]);
    assert!(String::from_utf8_lossy(&second.stderr).contains("already running"));
    drop(daemon);
    assert_eq!(command(&folder, &["status"]).status.code(), Some(0), "no daemon: one line, exit 0");
    let _ = std::fs::remove_dir_all(folder);
}

#[test]
fn containers_follow_the_list_and_survive_the_daemon() {
    let Some(docker) = Docker::connect() else { return };
    let controller = Controller::start();
    let (folder, daemon) = start("containers", &controller);
    let fog = uuid("fog-containers");
    controller.with(|script| script.uuid = fog.clone());
    let (first, second) = (uuid("ms-one"), uuid("ms-two"));
    assert!(daemon.command(&["provision", "goodkey1"]).status.success());
    let mut one = microservice(&first, IMAGE);
    one["env"] = json!([{"key": "COLOUR", "value": "blue"}]);
    one["cmd"] = json!(["1000"]);
    let port = free_port();
    one["portMappings"] = json!([{"portInternal": 80, "portExternal": port, "isUdp": null}]);
    let volume = uuid("volume");
    one["volumeMappings"] = json!([{
        "hostDestination": volume, "containerDestination": "/data", "accessMode": "ro", "type": "volume"
    }]);
    controller.deploy(vec![one.clone(), microservice(&second, IMAGE)]);
    for uuid in [&first, &second] {
        eventually("it runs", || controller.state_of(uuid).filter(|state| state == "RUNNING"));
    }
    let name = format!("iofog_{first}");
    let before = docker.containers(&fog);
    assert_eq!(before.len(), 2);
    assert_eq!(docker.inspect(&name, "{{.HostConfig.Privileged}}"), "false");
    let env = docker.inspect(&name, "{{json .Config.Env}}");
    assert!(env.starts_with(&format!("[\"SELFNAME={first}\",\"COLOUR=blue\"")), "{env}");
    let ports = docker.inspect(&name, "{{json .HostConfig.PortBindings}}");
    assert_eq!(ports, format!(r#"{{"80/tcp":[{{"HostIp":"127.0.0.1","HostPort":"{port}"}}]}}"#));
    assert_eq!(docker.inspect(&name, "{{(index .Mounts 0).RW}}"), "false");
    let hosts = docker.inspect(&name, "{{json .HostConfig.ExtraHosts}}");
    assert_eq!(hosts, r#"["iofog:127.0.0.1"]"#);
    let entry = controller.entry_of(&first).unwrap();
    assert_eq!(entry["containerId"], docker.inspect(&name, "{{.Id}}").as_str());

    // Killed and started without a Controller: adopted untouched.
    daemon.kill();
    controller.with(|script| script.outage = Some((502, "<html>".into())));
    let daemon = Daemon::restart(&folder);
    eventually("it looks", || {
        daemon.text(&["status"]).contains("Running Microservices       : 2").then_some(())
    });
    // A container that ended meanwhile is started again from the cached list.
    let started = docker.inspect(&name, "{{.State.StartedAt}}");
    assert!(docker.run(&["kill", &name]));
    eventually("it is restarted", || {
        let running = docker.inspect(&name, "{{.State.Running}}") == "true";
        (running && docker.inspect(&name, "{{.State.StartedAt}}") != started).then_some(())
    });
    let mut after = docker.containers(&fog);
    after.sort();
    let mut sorted = before.clone();
    sorted.sort();
    assert_eq!(after, sorted, "same containers");
    for outage in
        [(401, "{}"), (403, "{}"), (404, "{}"), (500, "oops"), (200, "<html>"), (200, "{}")]
    {
        controller.with(|script| script.outage = Some((outage.0, outage.1.into())));
        std::thread::sleep(std::time::Duration::from_millis(300));
    }
    assert_eq!(
        docker.containers(&fog).len(),
        2,
        "nothing the Controller fails to say stops a workload"
    );

    // A configuration that lost its identity is damage, not an order.
    daemon.kill();
    let file = folder.join("config.xml");
    let good = std::fs::read(&file).unwrap();
    let daemon = Daemon::start(&folder, &[("bind_address", "127.0.0.1")]);
    eventually("it is noticed", || daemon.log().contains("has no identity").then_some(()));
    eventually("it looks", || {
        daemon.text(&["status"]).contains("Running Microservices       : 2").then_some(())
    });
    daemon.kill();
    std::fs::write(&file, good).unwrap();
    let daemon = Daemon::restart(&folder);

    // A rebuild order replaces one container once.
    controller.with(|script| script.outage = None);
    one["rebuild"] = json!(true);
    controller.deploy(vec![one.clone(), microservice(&second, IMAGE)]);
    let old = docker.inspect(&name, "{{.Id}}");
    let new = eventually("it is rebuilt", || {
        let id = docker.inspect(&name, "{{.Id}}");
        (!id.is_empty() && id != old && docker.inspect(&name, "{{.State.Running}}") == "true")
            .then_some(id)
    });
    one["rebuild"] = json!(false);
    one["env"] = json!([{"key": "COLOUR", "value": "red"}]);
    controller.deploy(vec![one]);
    eventually("changed env makes a new one", || {
        docker.inspect(&name, "{{json .Config.Env}}").contains("COLOUR=red").then_some(())
    });
    assert_ne!(docker.inspect(&name, "{{.Id}}"), new);
    eventually("the unlisted one is gone", || (docker.containers(&fog).len() == 1).then_some(()));

    assert!(daemon.command(&["deprovision"]).status.success());
    eventually("deprovisioned: stopped and kept", || {
        (docker.inspect(&name, "{{.State.Running}}") == "false").then_some(())
    });
    docker.clean(&fog);
    assert!(docker.run(&["volume", "rm", &volume]), "named volumes outlive their containers");
    let _ = std::fs::remove_dir_all(folder);
}

#[test]
fn a_missing_image_is_reported_and_cured() {
    let Some(docker) = Docker::connect() else { return };
    let controller = Controller::start();
    let (folder, daemon) = start("missing", &controller);
    let fog = uuid("fog-missing");
    controller.with(|script| script.uuid = fog.clone());
    assert!(daemon.command(&["provision", "goodkey1"]).status.success());
    let uuid = uuid("ms-missing");
    let image = format!("iofog-agent-test-late:{}", std::process::id());
    controller.deploy(vec![microservice(&uuid, &image)]);
    let entry = eventually("it fails", || {
        controller.entry_of(&uuid).filter(|entry| entry["status"] == "FAILED")
    });
    assert_eq!(entry["errorMessage"], format!("image {image} is not in the local cache"));
    assert!(docker.run(&["tag", IMAGE, &image]));
    let entry = eventually("it runs", || {
        controller.entry_of(&uuid).filter(|entry| entry["status"] == "RUNNING")
    });
    assert_eq!(entry["errorMessage"], "");
    drop(daemon);
    docker.clean(&fog);
    docker.run(&["rmi", &image]);
    let _ = std::fs::remove_dir_all(folder);
}

#[test]
fn router_and_proxy_run_inside_and_return_without_a_controller() {
    let controller = Controller::start();
    let (folder, daemon) = start("modules", &controller);
    let (router, public) = (free_port(), free_port());
    let target = TcpListener::bind("127.0.0.1:0").unwrap();
    let inner = target.local_addr().unwrap().port();
    std::thread::spawn(move || answer_http(&target));
    let mut one = microservice("router-ms", "iofog/router:latest");
    one["config"] = json!(
        json!({
            "mode": "interior", "id": "fog-modules",
            "listeners": [{"role": "normal", "host": "0.0.0.0", "port": router}]
        })
        .to_string()
    );
    let mut two = microservice("proxy-ms", "iofog/proxy:latest");
    two["config"] = json!(json!({
        "mappings": [format!("http:{public}=>amqp:queue1"), format!("amqp:queue1=>http:{inner}")],
        "networkRouter": {"host": "192.0.2.1", "port": router}
    })
    .to_string());
    controller.with(|script| script.microservices = vec![one, two]);
    assert!(daemon.command(&["provision", "goodkey1"]).status.success());
    for uuid in ["router-ms", "proxy-ms"] {
        eventually("the module runs", || {
            controller.state_of(uuid).filter(|state| state == "RUNNING")
        });
    }
    eventually("a request passes the proxies", || {
        http_get(public).filter(|text| text.ends_with("hello"))
    });
    daemon.kill();
    controller.with(|script| script.outage = Some((503, String::new())));
    let daemon = Daemon::restart(&folder);
    eventually("again without the controller", || {
        http_get(public).filter(|text| text.ends_with("hello"))
    });
    controller.with(|script| {
        script.outage = None;
        script.microservices.pop();
        script.raise(&["microserviceList"]);
    });
    eventually("the proxy is gone", || controller.state_of("proxy-ms").is_none().then_some(()));
    assert_eq!(http_get(public), None);
    assert!(daemon.terminate());
    let _ = std::fs::remove_dir_all(folder);
}

#[test]
fn an_empty_list_is_confirmed_before_anything_goes() {
    let controller = Controller::start();
    let folder = folder("empty");
    let elements = [
        ("controller_url", controller.url.as_str()),
        ("bind_address", "127.0.0.1"),
        ("get_changes_freq", "2"),
    ];
    let daemon = Daemon::start(&folder, &elements);
    let port = free_port();
    let mut router = microservice("router-ms", "iofog/router:latest");
    router["config"] = json!(json!({
        "mode": "edge", "id": "fog-empty", "listeners": [{"role": "normal", "host": "0.0.0.0", "port": port}]
    })
    .to_string());
    controller.with(|script| script.microservices = vec![router]);
    assert!(daemon.command(&["provision", "goodkey1"]).status.success());
    eventually("the router runs", || {
        controller.state_of("router-ms").filter(|state| state == "RUNNING")
    });
    let fetches = |controller: &Controller| {
        controller.with(|script| {
            script.calls.iter().filter(|call| *call == "GET agent/microservices").count()
        })
    };
    let before = fetches(&controller);
    controller.deploy(Vec::new());
    eventually("the empty list is fetched", || (fetches(&controller) > before).then_some(()));
    assert!(
        std::net::TcpStream::connect(("127.0.0.1", port)).is_ok(),
        "one empty list removes nothing"
    );
    eventually("it goes", || {
        std::net::TcpStream::connect(("127.0.0.1", port)).is_err().then_some(())
    });
    assert!(fetches(&controller) >= before + 2, "only after a second list");
    drop(daemon);
    let _ = std::fs::remove_dir_all(folder);
}

#[test]
fn two_nodes_on_one_engine_leave_each_other_alone() {
    let Some(docker) = Docker::connect() else { return };
    let nodes = ["127.0.0.1", "127.0.0.2"].map(|address| {
        let controller = Controller::start();
        let (fog, ms) = (uuid(&format!("fog-{address}")), uuid(&format!("ms-{address}")));
        controller.with(|script| {
            script.uuid = fog.clone();
            script.microservices = vec![microservice(&ms, IMAGE)];
        });
        let folder = folder(&format!("pair-{address}"));
        let elements = [
            ("controller_url", controller.url.as_str()),
            ("bind_address", address),
            ("get_changes_freq", "1"),
        ];
        let daemon = Daemon::start(&folder, &elements);
        assert!(daemon.command(&["provision", "goodkey1"]).status.success());
        eventually("it runs", || controller.state_of(&ms).filter(|state| state == "RUNNING"));
        (controller, fog, daemon, folder)
    });
    let [first, second] = &nodes;
    let others = docker.containers(&second.1);
    first.0.deploy(Vec::new());
    eventually("the first node's container goes", || {
        docker.containers(&first.1).is_empty().then_some(())
    });
    assert!(first.2.text(&["prune"]).contains("Success"));
    assert!(first.2.command(&["deprovision"]).status.success());
    assert_eq!(docker.containers(&second.1), others);
    assert_eq!(docker.inspect(&others[0], "{{.State.Running}}"), "true");
    assert!(
        docker.run(&["image", "inspect", IMAGE]),
        "an image that this node did not pull is not pruned"
    );
    for (_, fog, daemon, folder) in nodes {
        drop(daemon);
        docker.clean(&fog);
        let _ = std::fs::remove_dir_all(folder);
    }
}

#[test]
fn a_controller_that_fails_at_side_matters_is_followed_in_the_rest() {
    let controller = Controller::start();
    controller.with(|script| {
        script.config = serde_json::Value::Null;
        let mut router = microservice("router-ms", "iofog/router:latest");
        router["config"] =
            json!(json!({"mode": "edge", "id": "fog-side", "listeners": []}).to_string());
        script.microservices = vec![router];
    });
    let (folder, daemon) = start("side", &controller);
    assert!(daemon.command(&["provision", "goodkey1"]).status.success());
    eventually("the router runs", || {
        controller.state_of("router-ms").filter(|state| state == "RUNNING")
    });
    controller.with(|script| script.raise(&["prune"]));
    eventually("flags are acknowledged", || {
        controller.with(|script| script.flags.is_empty().then_some(()))
    });
    controller.with(|script| script.raise(&["deleteNode"]));
    eventually("the node deletes itself", || {
        daemon.text(&["info"]).contains("not provisioned").then_some(())
    });
    drop(daemon);
    let _ = std::fs::remove_dir_all(folder);
}

#[test]
fn explain_tells_why_it_does_not_run_and_that_it_does() {
    let Some(docker) = Docker::connect() else { return };
    let controller = Controller::start();
    let (folder, daemon) = start("explain", &controller);
    let fog = uuid("fog-explain");
    controller.with(|script| script.uuid = fog.clone());
    let explain = |daemon: &Daemon, uuid: &str| -> serde_json::Value {
        let text = daemon.text(&["explain", uuid, "-o", "json"]);
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"))
    };
    let none = daemon.command(&["explain", "nobody"]);
    assert_eq!(none.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&none.stdout).contains("not provisioned"));

    assert!(daemon.command(&["provision", "goodkey1"]).status.success());
    let (good, bad) = (uuid("ms-explained"), uuid("ms-missing"));
    let missing = microservice(&bad, "iofog-agent-test/not-there:1");
    controller.deploy(vec![microservice(&good, IMAGE), missing]);
    eventually("it runs", || controller.state_of(&good).filter(|state| state == "RUNNING"));
    eventually("it fails", || controller.state_of(&bad).filter(|state| state == "FAILED"));

    let found = explain(&daemon, &good);
    assert_eq!((&found["level"], &found["state"]), (&json!("good"), &json!("RUNNING")), "{found}");
    let container = docker.inspect(&format!("iofog_{good}"), "{{.Id}}");
    let text = daemon.text(&["explain", &format!("iofog_{good}")]);
    assert!(text.contains("connected since 20") && text.contains(&container[..12]), "{text}");

    // Between two tries it is shown as being pulled for a moment.
    let found = eventually("the failure and the next try are named", || {
        let found = explain(&daemon, &bad);
        let said = found["findings"].to_string();
        (found["state"] == "FAILED" && said.contains("tried again at")).then_some(found)
    });
    assert_eq!(found["level"], "problem", "{found}");
    assert!(found["next"].as_str().unwrap().contains("load the image"), "{found}");
    assert!(found["findings"].to_string().contains("is not in the local cache"), "{found}");

    let ambiguous = daemon.command(&["explain", "ms-"]);
    assert_eq!(ambiguous.status.code(), Some(1), "too short to name one");
    drop(daemon);
    docker.clean(&fog);
    let _ = std::fs::remove_dir_all(folder);
}
