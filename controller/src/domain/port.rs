//! Ports of a microservice: what a body may ask for, and who may have which number (controller contract 10.3).

use std::collections::BTreeSet;

use iofog_api::{ApiError, Fields};
use serde::{Deserialize, Serialize};

/// Ports that agents keep for themselves.
const RESERVED: [i64; 2] = [54_321, 54_322];

/// A port mapping as asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// Inside the container.
    pub internal: i64,
    /// On the agent's host.
    pub external: i64,
    /// `udp` instead of `tcp`.
    pub udp: bool,
    /// Exposure through the router network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public: Option<PublicRequest>,
    /// Exposure through an external broker.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub brokered: bool,
}

/// Exposure as asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicRequest {
    /// Schemes of the links shown to users.
    pub schemes: Vec<String>,
    /// `tcp` or `http`.
    pub protocol: String,
    /// Entry agent, or none for the default.
    pub router_host: Option<String>,
    /// Wanted public port.
    pub router_port: Option<i64>,
}

/// A granted public port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicPort {
    /// Row id.
    pub id: i64,
    /// Whose port it is.
    pub microservice: iofog_api::MicroserviceUuid,
    /// Its internal port.
    pub internal: i64,
    /// Number on the entry host.
    pub public_port: i64,
    /// Everything else.
    pub details: PublicDetails,
}

/// Details of a granted public port, stored as one document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicDetails {
    /// External port on the microservice's agent.
    pub external: i64,
    /// AMQP address between the two proxies.
    pub queue: String,
    /// `tcp` or `http`.
    pub protocol: String,
    /// Schemes of the links.
    pub schemes: Vec<String>,
    /// Entry agent; none = no system agent (Kubernetes).
    pub host: Option<iofog_api::FogUuid>,
    /// The entry was given as an agent uuid, not as the default.
    pub explicit_host: bool,
}

impl Port {
    /// Reads one item of `ports`, or the body of `POST port-mapping`.
    ///
    /// # Errors
    /// When a field is missing, has the wrong type, or names a protocol that is unknown.
    pub fn read(body: &Fields<'_>) -> Result<Self, ApiError> {
        let internal = body.required_integer("internal", 1, 65_535)?;
        let external = body.required_integer("external", 1, 65_535)?;
        let protocol = body.one_of("protocol", &["tcp", "udp"])?;
        let brokered = body.boolean("proxy")?.unwrap_or(false);
        let public = match body.object("public")? {
            Some(public) => Some(PublicRequest::read(&public)?),
            None => None,
        };
        // Both at once is public, as in 3.0.4.
        let brokered = brokered && public.is_none();
        let udp = protocol.as_deref() == Some("udp");
        let port = Self { internal, external, udp, public, brokered };
        if let Some(public) = &port.public {
            public.check(internal)?;
        }
        check_reserved(external)?;
        Ok(port)
    }
}

impl PublicRequest {
    fn read(body: &Fields<'_>) -> Result<Self, ApiError> {
        let schemes =
            body.strings("schemes")?.ok_or_else(|| iofog_api::check::missing("schemes"))?;
        let protocol = body
            .one_of("protocol", &["tcp", "http"])?
            .ok_or_else(|| iofog_api::check::missing("protocol"))?;
        let router = body.object("router")?;
        let (router_host, router_port) = match &router {
            Some(router) => (router.string("host")?, router.integer("port", 1, 65_535)?),
            None => (None, None),
        };
        let router_host = router_host.filter(|host| host != super::router::DEFAULT_ROUTER);
        Ok(Self { schemes, protocol, router_host, router_port })
    }

    fn check(&self, internal: i64) -> Result<(), ApiError> {
        let other = self.schemes.iter().find(|scheme| !scheme.starts_with("http"));
        match other {
            Some(scheme) if self.protocol != "tcp" => Err(ApiError::validation(format!(
                "Public port {internal} has a scheme of {scheme} and cannot use protocol http"
            ))),
            _ => Ok(()),
        }
    }
}

fn check_reserved(port: i64) -> Result<(), ApiError> {
    if RESERVED.contains(&port) {
        return Err(ApiError::validation(format!("Port '{port}' is reserved for internal use")));
    }
    Ok(())
}

/// Refuses a list that maps one port twice.
///
/// # Errors
/// `Port mapping already exists`.
pub fn check_unique(ports: &[Port]) -> Result<(), ApiError> {
    let mut internals = BTreeSet::new();
    let mut externals = BTreeSet::new();
    for port in ports {
        if !internals.insert(port.internal) || !externals.insert(port.external) {
            return Err(ApiError::validation("Port mapping already exists"));
        }
    }
    Ok(())
}

/// Refuses ports that others on the agent have.
///
/// # Errors
/// `Port '<p>' is not available`.
pub fn check_free(ports: &[Port], taken: &BTreeSet<i64>) -> Result<(), ApiError> {
    match ports.iter().find(|port| taken.contains(&port.external)) {
        Some(port) => Err(not_available(port.external)),
        None => Ok(()),
    }
}

/// `Port '<p>' is not available`.
#[must_use]
pub fn not_available(port: i64) -> ApiError {
    ApiError::validation(format!("Port '{port}' is not available"))
}

/// The public port to grant: the wanted one if it is free, else the first free of the range.
///
/// # Errors
/// When the wanted one is taken or an agent's own, or the range is exhausted.
pub fn grant(
    wanted: Option<i64>,
    range: &std::ops::Range<i64>,
    taken: &BTreeSet<i64>,
    host: &str,
) -> Result<i64, ApiError> {
    match wanted {
        Some(port) if taken.contains(&port) => Err(not_available(port)),
        Some(port) => check_reserved(port).map(|()| port),
        None => {
            let free = |port: &i64| !taken.contains(port) && !RESERVED.contains(port);
            range.clone().find(free).ok_or_else(|| {
                ApiError::validation(format!("No public port available in range for {host}"))
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(body: &serde_json::Value) -> Result<Port, String> {
        Port::read(&Fields::of(body).unwrap()).map_err(|error| error.message)
    }

    #[test]
    fn refusals_name_the_port() {
        assert_eq!(
            read(&json!({ "internal": 80, "external": 54321 })).unwrap_err(),
            "Port '54321' is reserved for internal use"
        );
        let body = json!({ "internal": 80, "external": 5000,
            "public": { "schemes": ["https", "ws"], "protocol": "http" } });
        assert_eq!(
            read(&body).unwrap_err(),
            "Public port 80 has a scheme of ws and cannot use protocol http"
        );
    }

    #[test]
    fn first_free_public_port_is_granted() {
        let taken = BTreeSet::from([6000, 6001]);
        assert_eq!(grant(None, &(6000..7000), &taken, "h").unwrap(), 6002);
        assert_eq!(grant(Some(6080), &(6000..7000), &taken, "h").unwrap(), 6080);
        assert!(grant(Some(6001), &(6000..7000), &taken, "h").is_err());
        assert!(grant(None, &(6000..6002), &taken, "h").is_err());
        assert_eq!(grant(None, &(54_321..54_330), &taken, "h").unwrap(), 54_323);
    }

    #[test]
    fn default_router_is_no_explicit_entry() {
        let body = json!({ "internal": 80, "external": 5000, "public": { "schemes": ["http"],
            "protocol": "http", "router": { "host": "default-router", "port": 6080 } } });
        let public = read(&body).unwrap().public.unwrap();
        assert_eq!((public.router_host, public.router_port), (None, Some(6080)));
    }
}
