//! TLS on connections: configurations from an sslProfile, made again when its files or the profile change;
//! connections that are open keep what they began with.

use std::cell::RefCell;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use iofog_tls::rustls::pki_types::{CertificateDer, ServerName};
use iofog_tls::rustls::{ClientConfig, CommonState, ProtocolVersion, ServerConfig};
use iofog_tls::{
    ClientCheck, ClientOptions, Identity, Reloading, ServerCheck, ServerOptions, TlsError, Trust,
};
use log::{info, warn};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use super::options::StartError;
use super::shared::Shared;
use super::suites;
use crate::config::{ConnectorConfig, ListenerConfig, SslProfile};
use crate::core::TlsFacts;
use crate::identity::{UidNames, uid};

/// Longest that a peer may take for its handshake.
pub(super) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// First byte of a TLS connection: a handshake record.
const HANDSHAKE_RECORD: u8 = 22;

/// The TLS side of one listener or connector.
pub(super) struct Side<T: 'static> {
    entity: String,
    profile: String,
    build: fn(&SslProfile, bool) -> Result<Arc<T>, TlsError>,
    /// Listener: certificates are asked for. Connector: the server's name is checked.
    strict: bool,
    made: RefCell<Option<(SslProfile, Reloading<T>)>>,
}

impl Side<ServerConfig> {
    /// None without a profile.
    pub(super) fn listener(
        shared: &Shared,
        config: &ListenerConfig,
    ) -> Result<Option<Self>, StartError> {
        // As the reference has it: certificates are asked for where EXTERNAL is listed.
        let strict = config.sasl.lists("EXTERNAL");
        let entity = format!("listener {}", config.name);
        Self::new(shared, entity, config.ssl_profile.as_deref(), strict, build_server)
    }
}

impl Side<ClientConfig> {
    /// None without a profile.
    pub(super) fn connector(
        shared: &Shared,
        config: &ConnectorConfig,
    ) -> Result<Option<Self>, StartError> {
        let entity = format!("connector {}", config.name);
        let strict = config.verify_hostname;
        Self::new(shared, entity, config.ssl_profile.as_deref(), strict, build_client)
    }
}

impl<T> Side<T> {
    fn new(
        shared: &Shared,
        entity: String,
        profile: Option<&str>,
        strict: bool,
        build: fn(&SslProfile, bool) -> Result<Arc<T>, TlsError>,
    ) -> Result<Option<Self>, StartError> {
        let Some(profile) = profile else {
            return Ok(None);
        };
        let side =
            Self { entity, profile: profile.to_owned(), build, strict, made: RefCell::default() };
        match side.config(shared) {
            Ok(_) => Ok(Some(side)),
            Err(source) => Err(StartError::Tls { entity: side.entity, source }),
        }
    }

    /// The newest configuration that could be made; the profile it was made from.
    pub(super) fn config(&self, shared: &Shared) -> Result<(Arc<T>, SslProfile), TlsError> {
        let mut made = self.made.borrow_mut();
        let profile = shared.ssl_profile(&self.profile);
        if let Some(profile) = profile
            && made.as_ref().is_none_or(|(known, _)| *known != profile)
        {
            match self.make(&profile) {
                Ok(new) => *made = Some((profile, new)),
                Err(error) if made.is_none() => return Err(error),
                Err(error) => self.keep(&error),
            }
        }
        let Some((profile, reloading)) = made.as_ref() else {
            return Err(TlsError::Missing("sslProfile"));
        };
        match reloading.refresh() {
            Ok(true) => info!("{}: certificates were read again", self.entity),
            Ok(false) => {}
            Err(error) => self.keep(&error),
        }
        Ok((reloading.current(), profile.clone()))
    }

    fn make(&self, profile: &SslProfile) -> Result<Reloading<T>, TlsError> {
        let files = [&profile.cert_file, &profile.private_key_file, &profile.ca_cert_file];
        let files = files.into_iter().flatten().map(PathBuf::from).collect();
        let (build, strict, profile) = (self.build, self.strict, profile.clone());
        Reloading::new(files, move || build(&profile, strict))
    }

    fn keep(&self, error: &TlsError) {
        warn!("{}: the certificates before stay in use: {}", self.entity, full_text(error));
    }
}

fn build_server(profile: &SslProfile, ask: bool) -> Result<Arc<ServerConfig>, TlsError> {
    let identity = identity(profile)?.ok_or(TlsError::Missing("sslProfile without certFile"))?;
    let mut options = ServerOptions::new(identity);
    if let (true, Some(file)) = (ask, &profile.ca_cert_file) {
        options.clients = ClientCheck::Required(Trust::from_file(Path::new(file))?);
    }
    options.build()
}

fn build_client(profile: &SslProfile, check_name: bool) -> Result<Arc<ClientConfig>, TlsError> {
    let trust = match &profile.ca_cert_file {
        Some(file) => Trust::from_file(Path::new(file))?,
        None => Trust::system()?,
    };
    let check = if check_name { ServerCheck::Full } else { ServerCheck::AnyName };
    ClientOptions { identity: identity(profile)?, check, ..ClientOptions::new(trust) }.build()
}

fn identity(profile: &SslProfile) -> Result<Option<Identity>, TlsError> {
    match (&profile.cert_file, &profile.private_key_file) {
        (Some(chain), Some(key)) => {
            Identity::from_files(Path::new(chain), Path::new(key)).map(Some)
        }
        _ => Ok(None),
    }
}

/// Whether a peer's first byte begins TLS; waits for it.
pub(super) async fn begins_tls(stream: &TcpStream) -> io::Result<bool> {
    let mut first = [0];
    let read = within_time(stream.peek(&mut first)).await?;
    Ok(read == 1 && first == [HANDSHAKE_RECORD])
}

/// The accepting side of a handshake.
pub(super) async fn accept(
    side: &Side<ServerConfig>,
    shared: &Shared,
    stream: TcpStream,
) -> io::Result<(server::TlsStream<TcpStream>, TlsFacts)> {
    let (config, profile) = side.config(shared).map_err(other)?;
    let stream = within_time(TlsAcceptor::from(config).accept(stream)).await?;
    let facts = facts(stream.get_ref().1, Some(&profile));
    Ok((stream, facts))
}

/// The dialling side of a handshake; tells too whether we have a certificate to show.
pub(super) async fn connect(
    side: &Side<ClientConfig>,
    shared: &Shared,
    host: &str,
    stream: TcpStream,
) -> io::Result<(client::TlsStream<TcpStream>, TlsFacts, bool)> {
    let (config, profile) = side.config(shared).map_err(other)?;
    let host = host.trim_matches(['[', ']']).to_owned();
    let name = ServerName::try_from(host).map_err(io::Error::other)?;
    let stream = within_time(TlsConnector::from(config).connect(name, stream)).await?;
    let facts = facts(stream.get_ref().1, None);
    Ok((stream, facts, profile.cert_file.is_some()))
}

async fn within_time<T>(step: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    match tokio::time::timeout(HANDSHAKE_TIMEOUT, step).await {
        Ok(result) => result,
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "TLS handshake took too long")),
    }
}

/// `naming`: the profile whose rules name the peer.
fn facts(state: &CommonState, naming: Option<&SslProfile>) -> TlsFacts {
    let protocol = match state.protocol_version() {
        Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
        Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
        _ => "TLS",
    };
    let cipher = state.negotiated_cipher_suite().map(|cipher| suites::name(cipher.suite()));
    let cipher = cipher.unwrap_or_default().to_owned();
    let certificate = state.peer_certificates().and_then(<[_]>::first);
    let peer = naming.zip(certificate).and_then(|(profile, cert)| peer_name(profile, cert));
    TlsFacts { protocol, cipher, peer }
}

fn peer_name(profile: &SslProfile, certificate: &CertificateDer<'_>) -> Option<String> {
    let parsed = webpki::EndEntityCert::try_from(certificate).ok()?;
    let uid = uid(certificate, parsed.subject(), &profile.uid_format)?;
    let Some(file) = &profile.uid_names_file else {
        return Some(uid);
    };
    let read = std::fs::read_to_string(file).map_err(|error| error.to_string());
    match read.and_then(|text| UidNames::parse(&text).map_err(|error| error.to_string())) {
        Ok(names) => Some(names.shown(uid)),
        Err(error) => {
            warn!("sslProfile {}: uidNameMappingFile {file}: {error}", profile.name);
            Some(uid)
        }
    }
}

fn other(error: TlsError) -> io::Error {
    io::Error::other(full_text(&error))
}

/// The error with its cause.
fn full_text(error: &TlsError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
