//! The program around the router: command line, environment, log, signals.

mod arguments;
mod password;
mod source;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::process::ExitCode;
use std::task::Poll;

use log::{error, info};
use tokio::signal::unix::{SignalKind, signal};

use crate::config::RouterConfig;
use crate::runtime::{RuntimeOptions, start};
use arguments::Arguments;

/// Runs until SIGTERM or SIGINT.
#[must_use]
pub fn run() -> ExitCode {
    let arguments: Arguments = argh::from_env();
    if arguments.hash_password {
        return match password::hash(std::io::stdin().lock(), std::io::stdout().lock()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        };
    }
    if let Err(text) = arguments.set_up_log() {
        return fail(&text);
    }
    let config = match source::read(arguments.config.as_deref()) {
        Ok(config) => config,
        Err(text) => return fail(&text),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("cannot start the runtime: {error}")),
    };
    let options = RuntimeOptions {
        bind_address: arguments.bind,
        source_address: arguments.bind,
        ..RuntimeOptions::default()
    };
    tokio::task::LocalSet::new().block_on(&runtime, serve(config, options))
}

async fn serve(config: RouterConfig, options: RuntimeOptions) -> ExitCode {
    let (mode, id) = (config.mode, config.id.clone());
    let router = match start(config, options).await {
        Ok(router) => router,
        Err(error) => {
            return match std::error::Error::source(&error) {
                Some(cause) => fail(&format!("{error}: {cause}")),
                None => fail(&error.to_string()),
            };
        }
    };
    info!("router {id} runs in mode {}", mode.as_str());
    if let Err(error) = stop_signal().await {
        error!("cannot wait for signals: {error}");
    }
    info!("router {id} stops");
    router.shutdown().await;
    ExitCode::SUCCESS
}

/// Waits for SIGTERM or SIGINT.
async fn stop_signal() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    poll_fn(|cx| {
        let terminated = pin!(terminate.recv()).poll(cx).is_ready();
        let interrupted = pin!(interrupt.recv()).poll(cx).is_ready();
        if terminated || interrupted { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    Ok(())
}

fn fail(text: &str) -> ExitCode {
    error!("{text}");
    ExitCode::FAILURE
}
