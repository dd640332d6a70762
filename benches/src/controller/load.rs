//! Puts a number of equal requests on a server over a number of connections, and counts what they cost on both sides.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::{Value, json};

use super::client::{Call, Connection, Target};
use super::report::round;
use super::server::Process;

/// How requests are put on a server.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Requests in all.
    pub requests: usize,
    /// Requests in flight at one time.
    pub connections: usize,
    /// Connections are kept; otherwise each request makes its own.
    pub kept: bool,
}

/// What a load gave.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Requests that were answered as expected.
    pub requests: usize,
    /// From the first request to the last answer.
    pub took: Duration,
    /// Processor time of the server.
    pub server: Duration,
    /// Processor time of this generator.
    pub generator: Duration,
    /// Times from request to answer, sorted, µs.
    pub latencies: Vec<u32>,
}

/// Counts processor time and time from its creation on.
#[derive(Debug)]
pub struct Meter {
    server: Process,
    begun: Instant,
    before: (Duration, Duration),
}

impl Meter {
    /// Begins to count.
    ///
    /// # Errors
    /// When the server is gone.
    pub fn start(server: Process) -> Result<Self> {
        let before = (server.processor_time()?, Process::own().processor_time()?);
        Ok(Self { server, begun: Instant::now(), before })
    }

    /// Ends the count.
    ///
    /// # Errors
    /// When the server is gone.
    pub fn stop(self, mut latencies: Vec<u32>) -> Result<Outcome> {
        let took = self.begun.elapsed();
        let server = self.server.processor_time()?.saturating_sub(self.before.0);
        let generator = Process::own().processor_time()?.saturating_sub(self.before.1);
        latencies.sort_unstable();
        Ok(Outcome { requests: latencies.len(), took, server, generator, latencies })
    }
}

impl Shape {
    /// For the report.
    #[must_use]
    pub fn way(self) -> String {
        let kind = if self.kept { "kept" } else { "new" };
        format!("{} {kind} connections", self.connections)
    }
}

impl Outcome {
    /// Requests per second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        count(self.requests) / self.took.as_secs_f64().max(1e-9)
    }

    /// Processor time of the server per request, ms.
    #[must_use]
    pub fn server_ms(&self) -> f64 {
        self.server.as_secs_f64() * 1e3 / count(self.requests).max(1.0)
    }

    /// A percentile of the latencies, ms.
    #[must_use]
    pub fn percentile(&self, share: usize) -> f64 {
        let at = self.latencies.len().saturating_sub(1) * share / 100;
        self.latencies.get(at).map_or(0.0, |micros| f64::from(*micros) / 1e3)
    }

    /// As figures of a report.
    #[must_use]
    pub fn figures(&self) -> Value {
        let generator = self.generator.as_secs_f64() * 1e3 / count(self.requests).max(1.0);
        json!({
            "requests": self.requests,
            "per_s": self.rate().round(),
            "server_cpu_ms": round(self.server_ms()),
            "generator_cpu_ms": round(generator),
            "p50_ms": round(self.percentile(50)),
            "p99_ms": round(self.percentile(99)),
        })
    }
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

/// Microseconds since a moment.
#[must_use]
pub fn micros_since(moment: Instant) -> u32 {
    u32::try_from(moment.elapsed().as_micros()).unwrap_or(u32::MAX)
}

/// Puts requests on a server; `call` makes the n-th. To be run in a `LocalSet`.
///
/// # Errors
/// The first request that failed: figures of a load with failures mean nothing.
pub async fn run(
    target: &Target,
    server: Process,
    shape: Shape,
    call: impl Fn(usize) -> Call + 'static,
) -> Result<Outcome> {
    let next = Rc::new(Cell::new(0_usize));
    let latencies = Rc::new(RefCell::new(Vec::with_capacity(shape.requests)));
    let call = Rc::new(call);
    let meter = Meter::start(server)?;
    let mut workers = Vec::new();
    for _ in 0..shape.connections.max(1) {
        let (target, next) = (target.clone(), Rc::clone(&next));
        let (latencies, call) = (Rc::clone(&latencies), Rc::clone(&call));
        workers.push(tokio::task::spawn_local(async move {
            let mut connection = Connection::default();
            loop {
                let number = next.get();
                if number >= shape.requests {
                    return Ok::<(), anyhow::Error>(());
                }
                next.set(number + 1);
                let call = call(number);
                let begun = Instant::now();
                target.call(&mut connection, &call).await?;
                latencies.borrow_mut().push(micros_since(begun));
                if !shape.kept {
                    connection = Connection::default();
                }
            }
        }));
    }
    for worker in workers {
        worker.await??;
    }
    let latencies = latencies.take();
    meter.stop(latencies)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_percentiles() {
        let outcome = Outcome {
            requests: 100,
            took: Duration::from_secs(2),
            server: Duration::from_millis(50),
            generator: Duration::from_millis(10),
            latencies: (1..=100).map(|number| number * 1000).collect(),
        };
        assert!((outcome.rate() - 50.0).abs() < 1e-9);
        assert!((outcome.server_ms() - 0.5).abs() < 1e-9);
        assert!((outcome.percentile(50) - 50.0).abs() < 1e-9);
        assert!((outcome.percentile(99) - 99.0).abs() < 1e-9);
    }
}
