//! TLS on the public side: certificate and key of each listening port from files, read again when they
//! change.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use iofog_sorted::SortedMap;
use iofog_tls::rustls::ServerConfig;
use iofog_tls::{Identity, Reloading, ServerOptions, TlsError};

/// A folder with `<port>.crt` and `<port>.key` for single ports, and `tls.crt` and `tls.key` for all others.
/// A port without files is served plain.
pub(crate) struct Certificates {
    folder: PathBuf,
    found: RefCell<SortedMap<u16, Rc<Reloading<ServerConfig>>>>,
}

// === impl Certificates ===

impl Certificates {
    /// Looks into `folder`.
    pub(crate) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), found: RefCell::default() }
    }

    /// What a connection to `port` is served with; none for plain. Once a port had a certificate it is never
    /// served plain again, whatever becomes of the files: the last one that could be read stays. Clients are
    /// offered `protocol` (ALPN), which is the same at each call for a port.
    ///
    /// # Errors
    /// There are files, and they were never usable.
    pub(crate) fn of(
        &self,
        port: u16,
        protocol: &'static [u8],
    ) -> Result<Option<Arc<ServerConfig>>, TlsError> {
        let known = self.found.borrow().get(&port).map(Rc::clone);
        let Some(known) = known else {
            let Some((chain, key)) = self.files(port) else { return Ok(None) };
            let loaded = load(chain, key, protocol)?;
            let current = loaded.current();
            self.found.borrow_mut().insert(port, Rc::new(loaded));
            return Ok(Some(current));
        };
        match known.refresh() {
            Ok(true) => log::info!("port {port}: certificate read again"),
            Ok(false) => {}
            Err(error) => log::warn!("port {port}: certificate stays as it was: {error}"),
        }
        Ok(Some(known.current()))
    }

    /// A certificate without its key counts as being there: better refused than served plain.
    fn files(&self, port: u16) -> Option<(PathBuf, PathBuf)> {
        let pair = |name: &str| {
            let path = |ending: &str| self.folder.join(format!("{name}.{ending}"));
            (path("crt"), path("key"))
        };
        let own = pair(&port.to_string());
        [own, pair("tls")].into_iter().find(|(chain, key)| chain.exists() || key.exists())
    }
}

fn load(
    chain: PathBuf,
    key: PathBuf,
    protocol: &'static [u8],
) -> Result<Reloading<ServerConfig>, TlsError> {
    Reloading::new(vec![chain.clone(), key.clone()], move || {
        let mut options = ServerOptions::new(Identity::from_files(&chain, &key)?);
        options.protocols = vec![protocol.to_vec()];
        options.build()
    })
}
