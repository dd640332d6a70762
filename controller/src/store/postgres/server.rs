//! Where the PostgreSQL server is, and how to get onto it.

use std::sync::Arc;
use std::time::Duration;

use postgres::{Client, Config, NoTls};

use super::connection::failed;
use super::tls::RustlsConnect;
use crate::store::{StoreError, Stored};

/// Attempts, half a second apart, before a job is told that the database is gone.
const ATTEMPTS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(500);

/// How to reach the database.
#[derive(Clone)]
pub struct Server {
    config: Config,
    tls: Option<Arc<iofog_tls::rustls::ClientConfig>>,
}

/// Where the database is, by the names of the deployment's variables.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// `DB_HOST`.
    pub host: String,
    /// `DB_PORT`; 0 = the usual one.
    pub port: u16,
    /// `DB_USERNAME` or `DB_USER`.
    pub user: String,
    /// `DB_PASSWORD`. Never logged.
    pub password: String,
    /// `DB_NAME`.
    pub name: String,
    /// Certificates that the server's must be signed by (`DB_SSL_CA`); none = no TLS.
    pub authority: Option<std::path::PathBuf>,
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { host, port, user, name, .. } = self;
        write!(f, "postgres://{user}@{host}:{port}/{name}")
    }
}

impl Server {
    /// Takes an address; nothing is connected yet.
    ///
    /// # Errors
    /// When the certificates cannot be read.
    pub fn new(address: &Address) -> Stored<Self> {
        let mut config = Config::new();
        config
            .host(&address.host)
            .port(if address.port == 0 { 5432 } else { address.port })
            .user(&address.user)
            .password(&address.password)
            .dbname(&address.name)
            .application_name("iofog-controller")
            .connect_timeout(Duration::from_secs(5))
            .keepalives_idle(Duration::from_secs(15));
        let tls = address
            .authority
            .as_deref()
            .map(|path| iofog_tls::ClientOptions::new(iofog_tls::Trust::from_file(path)?).build());
        let tls = tls.transpose().map_err(|error| StoreError::Database(error.to_string()))?;
        Ok(Self { config, tls })
    }

    /// A new connection.
    ///
    /// # Errors
    /// When the server does not answer or refuses.
    pub(super) fn connect(&self) -> Stored<Client> {
        let client = match &self.tls {
            Some(tls) => {
                let mut config = self.config.clone();
                config.ssl_mode(postgres::config::SslMode::Require);
                config.connect(RustlsConnect(Arc::clone(tls)))
            }
            None => self.config.connect(NoTls),
        };
        client.map_err(|error| failed(&error))
    }

    /// As [`Self::connect`], over a restart of the server.
    pub(super) fn connect_patiently(&self) -> Stored<Client> {
        let mut attempt = 1;
        loop {
            match self.connect() {
                Err(error) if attempt < ATTEMPTS => {
                    log::warn!("database connection, attempt {attempt}: {error}");
                    attempt += 1;
                    std::thread::sleep(PAUSE);
                }
                result => return result,
            }
        }
    }
}
