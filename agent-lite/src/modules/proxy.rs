//! The Proxy system microservice, realised by the embedded Proxy.

use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;

use iofog_proxy::{NetworkRouter, ProxyConfig, ProxyHandle, ProxyOptions};

use super::dial::ContextDial;
use super::{Applied, Module};
use crate::context::{AgentContext, RouterAccess};

/// Starts and changes the Proxy.
pub struct ProxyModule {
    context: AgentContext,
}

/// A running Proxy with the router it was started for.
pub struct RunningProxy {
    handle: ProxyHandle,
    router: NetworkRouter,
}

// === impl ProxyModule ===

impl ProxyModule {
    /// A Proxy that listens on the node's bind address and reaches containers' published ports there.
    pub fn new(context: AgentContext) -> Self {
        Self { context }
    }
}

impl Module for ProxyModule {
    type Running = RunningProxy;

    async fn start(&self, config: &str) -> Result<RunningProxy, String> {
        let config = parse(config)?;
        let router = config.network_router.clone();
        let bind = self.context.bind_address();
        let fallback = Some((router.host.clone(), router.port));
        let options = ProxyOptions {
            listen_host: bind.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            target_host: bind.map_or_else(|| "localhost".to_owned(), |address| address.to_string()),
            dial: Some(Rc::new(ContextDial::new(self.context.clone(), fallback))),
            source_address: bind,
            certificates: Some(self.context.state_dir().join("certificates")),
            container_id: format!("iofog-proxy-{}", self.context.fog_uuid()),
            ..ProxyOptions::default()
        };
        Ok(RunningProxy { handle: iofog_proxy::start(config, options), router })
    }

    async fn apply(&self, running: &RunningProxy, config: &str) -> Result<Applied, String> {
        let config = parse(config)?;
        let own_router = matches!(self.context.router(), RouterAccess::Local(_));
        if !own_router && config.network_router != running.router {
            return Ok(Applied::NeedsRestart);
        }
        running.handle.apply(config);
        Ok(Applied::Live)
    }

    async fn stop(&self, running: RunningProxy) {
        running.handle.shutdown().await;
    }
}

fn parse(config: &str) -> Result<ProxyConfig, String> {
    serde_json::from_slice(config.as_bytes())
        .map_err(|error| format!("proxy config is malformed: {error}"))
}
