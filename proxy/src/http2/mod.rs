//! HTTP/2 mode: each direction of a stream is a row of messages (proxy.md section 5, decision 0066).

mod calling;
mod calls;
mod egress;
mod inflow;
mod ingress;
mod outflow;
mod senders;
mod serve;
mod streams;
mod target;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::time::Duration;

use hyper::rt::Executor;
use iofog_task::spawn;

use crate::context::Starters;
use crate::link::Network;

/// Messages of one direction of a stream that are under way at most.
const WINDOW: usize = 8;
/// Bytes that are sent in one message at most, but for a single frame that is longer.
const PART: usize = 32 << 10;
/// Bytes of one stream that a client or target may send ahead.
const STREAM_WINDOW: u32 = 64 << 10;
/// Bytes of headers that are read before a head is refused.
const HEAD_BYTES: u32 = 32 << 10;
/// Bytes that wait for one stream's socket at most.
const SEND_BUFFER: usize = 32 << 10;
/// Pause after which a silent connection is asked for a sign of life, and how long it has for it.
const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(20));

/// What starts http2 mappings.
pub(crate) const fn starters<N: Network>() -> Starters<N> {
    Starters { ingress: |task| spawn(ingress::run(task)), egress: |task| spawn(egress::run(task)) }
}

/// Runs what the HTTP library starts on this thread.
#[derive(Clone, Copy)]
struct Local;

impl<F: Future<Output = ()> + 'static> Executor<F> for Local {
    fn execute(&self, future: F) {
        spawn(future);
    }
}
