//! Addresses of Controllers: what users type, what is stored, and where requests go.

use crate::text::{Error, Result};

/// Port of the REST API.
pub(super) const CONTROLLER_PORT: u16 = 51121;

/// Where requests go: scheme `http` and path `/api/v3` unless the endpoint has them; query and
/// fragment are dropped.
pub fn base_url(endpoint: &str) -> String {
    let endpoint = endpoint.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) =
        endpoint.split_once("://").unwrap_or(("http", endpoint.trim_start_matches('/')));
    match rest.split_once('/') {
        Some((authority, path)) if !path.is_empty() => {
            format!("{scheme}://{authority}/{}", path.trim_end_matches('/'))
        }
        Some((authority, _)) => format!("{scheme}://{authority}/api/v3"),
        None => format!("{scheme}://{rest}/api/v3"),
    }
}

/// Endpoint and host stored by `connect`: default scheme `http`; without a port, plain HTTP gets
/// 51121 and HTTPS none.
///
/// # Errors
/// [`Error::Input`] when there is no host.
pub fn connect_endpoint(address: &str) -> Result<(String, String)> {
    let (scheme, rest) = address.split_once("://").unwrap_or(("http", address));
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let host = host_of(authority);
    if host.is_empty() {
        return Err(Error::Input(format!("Controller address {address} has no host")));
    }
    let port = if authority.contains(':') || scheme == "https" {
        String::new()
    } else {
        format!(":{CONTROLLER_PORT}")
    };
    Ok((format!("{scheme}://{authority}{port}{path}"), host.to_owned()))
}

/// Endpoint of a Controller deployed on a host: a host that already is an address keeps its form.
pub fn deploy_endpoint(host: &str) -> String {
    if host.contains("://") {
        host.to_owned()
    } else if host.contains(':') {
        format!("http://{host}")
    } else {
        format!("http://{host}:{CONTROLLER_PORT}")
    }
}

/// Host part of an endpoint.
pub fn endpoint_host(endpoint: &str) -> &str {
    let rest = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest);
    host_of(rest.split('/').next().unwrap_or_default())
}

/// Host without port; brackets of IPv6 addresses are removed.
fn host_of(authority: &str) -> &str {
    if let Some(rest) = authority.strip_prefix('[') {
        return rest.split(']').next().unwrap_or_default();
    }
    authority.split(':').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_url_defaults() {
        for (endpoint, base) in [
            ("1.2.3.4:51121", "http://1.2.3.4:51121/api/v3"),
            ("http://h", "http://h/api/v3"),
            ("https://h/", "https://h/api/v3"),
            ("https://h/deep/api/?x=1", "https://h/deep/api"),
        ] {
            assert_eq!(base_url(endpoint), base);
        }
    }

    #[test]
    fn connect_endpoint_ports() {
        for (address, endpoint, host) in [
            ("h.example", "http://h.example:51121", "h.example"),
            ("h.example:80", "http://h.example:80", "h.example"),
            ("https://h.example", "https://h.example", "h.example"),
            ("http://h.example", "http://h.example:51121", "h.example"),
        ] {
            assert_eq!(connect_endpoint(address).unwrap(), (endpoint.to_owned(), host.to_owned()));
        }
        assert!(connect_endpoint("http://").is_err());
    }

    #[test]
    fn deploy_endpoint_forms() {
        assert_eq!(deploy_endpoint("foo-bar"), "http://foo-bar:51121");
        assert_eq!(deploy_endpoint("https://foo-bar"), "https://foo-bar");
        assert_eq!(deploy_endpoint("foo-bar:1234"), "http://foo-bar:1234");
    }
}
