//! Ctrl-C and SIGTERM as a flag that long steps look at between two waits.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::signal::unix::{SignalKind, signal};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Catches SIGINT, SIGTERM and SIGHUP from now on.
///
/// # Errors
/// When the handlers cannot be installed.
pub fn install() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .context("cannot start the signal thread")?;
    let signals = {
        let _entered = runtime.enter();
        (
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
        )
    };
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        let (mut interrupt, mut terminate, mut hangup) = signals;
        runtime.block_on(async {
            // Which of the three it was makes no difference, so the first to come ends the wait.
            let mut first = std::pin::pin!(interrupt.recv());
            let mut second = std::pin::pin!(terminate.recv());
            let mut third = std::pin::pin!(hangup.recv());
            std::future::poll_fn(|cx| {
                let ready = first.as_mut().poll(cx).is_ready()
                    || second.as_mut().poll(cx).is_ready()
                    || third.as_mut().poll(cx).is_ready();
                if ready { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
            })
            .await;
        });
        INTERRUPTED.store(true, Ordering::Relaxed);
    })?;
    Ok(())
}

/// True once a signal came.
pub fn came() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// Sleeps for `time`.
///
/// # Errors
/// As soon as a signal came, so that waiting loops end with `?`.
pub fn sleep(time: Duration) -> Result<()> {
    let mut left = time;
    while !left.is_zero() {
        if came() {
            bail!("interrupted");
        }
        let slice = left.min(Duration::from_millis(50));
        std::thread::sleep(slice);
        left -= slice;
    }
    Ok(())
}
