//! Arguments, environment and `connect.json` put together.

use std::net::IpAddr;
use std::path::PathBuf;
use std::rc::Rc;

use iofog_amqp_client::{Dial, Sasl};
use iofog_proxy::domain::mapping::split_list;
use iofog_proxy::{Http2, Limits, NetworkRouter, ProxyConfig, ProxyOptions};
use iofog_tls::TlsError;

use super::arguments::Arguments;
use super::connect_file::ConnectFile;
use super::tls_dial::TlsDial;

/// The environment variables that count (proxy.md sections 1.2 and 1.3).
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    pub(crate) self_name: Option<String>,
    pub(crate) bridge_host: Option<String>,
    pub(crate) hostname: Option<String>,
    pub(crate) compat: bool,
    pub(crate) certificates: Option<String>,
}

/// What the program runs with.
pub(crate) struct Settings {
    pub(crate) config: ProxyConfig,
    pub(crate) options: ProxyOptions,
    /// Microservice uuid, when the configuration comes from the Agent.
    pub(crate) self_name: Option<String>,
    /// `HOST:PORT` of the Agent's local API.
    pub(crate) local_api: String,
    /// Port for state and counters, on loopback.
    pub(crate) metrics: Option<u16>,
}

/// Settings that contradict themselves.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    /// `--router`.
    #[error("router `{0}`: expected HOST or HOST:PORT")]
    Router(String),
    /// `--listen`.
    #[error("listen `{0}`: expected an IP address")]
    Listen(String),
    /// Certificates for the way to the router.
    #[error("router certificates: {0}")]
    Tls(#[from] TlsError),
    /// Neither mappings nor `SELFNAME`.
    #[error("no mapping given, and SELFNAME is not set: nothing to do")]
    Nothing,
}

// === impl Environment ===

impl Environment {
    pub(crate) fn read() -> Self {
        let text = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            self_name: text("SELFNAME"),
            bridge_host: text("ICPROXY_BRIDGE_HOST"),
            hostname: text("HOSTNAME"),
            compat: text("IOFOG_PROXY_COMPAT").as_deref() == Some("1"),
            certificates: text("IOFOG_PROXY_CERTIFICATES"),
        }
    }
}

// === impl Settings ===

impl Settings {
    /// Decides what to run. A file found counts below `--router` and below the environment's host.
    pub(crate) fn new(
        arguments: Arguments,
        environment: Environment,
        file: Option<ConnectFile>,
    ) -> Result<Self, SettingsError> {
        let mut mappings = arguments.mapping;
        mappings.extend(arguments.list.iter().flat_map(|list| split_list(list)));
        let from_agent = mappings.is_empty();
        if from_agent && environment.self_name.is_none() {
            return Err(SettingsError::Nothing);
        }
        // The reference takes the one variable for the router and for the targets of its mappings.
        let (router_host, target) = (environment.bridge_host.clone(), environment.bridge_host);
        let sasl = file.as_ref().map_or(Sasl::None, ConnectFile::sasl);
        // The file's TLS is for the file's router only.
        let elsewhere = arguments.router.is_some() || router_host.is_some();
        let tls = file.as_ref().and_then(ConnectFile::tls).filter(|_| !elsewhere);
        let network_router = match (&arguments.router, router_host, &file) {
            (Some(text), ..) => router(text)?,
            (None, Some(host), _) => NetworkRouter { host, ..NetworkRouter::default() },
            (None, None, Some(file)) => {
                NetworkRouter { host: file.host().to_owned(), port: file.port() }
            }
            (None, None, None) => NetworkRouter::default(),
        };
        let dial: Option<Rc<dyn Dial>> = match tls {
            Some(files) => {
                let NetworkRouter { host, port } = &network_router;
                Some(Rc::new(TlsDial::new(host, *port, files)?))
            }
            None => None,
        };
        let certificates = arguments.certificates.or(environment.certificates).map(PathBuf::from);
        let defaults = ProxyOptions::default();
        let listen_host = match &arguments.listen {
            Some(text) => {
                text.parse::<IpAddr>().map_err(|_| SettingsError::Listen(text.clone()))?
            }
            None => defaults.listen_host,
        };
        let limits = if from_agent { Limits::device() } else { Limits::server() };
        let host = environment.hostname.unwrap_or_else(|| std::process::id().to_string());
        let options = ProxyOptions {
            listen_host,
            target_host: arguments.target.or(target).unwrap_or(defaults.target_host),
            dial,
            sasl,
            certificates,
            container_id: format!("iofog-proxy-{host}"),
            limits,
            compat: environment.compat,
            http2: Some(Http2::support()),
            ..ProxyOptions::default()
        };
        Ok(Self {
            config: ProxyConfig { mappings, network_router },
            options,
            self_name: environment.self_name.filter(|_| from_agent),
            local_api: arguments.local_api.unwrap_or_else(iofog_local_api::usual_address),
            metrics: arguments.metrics,
        })
    }
}

/// `HOST`, `HOST:PORT` or `[ADDRESS]:PORT`.
fn router(text: &str) -> Result<NetworkRouter, SettingsError> {
    let invalid = || SettingsError::Router(text.to_owned());
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or_else(invalid)?;
            (host, port.strip_prefix(':'))
        }
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let port = match port {
        Some(port) => port.parse().map_err(|_| invalid())?,
        None => NetworkRouter::default().port,
    };
    if host.is_empty() {
        return Err(invalid());
    }
    Ok(NetworkRouter { host: host.to_owned(), port })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(list: &str, router: Option<&str>, bridge: Option<&str>) -> Settings {
        let arguments = Arguments {
            list: vec![list.to_owned()],
            router: router.map(str::to_owned),
            ..Arguments::default()
        };
        let bridge_host = bridge.map(str::to_owned);
        Settings::new(arguments, Environment { bridge_host, ..Environment::default() }, None)
            .unwrap()
    }

    #[test]
    fn settings_bridge_host_is_router_and_target() {
        let bridged = settings("http:1=>amqp:q,amqp:r=>tcp:2", None, Some("router"));
        assert_eq!(bridged.config.network_router.host, "router");
        assert_eq!(bridged.config.network_router.port, 5672);
        assert_eq!(bridged.options.target_host, "router");
        let plain = settings("http:1=>amqp:q", None, None);
        assert_eq!(plain.config.network_router.host, "localhost");
        assert_eq!(plain.options.target_host, "localhost");
    }

    #[test]
    fn settings_router_argument_wins() {
        let given = settings("http:1=>amqp:q", Some("[::1]:99"), Some("router"));
        assert_eq!(given.config.network_router, NetworkRouter { host: "::1".into(), port: 99 });
        for bad in ["", ":1", "h:x", "h:70000", "[::1"] {
            assert!(router(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn settings_without_anything_to_do() {
        let nothing = Settings::new(Arguments::default(), Environment::default(), None);
        assert!(matches!(nothing, Err(SettingsError::Nothing)));
        let self_name = Some("uuid".to_owned());
        let environment = Environment { self_name, ..Environment::default() };
        let from_agent = Settings::new(Arguments::default(), environment, None).unwrap();
        assert_eq!(from_agent.self_name.as_deref(), Some("uuid"));
        assert!(from_agent.config.mappings.is_empty());
    }
}
