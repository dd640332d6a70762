//! Configurations of the accepting side.

use std::sync::Arc;

use rustls::server::WebPkiClientVerifier;
use rustls::{ServerConfig, ServerConnection};

use crate::{FloorClock, Identity, TlsError, Trust, provider};

/// Whether clients must show a certificate.
#[derive(Debug, Clone, Default)]
pub enum ClientCheck {
    /// None is asked for.
    #[default]
    None,
    /// Asked for; one that is shown must be signed by these, but none is accepted too.
    Optional(Trust),
    /// A certificate signed by these is required.
    Required(Trust),
}

/// What a server's configuration is made from.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// Who the server is.
    pub identity: Identity,
    /// What it asks of clients.
    pub clients: ClientCheck,
    /// Application protocols in order of preference, such as `h2`; none when empty.
    pub protocols: Vec<Vec<u8>>,
    /// The time client certificates are judged by.
    pub clock: FloorClock,
}

impl ServerOptions {
    /// No client certificates, no application protocols.
    pub fn new(identity: Identity) -> Self {
        Self {
            identity,
            clients: ClientCheck::None,
            protocols: Vec::new(),
            clock: FloorClock::new(),
        }
    }

    /// Makes the configuration.
    ///
    /// # Errors
    /// When key and certificate do not fit each other or the trust anchors are unusable.
    pub fn build(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let builder = ServerConfig::builder_with_details(provider(), Arc::new(self.clock.clone()))
            .with_safe_default_protocol_versions()?;
        let verifier = |trust: &Trust| {
            WebPkiClientVerifier::builder_with_provider(Arc::clone(&trust.roots), provider())
        };
        let builder = match &self.clients {
            ClientCheck::None => builder.with_no_client_auth(),
            ClientCheck::Optional(trust) => {
                builder.with_client_cert_verifier(verifier(trust).allow_unauthenticated().build()?)
            }
            ClientCheck::Required(trust) => {
                builder.with_client_cert_verifier(verifier(trust).build()?)
            }
        };
        let Identity { chain, key } = self.identity.clone();
        let mut config = builder.with_single_cert(chain, key)?;
        config.alpn_protocols.clone_from(&self.protocols);
        // A resumed session costs the server memory for each client; full handshakes are rare here.
        config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        // Refuse early what would only fail at the first handshake.
        ServerConnection::new(Arc::new(config.clone()))?;
        Ok(Arc::new(config))
    }
}
