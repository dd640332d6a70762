//! `iofog-controller`: arguments, and which part of the program they start.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use argh::FromArgs;
use iofog_controller::app::App;
use iofog_controller::settings::Settings;
use iofog_controller::{cli, import, process};

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
    Stop(Stop),
    Init(Init),
    Import(Import),
    Version(Version),
}

/// Serves the API in the foreground until SIGTERM, SIGINT, or `stop`.
#[derive(FromArgs)]
#[argh(subcommand, name = "start")]
struct Start {
    /// folder of the database and of config.json (default /var/lib/iofog-controller)
    #[argh(option)]
    data_dir: Option<PathBuf>,
    /// log level: error, warn, info, debug or trace
    #[argh(option, default = "log::LevelFilter::Info")]
    log_level: log::LevelFilter,
    /// log level debug
    #[argh(switch, short = 'v')]
    verbose: bool,
}

/// Ends the Controller that runs on a folder.
#[derive(FromArgs)]
#[argh(subcommand, name = "stop")]
struct Stop {
    /// its folder (default /var/lib/iofog-controller)
    #[argh(option)]
    data_dir: Option<PathBuf>,
}

/// Creates the database, or brings it up to date.
#[derive(FromArgs)]
#[argh(subcommand, name = "init")]
struct Init {
    /// its folder (default /var/lib/iofog-controller)
    #[argh(option)]
    data_dir: Option<PathBuf>,
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
    iofog_heap::keep_reserve();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| cli::knows(first)) {
        let result = sub_command(arguments);
        if let Err(error) = &result {
            let _ = writeln!(std::io::stderr(), "{error:#}");
        }
        return if result.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let arguments: Arguments = argh::from_env();
    let result = match arguments.command {
        Command::Start(start) => run(start),
        Command::Stop(stop) => cli::stop(&Settings::data_dir(stop.data_dir)),
        Command::Init(init) => initialise(init),
        Command::Import(import) => take_over(import),
        Command::Version(_) => print_version(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if log::max_level() == log::LevelFilter::Off {
                let _ = writeln!(std::io::stderr(), "{error:#}");
            }
            log::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// A sub-command of a noun; `--data-dir` may stand anywhere behind it.
fn sub_command(mut arguments: Vec<String>) -> Result<()> {
    let mut data_dir = None;
    if let Some(at) = arguments.iter().position(|argument| argument == "--data-dir") {
        let mut option = arguments.drain(at..(at + 2).min(arguments.len()));
        data_dir = option.nth(1).map(PathBuf::from);
        drop(option);
        data_dir.as_ref().context("--data-dir needs a folder")?;
    }
    let folder = Settings::data_dir(data_dir);
    let open = || process::open_here(Settings::load(Some(folder.clone()))?);
    cli::run(&arguments, &folder, &open)
}

fn print_version() -> Result<()> {
    writeln!(std::io::stdout(), "{}", env!("CARGO_PKG_VERSION")).context("cannot print")
}

fn run(start: Start) -> Result<()> {
    let level = if start.verbose { log::LevelFilter::Debug } else { start.log_level };
    let sink = iofog_log_sink::init(iofog_log_sink::Options {
        level,
        ..iofog_log_sink::Options::default()
    })
    .context("cannot start the log")?;
    let settings = Settings::load(start.data_dir)?;
    if let Some(target) = &settings.log {
        sink.set_target(target).context("Service_LogsDirectory")?;
    }
    let target = settings.log.clone();
    let reopen = move || match target.as_ref().map(|target| sink.set_target(target)) {
        Some(Err(error)) => log::error!("SIGHUP: the former log file stays: {error}"),
        Some(Ok(())) => log::info!("SIGHUP: the log file was opened anew"),
        None => log::info!("SIGHUP: there is no log file to open anew"),
    };
    process::runtime()?.block_on(process::serve(settings, reopen))
}

fn initialise(arguments: Init) -> Result<()> {
    iofog_log_sink::init(iofog_log_sink::Options::default()).context("cannot start the log")?;
    process::open_here(Settings::load(arguments.data_dir)?).map(drop)
}

/// Fills the database that the settings name from a file of the other Controller, and says what it held.
fn take_over(arguments: Import) -> Result<()> {
    iofog_log_sink::init(iofog_log_sink::Options::default()).context("cannot start the log")?;
    let settings = Settings::load(arguments.data_dir)?;
    let origin = process::random_name()?;
    let (store, _lock) = process::open(&settings, &origin)?;
    let app = App::new(settings, store, origin);
    let report = tokio::runtime::Builder::new_current_thread()
        .build()
        .context("cannot start the runtime")?
        .block_on(import::import(&app, &arguments.file))?;
    write!(std::io::stdout(), "{report}").context("cannot print")
}
