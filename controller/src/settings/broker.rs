//! Settings of the external port broker (controller contract 20.7 and 23, `PublicPorts:ProxyBroker*`).

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use hyper::Uri;
use hyper::header::HeaderValue;
use iofog_tls::rustls::ClientConfig;

use crate::call;

/// The broker that ports with `proxy: true` are opened by.
#[derive(Clone)]
pub struct Broker {
    /// Its address without a slash at the end (`PROXY_BROKER_URL`).
    pub url: String,
    /// What it knows the Controller by (`PROXY_BROKER_TOKEN`).
    pub token: String,
    /// Who is believed to be the broker, where its address says `https` (`PublicPorts_ProxyBrokerAuthority`, a PEM file beside
    /// those whom the system trusts).
    pub tls: Option<Arc<ClientConfig>>,
}

impl std::fmt::Debug for Broker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Broker").field("url", &self.url).finish_non_exhaustive()
    }
}

/// What is set; none without an address. Deployments set both to nothing where there is no broker.
///
/// # Errors
/// Naming the setting that makes no sense, never the token.
pub(super) fn read(get: &impl Fn(&str) -> Option<String>) -> Result<Option<Broker>> {
    let text =
        |names: &[&str]| names.iter().find_map(|name| get(name).filter(|value| !value.is_empty()));
    let Some(url) = text(&["PROXY_BROKER_URL", "PublicPorts_ProxyBrokerUrl"]) else {
        return Ok(None);
    };
    let url = url.trim_end_matches('/').to_owned();
    // Not repeated in messages: people put passwords into addresses.
    let invalid = "PROXY_BROKER_URL: is no address such as https://host:port/path";
    let uri: Uri = url.parse().ok().filter(|_| !url.contains('#')).context(invalid)?;
    let place = uri.authority().context(invalid)?;
    let port = place.as_str().rsplit(']').next().is_some_and(|rest| rest.contains(':'));
    let port_fits = !port || place.port_u16().is_some_and(|port| port > 0);
    if place.host().is_empty() || !port_fits || uri.query().is_some() {
        bail!(invalid);
    }
    if place.as_str().contains('@') {
        bail!("PROXY_BROKER_URL: users and passwords in it are not used");
    }
    let authority = text(&["PublicPorts_ProxyBrokerAuthority"]).map(PathBuf::from);
    let tls = match uri.scheme_str() {
        Some("http") => None,
        Some("https") => Some(
            call::trust(authority.as_deref())
                .context("PublicPorts_ProxyBrokerAuthority: nobody is trusted for https")?,
        ),
        _ => bail!(invalid),
    };
    let token = text(&["PROXY_BROKER_TOKEN", "PublicPorts_ProxyBrokerToken"]).unwrap_or_default();
    if HeaderValue::from_str(&token).is_err() {
        bail!("PROXY_BROKER_TOKEN: has characters that no header takes");
    }
    Ok(Some(Broker { url, token, tls }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(pairs: &[(&str, &str)]) -> Result<Option<Broker>> {
        read(&|name| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn nothing_is_no_broker() {
        assert!(set(&[]).unwrap().is_none());
        assert!(set(&[("PROXY_BROKER_URL", ""), ("PROXY_BROKER_TOKEN", "")]).unwrap().is_none());
        let named = set(&[
            ("PublicPorts_ProxyBrokerUrl", "http://broker:9000/api/"),
            ("PublicPorts_ProxyBrokerToken", "s3cret"),
        ]);
        let broker = named.unwrap().unwrap();
        assert_eq!(
            (broker.url.as_str(), broker.token.as_str()),
            ("http://broker:9000/api", "s3cret")
        );
        assert!(!format!("{broker:?}").contains("s3cret"));
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for (url, token) in [
            ("broker", "t"),
            ("ftp://broker", "t"),
            ("http://broker?x=1", "t"),
            ("http://broker/api#frag", "t"),
            ("http://broker:99999", "t"),
            ("http://broker:0", "t"),
            ("http://:80", "t"),
            ("http://user:passw0rd@broker", "t"),
            ("http://b", "a\nb"),
        ] {
            let pairs = [("PROXY_BROKER_URL", url), ("PROXY_BROKER_TOKEN", token)];
            let error = set(&pairs).unwrap_err().to_string();
            assert!(
                error.starts_with("PROXY_BROKER_")
                    && !error.contains("a\nb")
                    && !error.contains("passw0rd"),
                "{error}"
            );
        }
    }
}
