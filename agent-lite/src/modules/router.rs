//! The Router system microservice, realised by the embedded Router.

use super::{Applied, Module};
use crate::context::AgentContext;

/// Starts and changes the Router, and tells the node where it is.
pub struct RouterModule {
    #[allow(dead_code, reason = "used once the embedded Router can be started")]
    context: AgentContext,
}

// === impl RouterModule ===

impl RouterModule {
    /// A Router whose listeners bind to the node's bind address.
    pub fn new(context: AgentContext) -> Self {
        Self { context }
    }
}

impl Module for RouterModule {
    type Running = ();

    async fn start(&self, _config: &str) -> Result<(), String> {
        Err("the embedded router cannot be started by this build".to_owned())
    }

    async fn apply(&self, (): &(), _config: &str) -> Result<Applied, String> {
        Ok(Applied::NeedsRestart)
    }

    async fn stop(&self, (): ()) {}
}
