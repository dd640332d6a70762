//! The router behind TLS (`amqps` in `connect.json`).

use std::io;
use std::sync::Arc;

use iofog_amqp_client::{BoxStream, Dial, DialFuture, TcpDial};
use iofog_tls::rustls::ClientConfig;
use iofog_tls::rustls::pki_types::ServerName;
use iofog_tls::{ClientOptions, Identity, Reloading, ServerCheck, TlsError, Trust};
use tokio_rustls::TlsConnector;

use super::connect_file::TlsFiles;

/// Dials the router and begins TLS. Files are looked at before each attempt.
pub(crate) struct TlsDial {
    tcp: TcpDial,
    config: Reloading<ClientConfig>,
}

// === impl TlsDial ===

impl TlsDial {
    /// # Errors
    /// A file cannot be used.
    pub(crate) fn new(host: &str, port: u16, files: TlsFiles) -> Result<Self, TlsError> {
        let named = [&files.ca, &files.cert, &files.key];
        let watched = named.into_iter().flatten().cloned().collect();
        let config = Reloading::new(watched, move || build(&files))?;
        Ok(Self { tcp: TcpDial::new(host, port), config })
    }

    async fn connect(&self) -> io::Result<BoxStream> {
        if let Err(error) = self.config.refresh() {
            log::warn!("router: certificates stay as they were: {error}");
        }
        let name = ServerName::try_from(self.tcp.host.clone())
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let stream = self.tcp.dial().await?;
        let connector = TlsConnector::from(self.config.current());
        Ok(Box::new(connector.connect(name, stream).await?))
    }
}

impl Dial for TlsDial {
    fn dial(&self) -> DialFuture<'_> {
        Box::pin(self.connect())
    }
}

fn build(files: &TlsFiles) -> Result<Arc<ClientConfig>, TlsError> {
    let trust = match &files.ca {
        Some(ca) => Trust::from_file(ca)?,
        None => Trust::system()?,
    };
    let mut options = ClientOptions::new(trust);
    if files.verify == Some(false) {
        options.check = ServerCheck::AnyName;
    }
    if let (Some(cert), Some(key)) = (&files.cert, &files.key) {
        options.identity = Some(Identity::from_files(cert, key)?);
    }
    options.build()
}
