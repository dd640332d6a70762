//! What a proxy tells about itself (proxy.md section 9).

use serde::Serialize;

use crate::counters::{Counters, MappingState};

/// State of a proxy at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProxyStatus {
    /// One entry per mapping of the configuration, also for invalid ones.
    pub mappings: Vec<MappingStatus>,
}

/// State and counters of one mapping since it was started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MappingStatus {
    /// The mapping string.
    pub mapping: String,
    /// The local side.
    pub state: MappingState,
    /// True while the links to the router are attached.
    pub router_connected: bool,
    /// Requests, or connections in tcp mode.
    pub uses: u64,
    /// Of these, the ones that are not finished.
    pub active: u32,
    /// Bytes of bodies or streams sent to the router.
    pub bytes_to_router: u64,
    /// Bytes of bodies or streams that came from the router.
    pub bytes_from_router: u64,
    /// Requests that were refused because of what they were.
    pub refused: u64,
    /// Failures by cause; causes that did not occur are left out.
    pub failures: Vec<(&'static str, u64)>,
}

// === impl MappingStatus ===

impl MappingStatus {
    pub(crate) fn read(mapping: &str, counters: &Counters) -> Self {
        Self {
            mapping: mapping.to_owned(),
            state: counters.state.borrow().clone(),
            router_connected: counters.router_connected.get(),
            uses: counters.uses.get(),
            active: counters.active.get(),
            bytes_to_router: counters.bytes_to_router.get(),
            bytes_from_router: counters.bytes_from_router.get(),
            refused: counters.refused.get(),
            failures: counters.failures(),
        }
    }
}
