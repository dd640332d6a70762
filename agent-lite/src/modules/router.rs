//! The Router system microservice, realised by the embedded Router.

use std::error::Error;
use std::rc::Rc;

use iofog_pipe::PipeEnd;
use iofog_router::{ApplyError, RouterConfig, RouterHandle, RuntimeOptions};

use super::{Applied, Module};
use crate::context::{AgentContext, LocalRouter, RouterAccess};

/// Starts and changes the Router, and tells the node where it is.
pub struct RouterModule {
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
    type Running = RouterHandle;

    async fn start(&self, config: &str) -> Result<RouterHandle, String> {
        let config = parse(config)?;
        let bind = self.context.bind_address();
        let options = RuntimeOptions {
            bind_address: bind,
            source_address: bind,
            ..RuntimeOptions::default()
        };
        let router = iofog_router::start(config, options).await.map_err(|error| explain(&error))?;
        self.context.set_router(RouterAccess::Local(Rc::new(router.clone())));
        Ok(router)
    }

    async fn apply(&self, running: &RouterHandle, config: &str) -> Result<Applied, String> {
        match running.apply(parse(config)?).await {
            Ok(_) => Ok(Applied::Live),
            Err(ApplyError::Rebuild) => Ok(Applied::NeedsRestart),
            Err(error) => Err(explain(&error)),
        }
    }

    async fn stop(&self, running: RouterHandle) {
        self.context.set_router(RouterAccess::None);
        running.shutdown().await;
    }
}

impl LocalRouter for RouterHandle {
    fn connect_local(&self) -> PipeEnd {
        Self::connect_local(self)
    }
}

fn parse(config: &str) -> Result<RouterConfig, String> {
    RouterConfig::from_controller_json(config)
        .map_err(|error| format!("router config: {}", explain(&error)))
}

/// The error with its causes, for `errorMessage`.
fn explain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
