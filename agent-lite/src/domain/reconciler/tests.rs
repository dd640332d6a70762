//! Single looks: one state in, the expected step out.

use iofog_sorted::SortedSet;

use super::*;
use crate::domain::{
    ContainerId, ContainerState, Desired, EpochMillis, MicroserviceState, Observation, Workload,
    container,
};

fn node(fog: &str) -> NodeFacts {
    NodeFacts { fog: fog.into(), ..NodeFacts::default() }
}

fn workload(uuid: &str) -> Workload {
    Workload { uuid: uuid.into(), image: "app:1".into(), ..Workload::default() }
}

fn running(workload: &Workload, fog: &str) -> Container {
    Container {
        id: ContainerId::new(format!("c-{}", workload.uuid)),
        name: workload.container_name(),
        fog: Some(fog.into()),
        microservice: workload.uuid.clone(),
        state: ContainerState::Running,
        fingerprint: Some(container::fingerprint(workload, &node(fog))),
        rebuild: workload.rebuild,
        address: None,
        started: None,
        health: None,
        out_of_memory: false,
    }
}

#[test]
fn wrong_settings_are_told_and_what_runs_goes_on() {
    let wrong =
        Workload { config: r#"{"iofogSettings":{"memoryMiB":"64"}}"#.into(), ..workload("a") };
    let before =
        Workload { config: r#"{"iofogSettings":{"memoryMiB":64}}"#.into(), ..workload("a") };
    let mut bench = Bench::new("fog", vec![wrong.clone()], vec![running(&before, "fog")]);
    assert!(bench.steps().is_empty(), "not replaced, although its limit is another now");
    let report = bench.reconciler.reports().remove(0);
    assert_eq!(report.state, MicroserviceState::Running);
    assert!(report.error.contains("iofogSettings.memoryMiB must be"), "{}", report.error);

    bench.containers.clear();
    assert!(bench.steps().is_empty(), "nothing is made without the limit that was meant");
    assert_eq!(bench.reconciler.reports()[0].state, MicroserviceState::Failed);
    bench.desired.workloads = vec![before];
    assert!(matches!(bench.only_step().step, Step::EnsureImage { .. }));
    assert_eq!(bench.reconciler.reports()[0].error, "");
}

struct Bench {
    reconciler: Reconciler,
    desired: Desired,
    containers: Vec<Container>,
    now: Mono,
}

impl Bench {
    fn new(fog: &str, workloads: Vec<Workload>, containers: Vec<Container>) -> Self {
        let desired = Desired { workloads, accepted: true, ..Desired::default() };
        let reconciler = Reconciler::new(node(fog), SortedSet::new());
        Self { reconciler, desired, containers, now: Mono::from_millis(0) }
    }

    fn steps(&mut self) -> Vec<Action> {
        let observed =
            Observation { containers: self.containers.clone(), ticket: self.reconciler.ticket() };
        self.reconciler.plan(&self.desired, &observed, self.now).actions
    }

    fn only_step(&mut self) -> Action {
        let mut steps = self.steps();
        assert_eq!(steps.len(), 1, "{steps:?}");
        steps.remove(0)
    }

    fn done(&mut self, action: &Action, done: Done) {
        self.reconciler.finished(action, Ok(done), self.now);
    }

    fn state(&self, uuid: &str) -> MicroserviceState {
        let found = self.reconciler.reports().into_iter().find(|one| one.uuid.as_str() == uuid);
        found.unwrap_or_else(|| panic!("no report of {uuid}")).state
    }

    fn pass(&mut self, seconds: u64) {
        self.now = self.now.after(std::time::Duration::from_secs(seconds));
    }
}

#[test]
fn absent_is_pulled_created_started() {
    let wanted = workload("a");
    let mut bench = Bench::new("fog", vec![wanted.clone()], vec![]);
    let pull = bench.only_step();
    assert!(matches!(&pull.step, Step::EnsureImage { policy: PullPolicy::IfAbsent, .. }));
    assert_eq!(bench.state("a"), MicroserviceState::Pulling);
    assert!(bench.steps().is_empty(), "busy: no second step");
    bench.done(&pull, Done::Ok);
    let create = bench.only_step();
    assert!(matches!(&create.step, Step::Create(spec) if spec.name == "iofog_a"));
    let stale = Observation { containers: vec![], ticket: bench.reconciler.ticket() };
    bench.done(&create, Done::Created(ContainerId::new("c-a")));
    let plan = bench.reconciler.plan(&bench.desired, &stale, bench.now);
    assert!(plan.actions.is_empty(), "a listing from before the creation says nothing");
    bench.containers =
        vec![Container { state: ContainerState::Created, ..running(&wanted, "fog") }];
    let start = bench.only_step();
    assert_eq!(start.step, Step::Start(ContainerId::new("c-a")));
    bench.done(&start, Done::Ok);
    bench.containers = vec![running(&wanted, "fog")];
    assert!(bench.steps().is_empty());
    assert_eq!(bench.state("a"), MicroserviceState::Running);
}

#[test]
fn running_container_is_adopted_untouched() {
    let wanted = workload("a");
    let mut bench = Bench::new("fog", vec![wanted.clone()], vec![running(&wanted, "fog")]);
    assert!(bench.steps().is_empty());
    let foreign_made = Container { fingerprint: None, ..running(&wanted, "fog") };
    let mut bench = Bench::new("fog", vec![wanted], vec![foreign_made]);
    assert!(bench.steps().is_empty(), "a container without fingerprint is kept");
}

#[test]
fn other_nodes_containers_are_never_touched() {
    let theirs = running(&workload("x"), "other-fog");
    let same_name = running(&workload("a"), "other-fog");
    let unlabelled = Container { fog: None, ..running(&workload("y"), "fog") };
    let mut bench = Bench::new("fog", vec![workload("a")], vec![theirs, same_name, unlabelled]);
    assert!(bench.steps().is_empty());
    assert_eq!(bench.state("a"), MicroserviceState::Failed);
    assert!(bench.reconciler.reports()[0].error.contains("other-fog"));
}

#[test]
fn unwanted_containers_go_only_after_an_accepted_list() {
    let gone = workload("gone");
    let mut bench = Bench::new("fog", vec![], vec![running(&gone, "fog")]);
    bench.desired.accepted = false;
    assert!(bench.steps().is_empty());
    bench.desired.accepted = true;
    let stop = bench.only_step();
    assert_eq!(stop.step, Step::Stop(ContainerId::new("c-gone")));
    bench.done(&stop, Done::Ok);
    bench.containers[0].state = ContainerState::Exited;
    let remove = bench.only_step();
    assert!(matches!(remove.step, Step::Remove { volumes: false, .. }));
    bench.done(&remove, Done::Ok);
    bench.containers.clear();
    assert!(bench.steps().is_empty());
    assert_eq!(bench.state("gone"), MicroserviceState::Deleted);
    bench.reconciler.forget_reported();
    assert!(bench.reconciler.reports().is_empty());
}

#[test]
fn deprovisioned_containers_are_stopped_and_kept() {
    let own = workload("a");
    let mut bench = Bench::new("", vec![], vec![running(&own, "fog")]);
    bench.desired.accepted = false;
    bench.reconciler.set_node(node(""), SortedSet::from(["fog".into()]));
    let stop = bench.only_step();
    assert_eq!(stop.step, Step::Stop(ContainerId::new("c-a")));
    bench.done(&stop, Done::Ok);
    bench.containers[0].state = ContainerState::Exited;
    assert!(bench.steps().is_empty());
}

#[test]
fn rebuild_pulls_first_and_replaces_once() {
    let mut wanted = workload("a");
    let mut bench = Bench::new("fog", vec![wanted.clone()], vec![running(&wanted, "fog")]);
    assert!(bench.steps().is_empty());
    wanted.rebuild = 7;
    bench.desired.workloads = vec![wanted.clone()];
    let pull = bench.only_step();
    assert!(matches!(&pull.step, Step::EnsureImage { policy: PullPolicy::Refresh, .. }));
    bench.done(&pull, Done::Ok);
    let stop = bench.only_step();
    assert!(matches!(stop.step, Step::Stop(_)));
    bench.done(&stop, Done::Ok);
    bench.containers[0].state = ContainerState::Exited;
    let remove = bench.only_step();
    assert!(matches!(remove.step, Step::Remove { .. }));
    bench.done(&remove, Done::Ok);
    bench.containers.clear();
    let create = bench.only_step();
    assert!(
        matches!(&create.step, Step::Create(spec) if spec.labels.iter().any(|(key, value)| key == "iofog-rebuild" && value == "7"))
    );
    bench.done(&create, Done::Created(ContainerId::new("c-a")));
    bench.containers = vec![running(&wanted, "fog")];
    assert!(bench.steps().is_empty());
}

#[test]
fn failed_pull_of_a_replacement_leaves_the_old_one_running() {
    let old = workload("a");
    let new = Workload { image: "app:2".into(), ..workload("a") };
    let mut bench = Bench::new("fog", vec![new], vec![running(&old, "fog")]);
    let pull = bench.only_step();
    let failure = Failure::ImageMissing { image: "app:2".into(), detail: "no route".into() };
    bench.reconciler.finished(&pull, Err(failure), bench.now);
    assert!(bench.steps().is_empty());
    assert_eq!(
        bench.reconciler.reports()[0].error,
        "image app:2 is not in the local cache: no route"
    );
    bench.pass(1);
    assert!(matches!(bench.only_step().step, Step::EnsureImage { .. }));
}

#[test]
fn crash_restarts_the_same_container_after_the_back_off() {
    let wanted = workload("a");
    let mut bench = Bench::new("fog", vec![wanted.clone()], vec![running(&wanted, "fog")]);
    assert!(bench.steps().is_empty());
    bench.containers[0].state = ContainerState::Exited;
    for restart in 1..=10u64 {
        assert!(bench.steps().is_empty());
        assert_eq!(bench.state("a"), MicroserviceState::Exiting);
        bench.pass(10 * restart);
        let start = bench.only_step();
        assert_eq!(start.step, Step::Start(ContainerId::new("c-a")));
        bench.done(&start, Done::Ok);
    }
    assert!(bench.steps().is_empty());
    assert_eq!(bench.state("a"), MicroserviceState::StuckInRestart);
    bench.desired.workloads[0].rebuild = 1;
    assert!(
        matches!(bench.only_step().step, Step::EnsureImage { .. }),
        "a new order ends being stuck"
    );
}

#[test]
fn what_ended_while_nobody_looked_starts_at_once() {
    let wanted = workload("a");
    let ended = Container { state: ContainerState::Exited, ..running(&wanted, "fog") };
    let mut bench = Bench::new("fog", vec![wanted], vec![ended]);
    assert_eq!(bench.only_step().step, Step::Start(ContainerId::new("c-a")));
}

#[test]
fn deletion_with_cleanup_takes_volumes_and_an_unshared_image() {
    let going = Workload { delete: true, delete_with_cleanup: true, ..workload("a") };
    let ended = Container { state: ContainerState::Exited, ..running(&workload("a"), "fog") };
    let mut bench = Bench::new("fog", vec![going], vec![ended]);
    let remove = bench.only_step();
    assert!(matches!(remove.step, Step::Remove { volumes: true, .. }));
    bench.done(&remove, Done::Ok);
    bench.containers.clear();
    let image = bench.only_step();
    assert_eq!(image.step, Step::RemoveImage("app:1".into()));
    bench.done(&image, Done::Ok);
    assert!(bench.steps().is_empty());
    assert_eq!(
        bench.state("a"),
        MicroserviceState::Deleting,
        "reported as long as the order stands"
    );
    bench.desired.workloads.push(workload("b"));
    bench.desired.workloads[0].uuid = "c".into();
    assert!(
        !bench.steps().iter().any(|one| matches!(one.step, Step::RemoveImage(_))),
        "shared image stays"
    );
}

#[test]
fn images_are_pulled_by_what_their_reference_promises() {
    use crate::domain::{Registry, RegistryId};
    let cases = [
        ("app", 1, PullPolicy::Refresh),
        ("app:latest", 1, PullPolicy::Refresh),
        ("host:5000/app", 1, PullPolicy::Refresh),
        ("host:5000/app:2", 1, PullPolicy::IfAbsent),
        ("app@sha256:00", 1, PullPolicy::IfAbsent),
        ("app:latest", 2, PullPolicy::Never),
    ];
    for (image, registry, expected) in cases {
        let wanted =
            Workload { image: image.into(), registry: RegistryId(registry), ..workload("a") };
        let mut bench = Bench::new("fog", vec![wanted], vec![]);
        bench.desired.registries =
            vec![Registry { id: RegistryId(2), url: "from_cache".into(), ..Registry::default() }];
        let step = bench.only_step().step;
        assert!(
            matches!(&step, Step::EnsureImage { policy, .. } if *policy == expected),
            "{image}: {step:?}"
        );
    }
}

#[test]
fn what_the_kernel_killed_for_memory_is_said_until_it_ends_otherwise() {
    let clocks = |bench: &Bench| Clocks { mono: bench.now, epoch: EpochMillis(1_000_000) };
    let wanted = workload("a");
    let mut bench = Bench::new("fog", vec![wanted.clone()], vec![running(&wanted, "fog")]);
    assert!(bench.steps().is_empty());
    bench.containers[0].state = ContainerState::Exited;
    bench.containers[0].out_of_memory = true;
    assert!(bench.steps().is_empty());
    let report = bench.reconciler.reports().remove(0);
    assert_eq!(report.state, MicroserviceState::Exiting);
    assert!(report.error.contains("memory"), "{}", report.error);
    bench.pass(10);
    let start = bench.only_step();
    bench.done(&start, Done::Ok);
    bench.containers[0] = running(&wanted, "fog");
    assert!(bench.steps().is_empty());
    assert_eq!(bench.reconciler.reports()[0].error, "", "it runs");
    let at = bench.reconciler.insight(&"a".into(), clocks(&bench)).unwrap().out_of_memory;
    assert_eq!(at, Some(EpochMillis(990_000)), "explain tells it still");
    bench.containers[0].state = ContainerState::Exited;
    assert!(bench.steps().is_empty());
    assert_eq!(bench.reconciler.reports()[0].error, "");
    let at = bench.reconciler.insight(&"a".into(), clocks(&bench)).unwrap().out_of_memory;
    assert_eq!(at, None);
}
