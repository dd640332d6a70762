//! Supervision of a module, with a scripted one.

use std::cell::RefCell;

use tokio::task::LocalSet;

use super::*;
use crate::domain::{MicroserviceState, Workload};

type Log = Rc<RefCell<Vec<String>>>;

/// Writes down what it is asked for; configurations with `bad` fail, with `new` need a restart.
struct Scripted(Log);

impl Module for Scripted {
    type Running = ();

    async fn start(&self, config: &str) -> Result<(), String> {
        self.0.borrow_mut().push(format!("start {config}"));
        if config.contains("bad") { Err("port in use".into()) } else { Ok(()) }
    }

    async fn apply(&self, (): &(), config: &str) -> Result<Applied, String> {
        self.0.borrow_mut().push(format!("apply {config}"));
        Ok(if config.contains("new") { Applied::NeedsRestart } else { Applied::Live })
    }

    async fn stop(&self, (): ()) {
        self.0.borrow_mut().push("stop".into());
    }
}

fn router(config: &str) -> Desired {
    let config = format!(r#"{{"mode":"edge","id":"x","listeners":[],"note":"{config}"}}"#);
    let workload =
        Workload { uuid: "r".into(), image: "iofog/router".into(), config, ..Workload::default() };
    Desired { workloads: vec![workload], ..Desired::default() }
}

async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

#[test]
fn a_module_follows_the_desired_state() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        let log = Log::default();
        let modules = Modules::new(Scripted(log.clone()), Scripted(Log::default()));
        let mut seen = modules.watch_reports();
        modules.apply(&router("one"));
        settle().await;
        assert_eq!(modules.reports()[0].state, MicroserviceState::Running);
        assert!(seen.has_changed().unwrap());
        seen.mark_unchanged();
        modules.apply(&router("one"));
        settle().await;
        assert!(!seen.has_changed().unwrap(), "the same again changes nothing");
        modules.apply(&router("two"));
        settle().await;
        modules.apply(&router("new"));
        settle().await;
        modules.apply(&Desired::default());
        settle().await;
        assert!(modules.reports().is_empty());
        modules.apply(&router("bad"));
        settle().await;
        assert_eq!(modules.reports()[0].error, "port in use");
        let steps: Vec<String> = log
            .borrow()
            .iter()
            .map(|line| line.split_whitespace().next().unwrap_or_default().to_owned())
            .collect();
        assert_eq!(steps, ["start", "apply", "apply", "stop", "start", "stop", "start"]);
    });
}
