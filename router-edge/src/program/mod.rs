//! The program around the router: command line, environment, log, signals.

mod arguments;
mod password;
mod source;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::process::ExitCode;
use std::task::{Context, Poll};

use iofog_local_api::LocalApi;
use log::{error, info, warn};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::config::{ConfigError, RouterConfig};
use crate::runtime::{ApplyError, RouterHandle, RuntimeOptions, StartError, start};
use arguments::Arguments;
use source::Source;

/// Runs until SIGTERM or SIGINT.
#[must_use]
pub fn run() -> ExitCode {
    iofog_heap::keep_reserve();
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
    let source = match source::find(arguments.config.as_deref()) {
        Ok(source) => source,
        Err(text) => return fail(&text),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("cannot start the runtime: {error}")),
    };
    let options = RuntimeOptions {
        bind_address: arguments.bind,
        source_address: arguments.bind,
        owns_log: true,
        ..RuntimeOptions::default()
    };
    let served = async {
        let mut stop = match Stop::new() {
            Ok(stop) => stop,
            Err(error) => return fail(&format!("cannot wait for signals: {error}")),
        };
        match source {
            Source::Fixed(config) => serve(*config, options, &mut stop, None).await,
            Source::Agent(id) => {
                let address = arguments.local_api.unwrap_or_else(iofog_local_api::usual_address);
                let api = LocalApi { address, id };
                follow(api, options, &mut stop).await
            }
        }
    };
    tokio::task::LocalSet::new().block_on(&runtime, served)
}

/// The newest configuration of the Agent.
type Configs = watch::Receiver<Option<RouterConfig>>;

/// Runs with what the Agent has, and goes over to what it has later.
async fn follow(api: LocalApi, options: RuntimeOptions, stop: &mut Stop) -> ExitCode {
    let (sender, mut configs) = watch::channel(None);
    info!("configuration of {} from the local API at {}", api.id, api.address);
    let following = iofog_task::spawn(async move {
        let take = |text: &str| -> Result<(), ConfigError> {
            sender.send_replace(Some(RouterConfig::from_any(text)?));
            Ok(())
        };
        api.follow(take).await;
    });
    let code = match changed(&mut configs, stop).await {
        Some(config) => serve(config, options, stop, Some(configs)).await,
        None => ExitCode::SUCCESS,
    };
    following.abort();
    code
}

async fn serve(
    config: RouterConfig,
    options: RuntimeOptions,
    stop: &mut Stop,
    mut configs: Option<Configs>,
) -> ExitCode {
    let (mode, id) = (config.mode, config.id.clone());
    let router = match start(config, options).await {
        Ok(router) => router,
        Err(error) => return fail(&full_text(&error)),
    };
    info!("router {id} runs in mode {}", mode.as_str());
    match configs.as_mut() {
        None => stop.wait().await,
        Some(configs) => {
            while let Some(config) = changed(configs, stop).await {
                apply(&router, config).await;
            }
        }
    }
    info!("router {id} stops");
    router.shutdown().await;
    ExitCode::SUCCESS
}

/// What can be changed while the router runs is changed; connections of what stays are not touched.
async fn apply(router: &RouterHandle, config: RouterConfig) {
    match router.apply(config).await {
        Ok(applied) => info!("new configuration: {applied:?}"),
        // As the reference's wrapper has it: the Controller has the microservice made anew for that.
        Err(ApplyError::Rebuild) => warn!("mode or id changed: they stay until the next start"),
        Err(ApplyError::Start(error)) => error!("new configuration: {}", full_text(&error)),
    }
}

/// The next configuration; none when the program is to stop.
async fn changed(configs: &mut Configs, stop: &mut Stop) -> Option<RouterConfig> {
    let arrived = {
        let mut change = pin!(configs.changed());
        poll_fn(|cx| {
            if stop.poll(cx).is_ready() {
                return Poll::Ready(false);
            }
            change.as_mut().poll(cx).map(|result| result.is_ok())
        })
        .await
    };
    if arrived { configs.borrow_and_update().clone() } else { None }
}

/// SIGTERM and SIGINT.
struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let terminated = self.terminate.poll_recv(cx).is_ready();
        if terminated || self.interrupt.poll_recv(cx).is_ready() {
            return Poll::Ready(());
        }
        Poll::Pending
    }

    async fn wait(&mut self) {
        poll_fn(|cx| self.poll(cx)).await;
    }
}

/// The error with its cause.
fn full_text(error: &StartError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

fn fail(text: &str) -> ExitCode {
    error!("{text}");
    ExitCode::FAILURE
}
