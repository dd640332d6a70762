//! `iofog-proxy`: the proxy as a program of its own, configured by arguments or by the Agent.

mod program;

use std::process::ExitCode;

use iofog_local_api::LocalApi;
use iofog_log_sink::{LevelFilter, Options};
use iofog_proxy::{ProxyConfig, ProxyHandle, start};
use tokio::signal::unix::{SignalKind, signal};

use program::arguments;
use program::connect_file::ConnectFile;
use program::metrics;
use program::settings::{Environment, Settings};

/// Exit status for a command line that cannot be used.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    iofog_heap::keep_reserve();
    let line: Vec<String> = std::env::args().collect();
    let arguments = match arguments::parse(&line) {
        Ok(arguments) if arguments.version => {
            return say(&format!("iofog-proxy {}", env!("CARGO_PKG_VERSION")), true);
        }
        Ok(arguments) => arguments,
        Err(exit) => return say(exit.text.trim_end(), exit.success),
    };
    let level = match arguments.log.as_deref().unwrap_or("info").parse::<LevelFilter>() {
        Ok(level) => level,
        Err(_) => return say("log level: expected error, warn, info or debug", false),
    };
    let named = std::env::var("MESSAGING_CONNECT_FILE").ok();
    let home = std::env::var("HOME").ok();
    let settings = ConnectFile::find(named.as_deref(), home.as_deref())
        .map_err(|error| describe(&error))
        .and_then(|file| {
            Settings::new(arguments, Environment::read(), file).map_err(|error| describe(&error))
        });
    let settings = match settings {
        Ok(settings) => settings,
        Err(text) => return say(&text, false),
    };
    if let Err(error) = iofog_log_sink::init(Options { level, ..Options::default() }) {
        return say(&describe(&error), false);
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return say(&describe(&error), false),
    };
    tokio::task::LocalSet::new().block_on(&runtime, run(settings))
}

/// Runs until the program is told to stop.
async fn run(settings: Settings) -> ExitCode {
    let (terminate, interrupt) =
        match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
            (Ok(terminate), Ok(interrupt)) => (terminate, interrupt),
            (Err(error), _) | (_, Err(error)) => return say(&describe(&error), false),
        };
    let proxy = start(settings.config, settings.options);
    if let Some(id) = settings.self_name {
        let api = LocalApi { address: settings.local_api, id };
        let followed: ProxyHandle = proxy.clone();
        iofog_task::spawn(async move {
            let apply = |text: &str| -> Result<(), iofog_proxy::domain::config::ConfigError> {
                followed.apply(ProxyConfig::from_json(text)?);
                Ok(())
            };
            api.follow(apply).await;
        });
    }
    if let Some(port) = settings.metrics {
        let shown = proxy.clone();
        iofog_task::spawn(async move {
            if let Err(error) = metrics::serve(port, shown).await {
                log::error!("metrics: cannot listen on 127.0.0.1:{port}: {error}");
            }
        });
    }
    stopped(terminate, interrupt).await;
    log::info!("stopping");
    proxy.shutdown().await;
    ExitCode::SUCCESS
}

async fn stopped(
    mut terminate: tokio::signal::unix::Signal,
    mut interrupt: tokio::signal::unix::Signal,
) {
    std::future::poll_fn(|cx| {
        if terminate.poll_recv(cx).is_ready() || interrupt.poll_recv(cx).is_ready() {
            return std::task::Poll::Ready(());
        }
        std::task::Poll::Pending
    })
    .await;
}

fn describe(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

#[allow(clippy::print_stdout, clippy::print_stderr, reason = "the log is not set up yet")]
fn say(text: &str, success: bool) -> ExitCode {
    if success {
        println!("{text}");
        ExitCode::SUCCESS
    } else {
        eprintln!("iofog-proxy: {text}");
        ExitCode::from(USAGE)
    }
}
