//! The life of the program: the folder it holds, the database it opens, and serving until it is asked to end.

use std::fs::{File, TryLockError};
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use ring::rand::{SecureRandom as _, SystemRandom};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::admin::socket;
use crate::cli::Opened;
use crate::http::server;
use crate::http::tls::Tls;
use crate::settings::{Settings, Viewer};
use crate::start::start;
use crate::store::Store;
use crate::store::postgres::{PgStore, Server};
use crate::store::sqlite::SqliteStore;
use crate::viewer::{self, Site};
use crate::{broker, jobs, notify, stop};

/// A runtime for requests.
///
/// # Errors
/// When the system gives no threads.
pub fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")
}

/// Serves until SIGTERM, SIGINT, or an order over the socket; SIGHUP has `reopen` open the files of the log anew.
///
/// # Errors
/// When the database or the port cannot be had.
pub async fn serve(mut settings: Settings, reopen: impl Fn()) -> Result<()> {
    settings.connections = affordable(settings.connections);
    let origin = random_name()?;
    let (store, lock) = open(&settings, &origin)?;
    let host = settings.host.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let address = SocketAddr::new(host, settings.port);
    let tls = settings.certificate.as_ref().map(|one| Tls::open(one, &settings.data_dir));
    let tls = tls.transpose()?.map(Arc::new);
    let (data_dir, viewer) = (settings.data_dir.clone(), settings.viewer.clone());
    let pid_base = settings.pid_base.clone();
    let app = start(settings, store, origin).await.context("cannot load the database")?;
    let listener =
        TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    let viewer = match viewer {
        Some(viewer) => Some(viewer_of(&viewer, host, listener.local_addr()?.port()).await?),
        None => None,
    };
    // Without the folder's lock another Controller has these places.
    let orders = match &lock {
        Some(_) => Some(socket::listen(&data_dir).context("cannot make the orders' socket")?),
        None => None,
    };
    let _pid = lock.as_ref().and_then(|_| Pid::write(&pid_base));
    // Before anyone is told that it runs: a signal right after that ends it in order.
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
    let mut hangup = signal(SignalKind::hangup()).context("cannot wait for SIGHUP")?;
    log::info!("listening on {}", listener.local_addr().unwrap_or(address));
    let (stopper, stop) = stop::channel();
    let jobs = tokio::spawn(jobs::run(app.clone(), stop.clone()));
    let orders =
        orders.map(|listener| tokio::spawn(socket::serve(app.clone(), listener, stop.clone())));
    if let Some(notices) = app.notices() {
        tokio::spawn(notify::run(app.clone(), notices, stop.clone()));
    }
    tokio::spawn(broker::run(app.clone(), stop.clone()));
    if let Some((site, listener)) = viewer {
        log::info!("viewer on {}", listener.local_addr()?);
        tokio::spawn(viewer::serve(site, listener, tls.clone(), stop.clone()));
    }
    let serving = tokio::spawn(server::serve(app.clone(), listener, tls, stop));
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            () = app.asked_to_stop() => break,
            _ = hangup.recv() => reopen(),
        }
    }
    log::info!("stopping");
    stopper.stop();
    serving.await.context("the server failed")?;
    if let Some(orders) = orders {
        orders.await.context("the orders failed")?;
        let _ = std::fs::remove_file(socket::path(&data_dir));
    }
    jobs.await.context("the jobs failed")
}

/// Files that are not connections: the database, the log, the viewer, calls to others.
const OTHER_FILES: usize = 512;

/// As many connections as the system allows files for, once as many are asked for as may be.
fn affordable(connections: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let files = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    let files = files.and_then(|files| usize::try_from(files).ok()).unwrap_or(usize::MAX);
    let most = files.saturating_sub(OTHER_FILES.min(files / 2)).max(1);
    if most < connections {
        log::info!(
            "{files} open files are allowed: {most} connections at one time, not {connections}"
        );
    }
    connections.min(most)
}

/// The viewer and what it listens with; its page learns the port of the API.
///
/// # Errors
/// When the folder holds no viewer or the port is taken.
async fn viewer_of(viewer: &Viewer, host: IpAddr, api: u16) -> Result<(Site, TcpListener)> {
    let site = Site::open(viewer, api)
        .with_context(|| format!("ECN_VIEWER_PATH: no viewer in {}", viewer.folder.display()))?;
    let address = SocketAddr::new(host, viewer.port);
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("VIEWER_PORT: cannot listen on {address}"))?;
    Ok((site, listener))
}

/// A Controller that serves nobody: for sub-commands while none runs.
///
/// # Errors
/// When the database cannot be opened.
pub fn open_here(settings: Settings) -> Result<Opened> {
    let origin = random_name()?;
    let (store, lock) = open(&settings, &origin)?;
    let runtime = runtime()?;
    let app = runtime
        .block_on(start(settings, store, origin))
        .map_err(|error| anyhow!(error))
        .context("cannot load the database")?;
    Ok(Opened { runtime, app, lock })
}

/// A name that no other Controller has.
///
/// # Errors
/// When the system gives no random numbers.
pub fn random_name() -> Result<String> {
    let mut bytes = [0; 8];
    SystemRandom::new().fill(&mut bytes).map_err(|_| anyhow!("no random numbers"))?;
    Ok(format!("{:016x}", u64::from_ne_bytes(bytes)))
}

/// Opens the database; an embedded one is locked for as long as the file is kept. On PostgreSQL the first process of a folder gets
/// its lock, and the others do without.
///
/// # Errors
/// When it cannot be opened, or another Controller has it.
pub fn open(settings: &Settings, origin: &str) -> Result<(Box<dyn Store>, Option<File>)> {
    if let Some(address) = settings.database.clone() {
        let origin = origin.to_owned();
        let opening = std::thread::spawn(move || {
            let server = Server::new(&address)?;
            PgStore::open(server, origin).with_context(|| format!("cannot open {address:?}"))
        });
        // The client blocks, which a thread of the runtime must not; nothing else runs yet.
        let store = opening.join().map_err(|_| anyhow!("opening the database failed"))??;
        let lock = std::fs::create_dir_all(&settings.data_dir)
            .map_err(anyhow::Error::from)
            .and_then(|()| lock(&settings.data_dir));
        if let Err(error) = &lock {
            log::info!("no sub-commands over the folder: {error:#}");
        }
        return Ok((Box::new(store), lock.ok()));
    }
    std::fs::create_dir_all(&settings.data_dir)
        .with_context(|| format!("cannot create {}", settings.data_dir.display()))?;
    let lock = lock(&settings.data_dir)?;
    let path = settings.data_dir.join("controller.sqlite");
    let store =
        SqliteStore::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
    Ok((Box::new(store), Some(lock)))
}

/// Keeps a second Controller away from the same data for as long as the file is open: each would believe in its own
/// live state.
fn lock(data_dir: &Path) -> Result<File> {
    let path = data_dir.join("controller.lock");
    let file = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            bail!("another Controller works on {}", data_dir.display())
        }
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock {}", path.display()))
        }
    }
}

/// The file with the number of this process (controller contract 23); removed at the end.
struct Pid(PathBuf);

impl Pid {
    /// Others only read it: without it the Controller runs as well.
    fn write(folder: &Path) -> Option<Self> {
        let path = folder.join("iofog-controller.pid");
        let written =
            File::create(&path).and_then(|mut file| writeln!(file, "{}", std::process::id()));
        match written {
            Ok(()) => Some(Self(path)),
            Err(error) => {
                log::warn!("cannot write {}: {error}", path.display());
                None
            }
        }
    }
}

impl Drop for Pid {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
