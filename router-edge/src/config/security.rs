//! The rules that bind TLS profiles, SASL mechanisms, listeners and connectors: whatever could only fail
//! later, at the first connection, is refused at the start.

use super::{ConfigError, ConnectorConfig, ListenerConfig, RouterConfig, Sasl, SslProfile};

/// Mechanisms that can be spoken; others in a list are passed over.
const MECHANISMS: [&str; 3] = ["ANONYMOUS", "EXTERNAL", "PLAIN"];

/// Checks one listener against the profiles of the router.
pub(crate) fn check_listener(
    listener: &ListenerConfig,
    profiles: &[SslProfile],
    users_file: bool,
) -> Result<(), ConfigError> {
    let entity = format!("listener {}", listener.name);
    let fail = |attribute: &str, rule: &str| Err(ConfigError::attribute(&entity, attribute, rule));
    let profile = find(&entity, listener.ssl_profile.as_deref(), profiles)?;
    match profile {
        None if listener.require_ssl => return fail("requireSsl", "needs an sslProfile"),
        None if listener.require_encryption => {
            return fail("requireEncryption", "needs an sslProfile");
        }
        Some(profile) if profile.cert_file.is_none() => {
            let rule = format!("names `{}`, which has no certFile", profile.name);
            return fail("sslProfile", &rule);
        }
        _ => {}
    }
    usable(&entity, &listener.sasl)?;
    if listener.sasl.lists("EXTERNAL") && profile.is_none_or(|p| p.ca_cert_file.is_none()) {
        return fail("saslMechanisms", "EXTERNAL needs an sslProfile with a caCertFile");
    }
    if listener.sasl.lists("PLAIN") && !users_file {
        return fail("saslMechanisms", "PLAIN needs `saslUsersFile` of the router entity");
    }
    Ok(())
}

/// Checks one connector against the profiles of the router.
pub(crate) fn check_connector(
    connector: &ConnectorConfig,
    profiles: &[SslProfile],
) -> Result<(), ConfigError> {
    let entity = format!("connector {}", connector.name);
    let fail = |attribute: &str, rule: &str| Err(ConfigError::attribute(&entity, attribute, rule));
    let profile = find(&entity, connector.ssl_profile.as_deref(), profiles)?;
    usable(&entity, &connector.sasl)?;
    let external = profile.is_some_and(|profile| profile.cert_file.is_some());
    let plain = connector.sasl.username.is_some() && connector.sasl.password.is_some();
    if connector.sasl.username.is_some() && !plain {
        return fail("saslPassword", "is required with `saslUsername`");
    }
    let allowed = |name| connector.sasl.mechanisms.is_empty() || connector.sasl.lists(name);
    if allowed("ANONYMOUS") || (allowed("EXTERNAL") && external) || (allowed("PLAIN") && plain) {
        return Ok(());
    }
    match connector.sasl.lists("EXTERNAL") {
        true => fail("saslMechanisms", "EXTERNAL needs an sslProfile with a certFile"),
        false => fail("saslMechanisms", "PLAIN needs `saslUsername` and `saslPassword`"),
    }
}

/// Checks every listener and connector.
pub(super) fn check(config: &RouterConfig) -> Result<(), ConfigError> {
    let users = config.settings.sasl_users_file.is_some();
    for listener in &config.listeners {
        check_listener(listener, &config.ssl_profiles, users)?;
    }
    for connector in &config.connectors {
        check_connector(connector, &config.ssl_profiles)?;
    }
    Ok(())
}

fn find<'a>(
    entity: &str,
    name: Option<&str>,
    profiles: &'a [SslProfile],
) -> Result<Option<&'a SslProfile>, ConfigError> {
    let Some(name) = name else {
        return Ok(None);
    };
    match profiles.iter().find(|profile| profile.name == name) {
        Some(profile) => Ok(Some(profile)),
        None => {
            let rule = format!("names no sslProfile: `{name}`");
            Err(ConfigError::attribute(entity, "sslProfile", rule))
        }
    }
}

fn usable(entity: &str, sasl: &Sasl) -> Result<(), ConfigError> {
    if sasl.mechanisms.is_empty() || MECHANISMS.iter().any(|name| sasl.lists(name)) {
        return Ok(());
    }
    let rule = format!("has none of {} in `{}`", MECHANISMS.join(", "), sasl.mechanisms.join(" "));
    Err(ConfigError::attribute(entity, "saslMechanisms", rule))
}

impl Sasl {
    /// The mechanism is listed.
    #[must_use]
    pub fn lists(&self, name: &str) -> bool {
        self.mechanisms.iter().any(|listed| listed == name)
    }
}
