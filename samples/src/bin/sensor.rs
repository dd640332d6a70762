//! Makes a reading at a fixed interval and hands it to the Agent; keeps readings while the Agent
//! cannot be reached, and makes none when too many wait: a number is never skipped.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::Write;
use std::rc::Rc;
use std::time::Duration;

use anyhow::Result;
use iofog_samples::local_api::LocalApi;
use iofog_samples::reading::{INFO_FORMAT, INFO_TYPE, Reading, now_us, temperature};
use iofog_samples::stop::until_terminated;
use tokio::sync::Notify;
use tokio::task::LocalSet;

/// Readings that may wait for the Agent.
const WAITING: usize = 10_000;

struct Queue {
    readings: RefCell<VecDeque<Reading>>,
    filled: Notify,
}

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, until_terminated(run()))
}

async fn run() -> Result<()> {
    let mut api = LocalApi::from_environment()?;
    let interval = interval(&mut api).await;
    log(&format!("{} makes a reading every {} ms", api.id(), interval.as_millis()));
    let queue = Rc::new(Queue { readings: RefCell::default(), filled: Notify::new() });
    tokio::task::spawn_local(make_readings(Rc::clone(&queue), interval));
    let mut refused = false;
    loop {
        let next = queue.readings.borrow().front().cloned();
        let Some(reading) = next else {
            queue.filled.notified().await;
            continue;
        };
        let content = serde_json::to_vec(&reading)?;
        match api.send(INFO_TYPE, INFO_FORMAT, &content).await {
            Ok(()) => {
                queue.readings.borrow_mut().pop_front();
                if refused {
                    log(&format!("reading {} taken, going on", reading.seq));
                }
                refused = false;
            }
            Err(error) => {
                if !refused {
                    log(&format!("reading {} not taken, trying again: {error:#}", reading.seq));
                }
                refused = true;
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

async fn make_readings(queue: Rc<Queue>, interval: Duration) {
    let run = now_us();
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut seq = 0;
    loop {
        ticks.tick().await;
        if queue.readings.borrow().len() >= WAITING {
            continue;
        }
        seq += 1;
        let value = temperature(seq, interval.as_secs_f64());
        let reading = Reading { run, seq, time_us: now_us(), value };
        queue.readings.borrow_mut().push_back(reading);
        queue.filled.notify_one();
    }
}

/// `intervalMs` of the configuration, 200 without one. Waits for an Agent that is not there yet.
async fn interval(api: &mut LocalApi) -> Duration {
    loop {
        match api.config().await {
            Ok(config) => {
                let ms = config["intervalMs"].as_u64().unwrap_or(200);
                return Duration::from_millis(ms.clamp(1, 3_600_000));
            }
            Err(error) => {
                log(&format!("no configuration yet: {error:#}"));
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

fn log(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}
