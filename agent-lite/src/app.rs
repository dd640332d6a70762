//! Wires the parts into one process on one thread.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rustix::fs::FlockOperation;
use tokio::runtime::Runtime;
use tokio::task::LocalSet;

use crate::bus::{Bus, BusOptions};
use crate::cli::{self, Arguments, LogTarget};
use crate::clock::Clock;
use crate::commandline::{Administration, Commandline};
use crate::config::{Config, ConfigFile, LoadError, Paths, Setting};
use crate::context::{AgentContext, Place};
use crate::disk;
use crate::domain::NodeFacts;
use crate::engine::{AnyEngine, NativeOptions};
use crate::field_agent::{FieldAgent, Parts};
use crate::local_api::{LocalApi, LocalApiOptions};
use crate::logging::Log;
use crate::modules::{Modules, ProxyModule, RouterModule};
use crate::process_manager::ProcessManager;
use crate::signals::Signals;
use crate::state::{EnrolmentFiles, StateStore};
use crate::update::{self, Launch, Slots, Updater};

/// Why the daemon did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A folder or file of the Agent cannot be used.
    #[error("cannot use {path}: {source}")]
    Path {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another daemon uses the same folders.
    #[error("ioFog agent is already running")]
    AlreadyRunning,
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] LoadError),
    /// Logging cannot be set up.
    #[error("{0}")]
    Log(#[from] iofog_log_sink::InitError),
    /// The runtime cannot be made.
    #[error("cannot start: {0}")]
    Runtime(#[source] io::Error),
}

/// Why the daemon ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It was told to.
    Stop,
    /// Another program of its own takes its place.
    StartOver,
}

/// Runs the daemon until it is told to end. Containers keep running after it.
///
/// # Errors
/// When it cannot start; see [`StartError`].
pub fn run(arguments: &Arguments, launch: Launch) -> Result<End, StartError> {
    let paths = arguments.paths();
    for folder in [&paths.config, &paths.library, &paths.log, &paths.run] {
        at(folder, std::fs::create_dir_all(folder))?;
    }
    let _lock = lock(&paths)?;
    let file = ConfigFile::new(&paths);
    let (config, notes) = file.load()?;
    let to_file = match arguments.log {
        Some(target) => target == LogTarget::File,
        None => arguments.state_dir.is_none(),
    };
    let log = Log::start(&config, to_file)?;
    notes.iter().for_each(|note| log::warn!(target: "config", "{note}"));
    if let Err(error) = file.save(&config) {
        log::error!(target: "config", "configuration could not be saved: {error}");
    }
    let token = at(&paths.local_api_token(), local_api_token(&paths.local_api_token()))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(StartError::Runtime)?;
    let end = LocalSet::new().block_on(&runtime, serve(paths, config, file, token, log, launch));
    leave(runtime);
    end
}

/// Waits for nothing that is under way: names are looked up on a thread, for as long as the system's resolver likes.
fn leave(runtime: Runtime) {
    runtime.shutdown_background();
}

async fn serve(
    paths: Paths,
    config: Config,
    file: ConfigFile,
    token: String,
    log: Log,
    launch: Launch,
) -> Result<End, StartError> {
    let clock = Clock::new();
    let store = StateStore::new(&paths.library);
    let context = AgentContext::new(Place {
        bind_address: config.bind_address(),
        state_dir: paths.library.clone(),
        log_dir: PathBuf::from(config.get(Setting::LogDirectory)),
        message_dir: PathBuf::from(config.get(Setting::DiskDirectory)).join("messages"),
        local_api_token: Rc::from(token),
    });
    let processes = ProcessManager::new(NodeFacts::default(), []);
    let modules =
        Modules::new(RouterModule::new(context.clone()), ProxyModule::new(context.clone()));
    let engine = Rc::new(AnyEngine::open(config.get(Setting::DockerUrl), native_options(&paths)));
    let followed = engine.clone();
    let mut state = store.load();
    state.take_over(&config.uuid(), &paths.config);
    let updater = updater(&paths, launch, clock);
    let parts = Parts {
        config,
        file,
        state,
        store,
        enrolment: EnrolmentFiles::new(&paths.config, &paths.library),
        processes: processes.clone(),
        modules: modules.clone(),
        context: context.clone(),
        clock,
        updater: updater.clone(),
        on_change: Box::new(move |config| {
            log.follow(config);
            followed.set_url(config.get(Setting::DockerUrl));
        }),
    };
    let agent = FieldAgent::new(parts);
    let bus = Bus::start(context.clone(), BusOptions::default());
    let administration: Rc<dyn Administration> =
        Rc::new(Commandline::new(agent.clone(), bus.clone()));
    let options = LocalApiOptions::default();
    let api = LocalApi::new(context.clone(), bus.clone(), administration.clone(), options);
    iofog_task::spawn(async move {
        if let Err(error) = api.run().await {
            log::error!(target: "agent", "local api does not run: {error}");
        }
    });
    iofog_task::spawn(processes.run(engine, context.clone(), clock));
    iofog_task::spawn(agent.run());
    let socket = paths.socket();
    let commands = cli::serve(&socket, administration);
    let mut signals = Signals::listen().map_err(StartError::Runtime)?;
    let end = tokio::select! {
        result = commands => at(&socket, result).map(|()| End::Stop)?,
        () = signals.given() => End::Stop,
        () = updater.restart() => End::StartOver,
    };
    log::info!(target: "agent", "ending; microservices keep running");
    bus.stop();
    modules.shutdown().await;
    let _ = std::fs::remove_file(&socket);
    // Whoever told this program to end meanwhile did not mean the one that takes its place to stay.
    let stops = end == End::Stop || signals.came().await;
    Ok(if stops { End::Stop } else { End::StartOver })
}

/// Self-update; a mistake in its settings keeps nothing else from running.
fn updater(paths: &Paths, launch: Launch, clock: Clock) -> Updater {
    let settings = update::Settings::read(&paths.config).unwrap_or_else(|error| {
        log::error!(target: "update", "{error}; no updates");
        None
    });
    Updater::new(Slots::new(&paths.library), settings, launch, clock)
}

/// Where the native engine keeps things, and where images may lie that came with the device.
fn native_options(paths: &Paths) -> NativeOptions {
    NativeOptions {
        runtime: None,
        library: paths.library.join("native"),
        run: paths.run.join("native"),
        image_folders: vec![
            paths.library.join("images"),
            PathBuf::from("/usr/share/iofog-agent/images"),
        ],
        // The file that runs may have been replaced by an update: this name still leads to it.
        program: PathBuf::from("/proc/self/exe"),
    }
}

/// Keeps a second daemon away from the same folders for as long as the file is open.
fn lock(paths: &Paths) -> Result<File, StartError> {
    let path = paths.lock();
    let file = at(&path, File::create(&path))?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(_) => Err(StartError::AlreadyRunning),
    }
}

/// The administration token of the Local API: 32 letters and digits, made once (agent contract 4.1).
fn local_api_token(path: &Path) -> io::Result<String> {
    if let Ok(text) = std::fs::read_to_string(path)
        && !text.trim().is_empty()
    {
        return Ok(text.trim().to_owned());
    }
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut token = String::with_capacity(32);
    while token.len() < 32 {
        let mut byte = [0_u8];
        getrandom::fill(&mut byte).map_err(|error| io::Error::other(error.to_string()))?;
        // Bytes above the largest multiple of 62 would favour the first letters.
        if byte[0] < 248 {
            token.push(char::from(LETTERS[usize::from(byte[0] % 62)]));
        }
    }
    disk::write_secret_atomically(path, token.as_bytes())?;
    Ok(token)
}

fn at<T>(path: &Path, result: io::Result<T>) -> Result<T, StartError> {
    result.map_err(|source| StartError::Path { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_name_that_is_being_looked_up_does_not_hold_up_the_end() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (begun, begins) = mpsc::channel();
        let (answer, answered) = mpsc::channel::<()>();
        runtime.spawn_blocking(move || {
            begun.send(()).unwrap();
            answered.recv()
        });
        begins.recv().unwrap();
        leave(runtime);
        // It would have waited for this.
        answer.send(()).unwrap();
    }
}
