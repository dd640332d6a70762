//! Waiting for something to become true. The patience only guards against hanging for ever: no test
//! judges speed.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long anything may take before the test gives up.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Asks until the answer is a value.
///
/// # Errors
/// When there is none within the patience, with what the last question answered instead.
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = ask();
        if let Ok(Some(value)) = answer {
            return Ok(value);
        }
        if Instant::now() >= deadline {
            answer.with_context(|| format!("waiting for {what}"))?;
            bail!("waited in vain for {what}");
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Asks until the answer is true.
///
/// # Errors
/// As [`until`].
pub fn until_true(what: &str, mut ask: impl FnMut() -> Result<bool>) -> Result<()> {
    until(what, || Ok(ask()?.then_some(())))
}
