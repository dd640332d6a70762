//! HTTPS: certificates from files, looked at again for each connection, or an own one that is made once.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use iofog_tls::rustls::ServerConfig;
use iofog_tls::{Identity, Issued, Reloading, ServerOptions, TlsError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::settings::Certificate;

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// What connections are secured with.
#[derive(Debug)]
pub struct Tls(Reloading<ServerConfig>);

impl Tls {
    /// Reads the certificate, or makes one in `data_dir` where there is none yet.
    ///
    /// # Errors
    /// When files cannot be read or written, or key and certificate do not fit.
    pub fn open(certificate: &Certificate, data_dir: &Path) -> Result<Self> {
        let (key, chain) = match certificate {
            Certificate::Files { key, chain } => (key.clone(), chain.clone()),
            Certificate::Own { names } => {
                // With a PostgreSQL database nothing else needs the folder.
                std::fs::create_dir_all(data_dir)
                    .with_context(|| format!("cannot create {}", data_dir.display()))?;
                let key = data_dir.join("controller-key.pem");
                let chain = data_dir.join("controller-cert.pem");
                if !key.exists() || !chain.exists() {
                    make(names, &key, &chain)?;
                }
                (key, vec![chain])
            }
        };
        let files = chain.iter().chain([&key]).cloned().collect();
        let reloading = Reloading::new(files, move || {
            let read = |path: &Path| {
                std::fs::read(path)
                    .map_err(|source| TlsError::Read { path: path.to_owned(), source })
            };
            let mut pem = Vec::new();
            for part in &chain {
                pem.extend(read(part)?);
                pem.push(b'\n');
            }
            ServerOptions::new(Identity::from_pem(&pem, &read(&key)?)?).build()
        });
        Ok(Self(reloading.context("cannot use the certificate of the API")?))
    }

    /// Shakes hands; none when the client does not, or not in time.
    pub async fn accept<S>(&self, stream: S) -> Option<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        match self.0.refresh() {
            Ok(true) => log::info!("the certificate of the API changed"),
            Ok(false) => {}
            Err(error) => log::error!("the former certificate stays: {error}"),
        }
        let acceptor = TlsAcceptor::from(Arc::clone(&self.0.current()));
        match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => Some(stream),
            Ok(Err(error)) => {
                log::debug!("TLS: {error}");
                None
            }
            Err(_) => None,
        }
    }
}

fn make(names: &[String], key: &Path, chain: &Path) -> Result<()> {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let issued = Issued::self_signed("iofog-controller", &names).context("cannot make a key")?;
    write(key, &issued.key)?;
    write(chain, &issued.certificate)
}

/// Writes a file that only we may read, whole or not at all.
fn write(path: &Path, text: &str) -> Result<()> {
    let part = path.with_extension("part");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&part)
        .with_context(|| format!("cannot create {}", part.display()))?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| std::fs::rename(&part, path))
        .with_context(|| format!("cannot write {}", path.display()))
}
