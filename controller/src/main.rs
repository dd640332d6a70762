//! `iofog-controller`: arguments, signals, and the life of the server.

use std::fs::{File, TryLockError};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use argh::FromArgs;
use iofog_controller::app::App;
use iofog_controller::http::server;
use iofog_controller::http::tls::Tls;
use iofog_controller::settings::Settings;
use iofog_controller::start::start;
use iofog_controller::store::Store;
use iofog_controller::store::postgres::{PgStore, Server};
use iofog_controller::store::sqlite::SqliteStore;
use iofog_controller::{import, jobs, stop};
use ring::rand::{SecureRandom as _, SystemRandom};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// ioFog Controller.
#[derive(FromArgs)]
struct Arguments {
    #[argh(subcommand)]
    command: Command,
}

#[derive(FromArgs)]
#[argh(subcommand)]
enum Command {
    Start(Start),
    Import(Import),
    Version(Version),
}

/// Serves the API in the foreground until SIGTERM or SIGINT.
#[derive(FromArgs)]
#[argh(subcommand, name = "start")]
struct Start {
    /// folder of the database (default /var/lib/iofog-controller)
    #[argh(option)]
    data_dir: Option<PathBuf>,
    /// log level: error, warn, info, debug or trace
    #[argh(option, default = "log::LevelFilter::Info")]
    log_level: log::LevelFilter,
}

/// Takes over the SQLite database of a Controller 3.0.4 that was stopped, into a new database of this one.
#[derive(FromArgs)]
#[argh(subcommand, name = "import")]
struct Import {
    /// the file, prod_database.sqlite as a rule; it is only read
    #[argh(positional)]
    file: PathBuf,
    /// folder of the database to fill (default /var/lib/iofog-controller)
    #[argh(option)]
    data_dir: Option<PathBuf>,
}

/// Prints the version.
#[derive(FromArgs)]
#[argh(subcommand, name = "version")]
struct Version {}

fn main() -> ExitCode {
    let arguments: Arguments = argh::from_env();
    let result = match arguments.command {
        Command::Start(start) => run(start),
        Command::Import(import) => take_over(import),
        Command::Version(_) => print_version(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn print_version() -> Result<()> {
    use std::io::Write as _;
    writeln!(std::io::stdout(), "{}", env!("CARGO_PKG_VERSION")).context("cannot print")
}

fn run(start: Start) -> Result<()> {
    iofog_log_sink::init(iofog_log_sink::Options {
        level: start.log_level,
        ..iofog_log_sink::Options::default()
    })
    .context("cannot start the log")?;
    let settings = Settings::read(|name| std::env::var(name).ok(), start.data_dir)?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?
        .block_on(serve(settings))
}

async fn serve(settings: Settings) -> Result<()> {
    let origin = random_name()?;
    let (store, _lock) = open(&settings, &origin)?;
    let host = settings.host.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let address = SocketAddr::new(host, settings.port);
    let tls = settings.certificate.as_ref().map(|one| Tls::open(one, &settings.data_dir));
    let tls = tls.transpose()?.map(Arc::new);
    let app = start(settings, store, origin).await.context("cannot load the database")?;
    let listener =
        TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    log::info!("listening on {}", listener.local_addr().unwrap_or(address));
    let (stopper, stop) = stop::channel();
    let jobs = tokio::spawn(jobs::run(app.clone(), stop.clone()));
    let serving = tokio::spawn(server::serve(app, listener, tls, stop));
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    log::info!("stopping");
    stopper.stop();
    serving.await.context("the server failed")?;
    jobs.await.context("the jobs failed")
}

/// Fills the database that the settings name from a file of the other Controller, and says what it held.
fn take_over(arguments: Import) -> Result<()> {
    use std::io::Write as _;
    iofog_log_sink::init(iofog_log_sink::Options::default()).context("cannot start the log")?;
    let settings = Settings::read(|name| std::env::var(name).ok(), arguments.data_dir)?;
    let origin = random_name()?;
    let (store, _lock) = open(&settings, &origin)?;
    let app = App::new(settings, store, origin);
    let report = tokio::runtime::Builder::new_current_thread()
        .build()
        .context("cannot start the runtime")?
        .block_on(import::import(&app, &arguments.file))?;
    write!(std::io::stdout(), "{report}").context("cannot print")
}

/// A name that no other Controller has.
fn random_name() -> Result<String> {
    let mut bytes = [0; 8];
    SystemRandom::new().fill(&mut bytes).map_err(|_| anyhow!("no random numbers"))?;
    Ok(format!("{:016x}", u64::from_ne_bytes(bytes)))
}

/// Opens the database; an embedded one is locked for as long as the file is kept.
fn open(settings: &Settings, origin: &str) -> Result<(Box<dyn Store>, Option<File>)> {
    if let Some(address) = settings.database.clone() {
        let origin = origin.to_owned();
        let opening = std::thread::spawn(move || {
            let server = Server::new(&address)?;
            PgStore::open(server, origin).with_context(|| format!("cannot open {address:?}"))
        });
        // The client blocks, which a thread of the runtime must not; nothing else runs yet.
        let store = opening.join().map_err(|_| anyhow!("opening the database failed"))??;
        return Ok((Box::new(store), None));
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
