//! The process manager with a simulated engine.

use std::rc::Rc;

use tokio::task::LocalSet;

use super::*;
use crate::context::Place;
use crate::domain::{MicroserviceState, Workload};
use crate::engine::simulated::SimulatedEngine;

fn workload(uuid: &str, image: &str) -> Workload {
    Workload { uuid: uuid.into(), image: image.into(), ..Workload::default() }
}

async fn until(manager: &ProcessManager, expected: MicroserviceState) {
    let mut changed = manager.watch_reports();
    while !manager.reports().iter().all(|report| report.state == expected)
        || manager.reports().is_empty()
    {
        changed.changed().await.unwrap();
    }
}

/// Runs a test on a manager of the node `fog`, whose engine was prepared.
fn managed(
    prepare: impl FnOnce(&SimulatedEngine),
    test: impl AsyncFnOnce(ProcessManager, Rc<SimulatedEngine>, Clock),
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    LocalSet::new().block_on(&runtime, async {
        let context = AgentContext::new(Place::default());
        context.set_fog_uuid("fog".into());
        let node = NodeFacts { fog: "fog".into(), ..NodeFacts::default() };
        let manager = ProcessManager::new(node, []);
        let (engine, clock) = (Rc::new(SimulatedEngine::default()), Clock::new());
        prepare(&engine);
        tokio::task::spawn_local(manager.clone().run(engine.clone(), context, clock));
        test(manager, engine, clock).await;
    });
}

#[test]
fn the_desired_state_is_reached_kept_and_left() {
    managed(
        |_| {},
        async |manager, engine, _| {
            let workloads = vec![workload("a", "one:1"), workload("b", "two:1")];
            manager.set_desired(Desired { workloads, accepted: true, ..Desired::default() });
            until(&manager, MicroserviceState::Running).await;
            assert_eq!(
                (engine.core.borrow().containers.len(), manager.take_pulled().len()),
                (2, 2)
            );

            manager.set_desired(Desired { accepted: true, ..Desired::default() });
            until(&manager, MicroserviceState::Deleted).await;
            assert!(engine.core.borrow().containers.is_empty());
            manager.reported();
            assert!(manager.reports().is_empty());
            assert_eq!(manager.prune(vec!["one:1".into(), "never:1".into()]).await.unwrap(), 1000);
        },
    );
}

#[test]
fn why_something_does_not_run_is_known_from_what_was_done() {
    let foreign = |engine: &SimulatedEngine| {
        engine.core.borrow_mut().plant("iofog_a", "other", "a");
    };
    managed(foreign, async |manager, engine, clock| {
        assert_eq!(manager.insight(&"a".into(), clock.both()), None);
        let workloads = vec![workload("a", "one:1"), workload("b", "two:1")];
        manager.set_desired(Desired { workloads, accepted: true, ..Desired::default() });
        let mut changed = manager.watch_reports();
        let insight = |uuid: &str| manager.insight(&uuid.into(), clock.both());
        while !insight("b").is_some_and(|one| one.state == MicroserviceState::Running) {
            changed.changed().await.unwrap();
        }
        let refused = insight("a").unwrap();
        assert_eq!(refused.state, MicroserviceState::Failed);
        assert!(refused.error.contains("another node's container (other)"), "{refused:?}");
        assert!(refused.since.0 > 1_700_000_000_000, "a time of the wall clock");
        assert!(manager.engine_answered(clock.both()).is_some());

        // It ends by itself: the next start is announced.
        for container in engine.core.borrow_mut().containers.values_mut() {
            if container.microservice.as_str() == "b" {
                container.state = ContainerState::Exited;
            }
        }
        engine.changed.notify_one();
        while !insight("b").is_some_and(|one| one.state == MicroserviceState::Exiting) {
            changed.changed().await.unwrap();
        }
        let ended = insight("b").unwrap();
        assert!(ended.restart_at.is_some_and(|at| at > ended.since), "{ended:?}");
    });
}
