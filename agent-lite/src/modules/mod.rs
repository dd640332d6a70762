//! System microservices realised inside the process: Router and Proxy (design section 1).

mod dial;
mod proxy;
mod router;
mod supervisor;

use std::rc::Rc;

use tokio::sync::watch;

pub use dial::ContextDial;
pub use proxy::ProxyModule;
pub use router::RouterModule;
pub use supervisor::{Applied, Module, Supervisor, Wanted};

use crate::domain::{Desired, Kind, Report};

/// Both built-in modules.
#[derive(Clone)]
pub struct Modules {
    router: Supervisor,
    proxy: Supervisor,
    changed: Rc<watch::Sender<u32>>,
}

// === impl Modules ===

impl Modules {
    /// Supervisors that want nothing yet. Must be on the local task set.
    pub fn new(router: impl Module + 'static, proxy: impl Module + 'static) -> Self {
        let changed = Rc::new(watch::channel(0).0);
        Self {
            router: Supervisor::start(router, changed.clone()),
            proxy: Supervisor::start(proxy, changed.clone()),
            changed,
        }
    }

    /// Starts, changes or ends the modules as the desired state says.
    pub fn apply(&self, desired: &Desired) {
        self.router.want(wanted(desired, Kind::Router));
        self.proxy.want(wanted(desired, Kind::Proxy));
    }

    /// What to report of them.
    pub fn reports(&self) -> Vec<Report> {
        self.router.report().into_iter().chain(self.proxy.report()).collect()
    }

    /// Wakes when a report may have changed.
    pub fn watch_reports(&self) -> watch::Receiver<u32> {
        self.changed.subscribe()
    }

    /// Ends both and waits for it.
    pub async fn shutdown(&self) {
        self.proxy.end().await;
        self.router.end().await;
    }
}

fn wanted(desired: &Desired, kind: Kind) -> Option<Wanted> {
    let found = desired.workloads.iter().find(|one| !one.delete && one.kind() == kind)?;
    Some(Wanted { uuid: found.uuid.clone(), config: found.config.clone(), rebuild: found.rebuild })
}

#[cfg(test)]
mod tests;
