//! Configurations of the connecting side.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

use crate::{FloorClock, Identity, TlsError, Trust, provider};

/// How a server's certificate is judged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ServerCheck {
    /// Signed by a trusted authority, valid now, made for the name that was dialled.
    #[default]
    Full,
    /// As above, but made for any name (`verifyHostname: false` of the Router's contract).
    AnyName,
}

/// What a client's configuration is made from.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// Whom the client believes.
    pub trust: Trust,
    /// Who it is, where servers ask.
    pub identity: Option<Identity>,
    /// How strictly names are compared.
    pub check: ServerCheck,
    /// Application protocols in order of preference; none when empty.
    pub protocols: Vec<Vec<u8>>,
    /// The time server certificates are judged by.
    pub clock: FloorClock,
}

impl ClientOptions {
    /// Full check, no identity, no application protocols.
    pub fn new(trust: Trust) -> Self {
        Self {
            trust,
            identity: None,
            check: ServerCheck::Full,
            protocols: Vec::new(),
            clock: FloorClock::new(),
        }
    }

    /// Makes the configuration.
    ///
    /// # Errors
    /// When key and certificate do not fit each other or the trust anchors are unusable.
    pub fn build(&self) -> Result<Arc<ClientConfig>, TlsError> {
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::clone(&self.trust.roots), provider())
                .build()?;
        let builder = ClientConfig::builder_with_details(provider(), Arc::new(self.clock.clone()))
            .with_safe_default_protocol_versions()?;
        let builder = match self.check {
            ServerCheck::Full => builder.with_webpki_verifier(verifier),
            ServerCheck::AnyName => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(AnyName { inner: verifier })),
        };
        let mut config = match self.identity.clone() {
            Some(Identity { chain, key }) => builder.with_client_auth_cert(chain, key)?,
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols.clone_from(&self.protocols);
        // One server at a time: a few tickets are enough, the default keeps 256 servers.
        config.resumption = rustls::client::Resumption::in_memory_sessions(4);
        Ok(Arc::new(config))
    }
}

/// Accepts what the usual verifier accepts but for the name. It looks at the name last, after
/// signatures and dates.
#[derive(Debug)]
struct AnyName {
    inner: Arc<WebPkiServerVerifier>,
}

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        use CertificateError::{NotValidForName, NotValidForNameContext};
        let verdict = self.inner.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        match verdict {
            Err(Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. })) => {
                Ok(ServerCertVerified::assertion())
            }
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
