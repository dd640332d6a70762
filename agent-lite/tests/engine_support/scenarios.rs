//! The scenarios, and which engine runs which.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use super::image::IMAGE;
use super::keeping::{
    limits_of_memory_and_processor_are_kept, the_health_check_of_the_image_is_run,
    what_crashes_is_started_again_after_a_while,
};
use super::saving::an_image_that_was_saved_is_taken_from_the_archive;
use super::site::{Crun, Docker, Native, Podman, Simulated, Site};
use super::{create, ensure, eventually, find, on_one_thread, remove, run, unique, until};
use iofog_agent::domain::{
    ContainerState, Failure, Port, PullPolicy, Step, Volume, VolumeKind, Workload,
};
use iofog_agent::engine::Engine as _;

pub(super) fn workload(name: &str, cmd: &[&str]) -> Workload {
    Workload {
        uuid: unique(name).as_str().into(),
        image: IMAGE.into(),
        cmd: cmd.iter().map(|word| (*word).to_owned()).collect(),
        log_size_mb: 1,
        ..Workload::default()
    }
}

async fn a_container_lives_from_creation_to_removal<S: Site>(site: S) {
    let engine = site.engine();
    let mut missing = workload("missing", &["wait"]);
    missing.image = "iofog-engine-test-none:1".into();
    let step = Step::EnsureImage {
        image: missing.image.clone(),
        registry: None,
        policy: PullPolicy::Never,
    };
    assert!(matches!(engine.perform(&step, &|_| {}).await, Err(Failure::ImageMissing { .. })));
    let refused = engine.perform(&Step::Create(Box::new(site.spec(&missing))), &|_| {}).await;
    assert!(matches!(refused, Err(Failure::ImageMissing { .. })), "{refused:?}");

    let spec = site.spec(&workload("life", &["wait"]));
    ensure(&engine, IMAGE).await;
    let id = create(&engine, &spec).await;
    let made = until(&engine, &spec.name, ContainerState::Created).await;
    assert_eq!(
        (made.id.clone(), made.microservice.clone()),
        (id.clone(), spec.microservice.clone())
    );
    assert_eq!(made.fog.map(|fog| fog.to_string()), Some(site.fog()));
    assert_eq!(
        made.fingerprint.as_deref(),
        spec.labels.iter().find(|one| one.0 == "iofog-spec").map(|one| one.1.as_str())
    );
    let again = engine.perform(&Step::Create(Box::new(spec.clone())), &|_| {}).await;
    assert!(matches!(again, Err(Failure::NameTaken(_))), "{again:?}");

    for _ in 0..2 {
        engine.perform(&Step::Start(id.clone()), &|_| {}).await.unwrap();
    }
    let running = until(&engine, &spec.name, ContainerState::Running).await;
    if S::REAL {
        assert!(running.started.is_some() && running.address.is_some());
    }
    for _ in 0..2 {
        engine.perform(&Step::Stop(id.clone()), &|_| {}).await.unwrap();
    }
    until(&engine, &spec.name, ContainerState::Exited).await;
    engine.perform(&Step::Start(id.clone()), &|_| {}).await.unwrap();
    until(&engine, &spec.name, ContainerState::Running).await;
    remove(&engine, &id).await;
    assert_eq!(find(&engine, &spec.name).await, None);
    let gone = engine.perform(&Step::Start(id), &|_| {}).await;
    assert!(matches!(gone, Err(Failure::Gone(_))), "{gone:?}");
    site.clean();
}

async fn the_end_is_noticed_and_output_is_kept<S: Site>(site: S) {
    let engine = site.engine();
    let mut one = workload(
        "end",
        &["say", "out", "complain", "err", "env", "COLOUR", "env", "SELFNAME", "exit", "3"],
    );
    one.env = vec![("COLOUR".into(), "order".into())];
    let spec = site.spec(&one);
    let id = run(&engine, &spec).await;
    until(&engine, &spec.name, ContainerState::Exited).await;
    let output = eventually("output is there", async || {
        let output = site.output(&id);
        output.contains("SELFNAME").then_some(output)
    })
    .await;
    assert!(output.contains("out\n") && output.contains("err\n"), "{output}");
    assert!(
        output.contains("COLOUR=order\n") && output.contains(&format!("SELFNAME={}\n", one.uuid)),
        "{output}"
    );

    // Ended by itself while somebody waits for a change.
    let spec = site.spec(&workload("late", &["serve", "7000"]));
    let id = run(&engine, &spec).await;
    until(&engine, &spec.name, ContainerState::Running).await;
    while tokio::time::timeout(Duration::from_millis(300), engine.changed()).await.is_ok() {}
    engine.perform(&Step::Stop(id.clone()), &|_| {}).await.unwrap();
    engine.changed().await;
    remove(&engine, &id).await;

    // Whoever looks when told, and only then, sees the end: an engine may tell of it before its list shows it.
    for round in 0..5 {
        let spec = site.spec(&workload(&format!("short{round}"), &["exit", "0"]));
        let id = run(&engine, &spec).await;
        let seen = async {
            while find(&engine, &spec.name)
                .await
                .is_none_or(|one| one.state != ContainerState::Exited)
            {
                engine.changed().await;
            }
        };
        let guard = tokio::time::timeout(Duration::from_secs(120), seen).await;
        assert!(guard.is_ok(), "the end of round {round} is never told");
        remove(&engine, &id).await;
    }
    site.clean();
}

async fn files_last_as_long_as_they_should<S: Site>(site: S) {
    let engine = site.engine();
    let folder = std::env::temp_dir().join(unique(&format!("iofog-engine-bind-{}", site.fog())));
    std::fs::create_dir_all(&folder).unwrap();
    let volume = unique("engine-volume");
    let mut one = workload(
        "files",
        &[
            "count",
            "/tmp/own",
            "count",
            "/vol/n",
            "write",
            "/ro/x",
            "write",
            "/rw/x",
            "exists",
            "/vol/given",
            "exit",
            "0",
        ],
    );
    let bind = |target: &str, read_only| Volume {
        source: folder.display().to_string(),
        target: target.to_owned(),
        read_only,
        kind: VolumeKind::Bind,
    };
    let named = |target: &str| Volume {
        source: volume.clone(),
        target: target.to_owned(),
        read_only: false,
        kind: VolumeKind::Named,
    };
    one.volumes = vec![bind("/ro", true), bind("/rw", false), named("/vol")];
    let spec = site.spec(&one);
    let id = run(&engine, &spec).await;
    until(&engine, &spec.name, ContainerState::Exited).await;
    engine.perform(&Step::Start(id.clone()), &|_| {}).await.unwrap();
    let output = eventually("it ran twice", async || {
        let output = site.output(&id);
        (output.matches("exists").count() == 2).then_some(output)
    })
    .await;
    let expected = "count 1\ncount 1\nwrite false\nwrite true\nexists false\n\
                    count 2\ncount 2\nwrite false\nwrite true\nexists false\n";
    assert_eq!(output, expected, "a restart keeps the container's own files");
    assert!(folder.join("x").exists());
    until(&engine, &spec.name, ContainerState::Exited).await;
    remove(&engine, &id).await;

    let id = run(&engine, &spec).await;
    until(&engine, &spec.name, ContainerState::Exited).await;
    let output = eventually("it ran", async || {
        Some(site.output(&id)).filter(|text| text.contains("exists"))
    })
    .await;
    assert!(output.starts_with("count 1\ncount 3\n"), "own files go, volumes stay: {output}");
    remove(&engine, &id).await;

    let fresh = unique("engine-volume-filled");
    let mut two = workload("filled", &["exists", "/data/given", "count", "/data/n", "exit", "0"]);
    two.volumes = vec![Volume { source: fresh.clone(), ..named("/data") }];
    let spec = site.spec(&two);
    let id = run(&engine, &spec).await;
    let output =
        eventually("it ran", async || Some(site.output(&id)).filter(|text| text.contains("count")))
            .await;
    assert_eq!(
        output, "exists true\ncount 1\n",
        "a new volume begins with what the image has there"
    );
    until(&engine, &spec.name, ContainerState::Exited).await;
    remove(&engine, &id).await;

    let mut bad = workload("bad", &["wait"]);
    bad.volumes = vec![Volume { source: "/no/such/folder".into(), ..bind("/x", false) }];
    let refused = engine.perform(&Step::Create(Box::new(site.spec(&bad))), &|_| {}).await;
    assert!(refused.unwrap_err().to_string().contains("/no/such/folder"));
    for name in [volume, fresh] {
        super::site::docker(&["volume", "rm", &name]);
    }
    let _ = std::fs::remove_dir_all(folder);
    site.clean();
}

async fn ports_are_published_and_the_node_is_reached<S: Site>(site: S) {
    let engine = site.engine();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut one = workload("ports", &["serve", "7000"]);
    one.ports = [false, true].map(|udp| Port { internal: 7000, external: port, udp }).to_vec();
    let spec = site.spec(&one);
    let id = run(&engine, &spec).await;
    eventually("tcp answers", async || {
        let mut text = String::new();
        let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
        stream.read_to_string(&mut text).ok()?;
        tokio::task::yield_now().await;
        (text == "hello").then_some(())
    })
    .await;
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    udp.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    udp.connect(("127.0.0.1", port)).unwrap();
    eventually("udp answers", async || {
        udp.send(b"echo").unwrap();
        let mut buffer = [0; 16];
        // The engine's own tasks must go on meanwhile.
        tokio::time::sleep(Duration::from_millis(20)).await;
        udp.recv(&mut buffer).ok().filter(|count| &buffer[..*count] == b"echo")
    })
    .await;

    // The same port twice: the second says so, and the first goes on.
    let mut two = workload("conflict", &["wait"]);
    two.ports = vec![Port { internal: 1, external: port, udp: false }];
    let spec_two = site.spec(&two);
    let second = create(&engine, &spec_two).await;
    let refused = engine.perform(&Step::Start(second.clone()), &|_| {}).await.unwrap_err();
    assert!(refused.to_string().contains(&port.to_string()), "{refused}");
    remove(&engine, &second).await;
    assert_eq!(find(&engine, &spec.name).await.unwrap().state, ContainerState::Running);
    remove(&engine, &id).await;

    // From inside, the node is `iofog`, and sees the container's own address.
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let caller = std::thread::spawn(move || {
        let (mut stream, peer) = listener.accept().unwrap();
        stream.write_all(b"node").unwrap();
        peer.ip()
    });
    let mut three = workload("call", &["call", &port, "wait"]);
    three.extra_hosts = vec!["iofog:host-gateway".into()];
    let spec = site.spec(&three);
    let id = run(&engine, &spec).await;
    eventually("it heard", async || site.output(&id).contains("heard node").then_some(())).await;
    let address = find(&engine, &spec.name).await.unwrap().address;
    assert_eq!(Some(caller.join().unwrap()), address, "callers of the Local API are known by it");
    remove(&engine, &id).await;
    site.clean();
}

async fn a_new_agent_finds_everything_as_it_was<S: Site>(site: S) {
    let first = site.engine();
    let spec = site.spec(&workload("adopt", &["tick"]));
    let id = run(&first, &spec).await;
    let before = until(&first, &spec.name, ContainerState::Running).await;
    drop(first);
    let second = site.engine();
    let after = find(&second, &spec.name).await.unwrap();
    assert_eq!(after, before, "same container, same start");
    let seen = site.output(&id).lines().count();
    eventually("output goes on", async || (site.output(&id).lines().count() > seen).then_some(()))
        .await;
    second.perform(&Step::Stop(id.clone()), &|_| {}).await.unwrap();
    until(&second, &spec.name, ContainerState::Exited).await;
    remove(&second, &id).await;
    site.clean();
}

async fn images_in_use_are_not_pruned<S: Site>(site: S) {
    let engine = site.engine();
    let spec = site.spec(&workload("prune", &["wait"]));
    let id = run(&engine, &spec).await;
    assert_eq!(engine.prune(&[IMAGE.to_owned(), "never-seen:1".to_owned()]).await.unwrap(), 0);
    remove(&engine, &id).await;
    let again = run(&engine, &spec).await;
    remove(&engine, &again).await;
    site.clean();
}

/// Docker on the machines of the pipeline may start none, so that its part is only compared with the document.
async fn devices_and_rights_are_for_those_that_ask<S: Site>(site: S) {
    let engine = site.engine();
    for (config, seen) in [("{}", false), (r#"{"iofogSettings":{"privileged":true}}"#, true)] {
        let mut one = workload(
            "rights",
            &["exists", "/dev/kmsg", "write", "/proc/sys/kernel/domainname", "exit", "0"],
        );
        one.config = config.into();
        let spec = site.spec(&one);
        let id = run(&engine, &spec).await;
        until(&engine, &spec.name, ContainerState::Exited).await;
        let output = eventually("it ran", async || {
            Some(site.output(&id)).filter(|text| text.contains("write"))
        })
        .await;
        assert_eq!(output, format!("exists {seen}\nwrite {seen}\n"), "{config}");
        remove(&engine, &id).await;
    }
    site.clean();
}

macro_rules! on_engines {
    ($($module:ident $site:ident: [$($scenario:ident),* $(,)?]),* $(,)?) => {$(
        mod $module {
            use super::*;
            $(#[test]
            fn $scenario() {
                if let Some(site) = $site::open(stringify!($scenario)) {
                    on_one_thread(super::$scenario(site));
                }
            })*
        }
    )*};
}

// Podman leaves health checks to systemd, which machines like those of the pipeline do not have; its ends are not always told
// in time for the pauses before restarts (docs/interop.md).
on_engines! {
    docker Docker: [
        a_container_lives_from_creation_to_removal,
        the_end_is_noticed_and_output_is_kept,
        files_last_as_long_as_they_should,
        ports_are_published_and_the_node_is_reached,
        a_new_agent_finds_everything_as_it_was,
        images_in_use_are_not_pruned,
        limits_of_memory_and_processor_are_kept,
        the_health_check_of_the_image_is_run,
        what_crashes_is_started_again_after_a_while,
    ],
    podman Podman: [
        a_container_lives_from_creation_to_removal,
        the_end_is_noticed_and_output_is_kept,
        files_last_as_long_as_they_should,
        ports_are_published_and_the_node_is_reached,
        a_new_agent_finds_everything_as_it_was,
        images_in_use_are_not_pruned,
        limits_of_memory_and_processor_are_kept,
    ],
    native Native: [
        devices_and_rights_are_for_those_that_ask,
        a_container_lives_from_creation_to_removal,
        the_end_is_noticed_and_output_is_kept,
        files_last_as_long_as_they_should,
        ports_are_published_and_the_node_is_reached,
        a_new_agent_finds_everything_as_it_was,
        images_in_use_are_not_pruned,
        limits_of_memory_and_processor_are_kept,
        the_health_check_of_the_image_is_run,
        what_crashes_is_started_again_after_a_while,
        an_image_that_was_saved_is_taken_from_the_archive,
    ],
    crun Crun: [
        devices_and_rights_are_for_those_that_ask,
        a_container_lives_from_creation_to_removal,
        the_end_is_noticed_and_output_is_kept,
        limits_of_memory_and_processor_are_kept,
        the_health_check_of_the_image_is_run,
    ],
    simulated Simulated: [a_container_lives_from_creation_to_removal],
}
