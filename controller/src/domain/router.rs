//! Routers and the configuration texts of their system microservices (controller contract 19). The texts are compared
//! as texts by every implementation, so key order and spacing are part of the contract.

use std::fmt::Write as _;

use iofog_api::{ApiError, Fields, FogUuid};
use serde::{Deserialize, Serialize};

use super::fog::RouterMode;

/// AMQP port unless a body says otherwise.
pub const MESSAGING_PORT: i64 = 5672;
/// Inter-router port of `PUT /router` unless the body says otherwise.
pub const INTER_ROUTER_PORT: i64 = 56721;
/// Edge port of `PUT /router` unless the body says otherwise.
pub const EDGE_ROUTER_PORT: i64 = 56722;
/// How clients name the default router.
pub const DEFAULT_ROUTER: &str = "default-router";

/// Where a router listens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterSettings {
    /// Leaf or backbone.
    pub is_edge: bool,
    /// Address under which others reach it.
    pub host: String,
    /// AMQP clients.
    pub messaging_port: i64,
    /// Edge routers; interior only.
    pub edge_router_port: Option<i64>,
    /// Interior routers; interior only.
    pub inter_router_port: Option<i64>,
}

/// A router as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Router {
    /// Row id, shown by `PUT /router`.
    pub id: i64,
    /// Agent that runs it; none for the default router of a Kubernetes control plane.
    pub fog: Option<FogUuid>,
    /// The one that others attach to unless they say otherwise.
    pub is_default: bool,
    /// Creation, epoch ms.
    pub created: i64,
    /// Last change, epoch ms.
    pub updated: i64,
    /// Where it listens.
    pub settings: RouterSettings,
}

/// Router fields of an agent's body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouterRequest {
    /// Wanted mode.
    pub mode: Option<RouterMode>,
    /// Wanted ports.
    pub messaging_port: Option<i64>,
    /// Wanted edge port.
    pub edge_router_port: Option<i64>,
    /// Wanted inter-router port.
    pub inter_router_port: Option<i64>,
    /// Wanted upstreams: agent uuids or `default-router`.
    pub upstreams: Option<Vec<String>>,
    /// Wanted router of a node without one.
    pub network_router: Option<String>,
}

impl RouterRequest {
    /// Reads the fields of section 5.1.
    ///
    /// # Errors
    /// When one has the wrong type, word or range.
    pub fn read(body: &Fields<'_>) -> Result<Self, ApiError> {
        let mode = body.one_of("routerMode", &["none", "edge", "interior"])?;
        let port = |name| body.integer(name, 1, 65_535);
        Ok(Self {
            mode: mode.as_deref().and_then(RouterMode::parse),
            messaging_port: port("messagingPort")?,
            edge_router_port: port("edgeRouterPort")?,
            inter_router_port: port("interRouterPort")?,
            upstreams: body.strings("upstreamRouters")?,
            network_router: body.string("networkRouter")?,
        })
    }

    /// Refuses an interior router without its ports and host.
    ///
    /// # Errors
    /// Naming the missing field.
    pub fn require_interior(&self, host: Option<&str>) -> Result<(), ApiError> {
        for (name, there) in [
            ("interRouterPort", self.inter_router_port.is_some()),
            ("edgeRouterPort", self.edge_router_port.is_some()),
            ("host", host.is_some_and(|host| !host.is_empty())),
        ] {
            if !there {
                return Err(iofog_api::check::missing(name));
            }
        }
        Ok(())
    }
}

/// The configuration text of a Router microservice.
#[must_use]
pub fn config_text(fog: &FogUuid, own: &RouterSettings, upstreams: &[Router]) -> String {
    let mode = if own.is_edge { RouterMode::Edge } else { RouterMode::Interior };
    let mut text = format!("{{\"mode\":\"{}\",\"id\":\"{fog}\",\"listeners\":[", mode.name());
    for (index, (role, port)) in listeners(own).into_iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let _ = write!(text, "{comma}{{\"role\":\"{role}\",\"host\":\"0.0.0.0\",\"port\":{port}}}");
    }
    text.push(']');
    let connectors: Vec<String> =
        upstreams.iter().filter_map(|upstream| connector(own.is_edge, upstream)).collect();
    if !connectors.is_empty() {
        let _ = write!(text, ",\"connectors\":[{}]", connectors.join(","));
    }
    text.push('}');
    text
}

/// Role and port of each listener, in contract order.
#[must_use]
pub fn listeners(own: &RouterSettings) -> Vec<(&'static str, i64)> {
    let mut all = vec![("normal", own.messaging_port)];
    if !own.is_edge {
        all.extend(own.inter_router_port.map(|port| ("inter-router", port)));
        all.extend(own.edge_router_port.map(|port| ("edge", port)));
    }
    all
}

fn connector(from_edge: bool, upstream: &Router) -> Option<String> {
    let (role, port) = if from_edge {
        ("edge", upstream.settings.edge_router_port?)
    } else {
        ("inter-router", upstream.settings.inter_router_port?)
    };
    let name = upstream.fog.as_ref().map_or(DEFAULT_ROUTER, FogUuid::as_str);
    // Quoted by the JSON writer: a host is free text.
    let host = serde_json::Value::from(upstream.settings.host.as_str());
    let name = serde_json::Value::from(name);
    Some(format!("{{\"name\":{name},\"role\":\"{role}\",\"host\":{host},\"port\":{port}}}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interior() -> RouterSettings {
        RouterSettings {
            is_edge: false,
            host: "10.0.0.1".to_owned(),
            messaging_port: 5672,
            edge_router_port: Some(56722),
            inter_router_port: Some(56721),
        }
    }

    #[test]
    fn texts_are_byte_exact() {
        let upstream = Router {
            id: 1,
            fog: None,
            is_default: true,
            created: 0,
            updated: 0,
            settings: RouterSettings { host: "5.5.5.5".to_owned(), ..interior() },
        };
        let edge =
            RouterSettings { is_edge: true, messaging_port: 5672, ..RouterSettings::default() };
        assert_eq!(
            config_text(&"fgQc".into(), &edge, std::slice::from_ref(&upstream)),
            "{\"mode\":\"edge\",\"id\":\"fgQc\",\"listeners\":[{\"role\":\"normal\",\"host\":\"0.0.0.0\",\
             \"port\":5672}],\"connectors\":[{\"name\":\"default-router\",\"role\":\"edge\",\
             \"host\":\"5.5.5.5\",\"port\":56722}]}"
        );
        assert_eq!(
            config_text(&"a".into(), &interior(), &[]),
            "{\"mode\":\"interior\",\"id\":\"a\",\"listeners\":[\
             {\"role\":\"normal\",\"host\":\"0.0.0.0\",\"port\":5672},\
             {\"role\":\"inter-router\",\"host\":\"0.0.0.0\",\"port\":56721},\
             {\"role\":\"edge\",\"host\":\"0.0.0.0\",\"port\":56722}]}"
        );
    }
}
