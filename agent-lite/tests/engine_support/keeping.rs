//! Scenarios of containers that are held to limits, judged by their health checks, and started again.

use super::image::{HEALTH_IMAGE, IMAGE};
use super::scenarios::workload;
use super::site::Site;
use super::{ensure, eventually, find, remove, run, unique, until};
use iofog_agent::clock::Clock;
use iofog_agent::context::{AgentContext, Place};
use iofog_agent::domain::{
    ContainerState, Desired, Health, MicroserviceState, NodeFacts, Step, Volume, VolumeKind,
    Workload,
};
use iofog_agent::engine::Engine as _;
use iofog_agent::process_manager::ProcessManager;
use iofog_agent::usage::CgroupSampler;

pub(super) async fn limits_of_memory_and_processor_are_kept<S: Site>(site: S) {
    let engine = site.engine();
    let limited = |name: &str, words: &[&str]| Workload {
        config: r#"{"iofogSettings":{"memoryMiB":32,"cpus":0.5}}"#.into(),
        ..workload(name, words)
    };
    let spec = site.spec(&limited("memory", &["eat", "4", "eat", "256", "wait"]));
    let id = run(&engine, &spec).await;
    let ended = until(&engine, &spec.name, ContainerState::Exited).await;
    assert!(ended.out_of_memory || !S::TELLS_MEMORY, "the reason is told");
    let output = eventually("output is there", async || {
        Some(site.output(&id)).filter(|text| text.contains("ate 4\n"))
    })
    .await;
    assert!(!output.contains("ate 256"), "{output}");
    remove(&engine, &id).await;

    let spec = site.spec(&limited("cpu", &["wait"]));
    let id = run(&engine, &spec).await;
    until(&engine, &spec.name, ContainerState::Running).await;
    assert_eq!(site.cpu_quota(&id), Some(50_000));
    let usage = CgroupSampler::default().sample(std::slice::from_ref(&id));
    assert!(usage.get(&id).is_some_and(|one| one.memory > 0), "what it takes is read");
    remove(&engine, &id).await;

    let free = site.spec(&workload("free", &["eat", "256", "exit", "0"]));
    let id = run(&engine, &free).await;
    let ended = until(&engine, &free.name, ContainerState::Exited).await;
    assert!(!ended.out_of_memory);
    eventually("nothing is limited", async || site.output(&id).contains("ate 256").then_some(()))
        .await;
    remove(&engine, &id).await;
    site.clean();
}

pub(super) async fn the_health_check_of_the_image_is_run<S: Site>(site: S) {
    let engine = site.engine();
    let state = std::env::temp_dir().join(unique(&format!("iofog-engine-health-{}", site.fog())));
    std::fs::create_dir_all(&state).unwrap();
    let mut one = workload("health", &["wait"]);
    one.image = HEALTH_IMAGE.into();
    one.volumes = vec![Volume {
        source: state.display().to_string(),
        target: "/state".into(),
        read_only: true,
        kind: VolumeKind::Bind,
    }];
    let spec = site.spec(&one);
    let id = run(&engine, &spec).await;
    let becomes = async |engine: &S::Engine, health| {
        eventually(&format!("it is {health:?}"), async || {
            let found = find(engine, &spec.name).await?;
            assert_eq!(found.state, ContainerState::Running, "a check ends nothing");
            (found.health == Some(health)).then_some(())
        })
        .await;
    };
    becomes(&engine, Health::Healthy).await;
    for trouble in ["sick", "hang"] {
        std::fs::write(state.join(trouble), "").unwrap();
        becomes(&engine, Health::Unhealthy).await;
        std::fs::remove_file(state.join(trouble)).unwrap();
        becomes(&engine, Health::Healthy).await;
    }
    drop(engine);
    let second = site.engine();
    becomes(&second, Health::Healthy).await;
    second.perform(&Step::Stop(id.clone()), &|_| {}).await.unwrap();
    assert_eq!(until(&second, &spec.name, ContainerState::Exited).await.health, None);
    remove(&second, &id).await;
    let _ = std::fs::remove_dir_all(state);
    site.clean();
}

pub(super) async fn what_crashes_is_started_again_after_a_while<S: Site>(site: S)
where
    S::Engine: 'static,
{
    let clock = Clock::new();
    let context = AgentContext::new(Place::default());
    context.set_fog_uuid(site.fog().as_str().into());
    let node = NodeFacts { fog: site.fog().as_str().into(), ..NodeFacts::default() };
    let manager = ProcessManager::new(node, []);
    let engine = std::rc::Rc::new(site.engine());
    ensure(&*engine, IMAGE).await;
    tokio::task::spawn_local(manager.clone().run(engine.clone(), context, clock));
    let one = workload("crash", &["say", "began", "exit", "1"]);
    let order = |workloads| Desired { workloads, accepted: true, ..Desired::default() };
    manager.set_desired(order(vec![one.clone()]));
    let insight = || manager.insight(&one.uuid, clock.both());
    let waiting = eventually("its end is noticed", async || {
        insight().filter(|one| one.state == MicroserviceState::Exiting)
    })
    .await;
    let pause = waiting.restart_at.unwrap().0 - waiting.since.0;
    assert!((9_000..=10_000).contains(&pause), "{pause} ms");
    let again = eventually("it is started again", async || {
        insight().filter(|one| one.restarts == 1 && one.state == MicroserviceState::Exiting)
    })
    .await;
    let pause = again.restart_at.unwrap().0 - again.since.0;
    assert!((19_000..=20_000).contains(&pause), "longer each time: {pause} ms");
    assert_eq!(site.output(again.container.as_ref().unwrap()).matches("began").count(), 2);
    manager.set_desired(order(Vec::new()));
    eventually("it is gone", async || {
        find(&*engine, &one.container_name()).await.is_none().then_some(())
    })
    .await;
    site.clean();
}
