//! Load: one connection sends, one receives, each on a thread of its own; and one message at a time for latency.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use iofog_amqp::{DeliveryState, Message, Performative, Role};

use crate::peer::{Address, Peer};

/// What is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// Bytes of the body.
    pub(crate) size: usize,
    /// Settled by the sender.
    pub(crate) settled: bool,
}

/// What came of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcome {
    pub(crate) sent: u64,
    pub(crate) received: u64,
    /// From the first sent to the last received.
    pub(crate) span: Duration,
}

const CREDIT: u32 = 1_000;
/// Deliveries without an answer that the sender allows itself.
const UNSETTLED: u64 = 1_000;
/// Frames put together into one write.
const BATCH: u32 = 128;
const QUIET: Duration = Duration::from_millis(500);

/// Sends for `span` and receives all of it.
pub(crate) fn run(from: &Address, to: &Address, shape: Shape, span: Duration) -> Outcome {
    let sent = Arc::new(AtomicU32::new(u32::MAX));
    let receiving = std::thread::spawn({
        let (to, sent) = (to.clone(), Arc::clone(&sent));
        move || receive(&to, &sent, shape.settled)
    });
    let mut sender = Sender::attach(from, shape);
    let first = Instant::now();
    while first.elapsed() < span {
        sender.step();
    }
    sent.store(u32::try_from(sender.sent).unwrap(), Ordering::Release);
    let (received, last) = receiving.join().unwrap();
    Outcome { sent: sender.sent, received, span: last.duration_since(first) }
}

/// Times from the sending of a message to its arrival, one at a time.
pub(crate) fn latencies(from: &Address, to: &Address, shape: Shape, count: usize) -> Vec<Duration> {
    let mut receiver = Peer::connect(to).unwrap();
    receiver.attach(Role::Receiver, "figures");
    receiver.script.credit(0, 0, 0, u32::try_from(count).unwrap() + 10);
    receiver.write();
    let mut sender = Sender::attach(from, shape);
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        while sender.credit == 0 || sender.window == 0 {
            sender.read();
        }
        let start = Instant::now();
        sender.put();
        sender.peer.write();
        let mut id = None;
        while id.is_none() {
            receiver.read(|frame| {
                if let Performative::Transfer(transfer) = frame {
                    id = transfer.delivery_id;
                }
            });
        }
        times.push(start.elapsed());
        receiver.script.accept(id.unwrap(), id.unwrap());
        receiver.write();
        while sender.settled < sender.sent {
            sender.read();
        }
    }
    times
}

/// The sending end.
struct Sender {
    peer: Peer,
    shape: Shape,
    payload: Vec<u8>,
    sent: u64,
    settled: u64,
    frames: u32,
    credit: u32,
    window: u32,
}

impl Sender {
    /// Attaches, and waits for credit.
    fn attach(address: &Address, shape: Shape) -> Self {
        let mut peer = Peer::connect(address).unwrap();
        peer.attach(Role::Sender, "figures");
        let payload = Message::data(vec![b'x'; shape.size]).encode().to_vec();
        let mut sender =
            Self { peer, shape, payload, sent: 0, settled: 0, frames: 0, credit: 0, window: 0 };
        while sender.credit == 0 {
            sender.read();
        }
        sender
    }

    /// Sends what credit, window and the own limit allow, else waits for an answer.
    fn step(&mut self) {
        let open =
            UNSETTLED.saturating_sub(if self.shape.settled { 0 } else { self.sent - self.settled });
        let batch = BATCH.min(self.credit).min(u32::try_from(open).unwrap());
        let batch = if self.payload.len() > 16_000 { batch.min(4) } else { batch };
        for _ in 0..batch {
            if self.window < 8 {
                break;
            }
            self.put();
        }
        if self.peer.script.out.is_empty() {
            self.read();
        } else {
            self.peer.write();
        }
    }

    fn put(&mut self) {
        let number = u32::try_from(self.sent & 0xffff_ffff).unwrap();
        let room = usize::try_from(self.peer.max_frame).unwrap() - 64;
        let mut pieces = self.payload.chunks(room).peekable();
        while let Some(piece) = pieces.next() {
            let more = pieces.peek().is_some();
            self.peer.script.transfer(0, number, self.shape.settled, more, piece);
            self.frames = self.frames.wrapping_add(1);
            self.window = self.window.saturating_sub(1);
        }
        self.sent += 1;
        self.credit -= 1;
        if self.shape.settled {
            self.settled += 1;
        }
    }

    fn read(&mut self) {
        let Self { peer, settled, sent, frames, credit, window, .. } = self;
        peer.read(|frame| match frame {
            Performative::Begin(begin) => *window = begin.incoming_window,
            Performative::Flow(flow) => {
                let next = flow.next_incoming_id.unwrap_or(0);
                *window = next.wrapping_add(flow.incoming_window).wrapping_sub(*frames);
                if let (Some(count), Some(granted)) = (flow.delivery_count, flow.link_credit) {
                    let sent = u32::try_from(*sent & 0xffff_ffff).unwrap();
                    *credit = count.wrapping_add(granted).wrapping_sub(sent);
                }
            }
            Performative::Disposition(answer) => {
                let last = answer.last.unwrap_or(answer.first);
                assert!(
                    answer.state.is_none_or(|state| state == DeliveryState::Accepted),
                    "not accepted"
                );
                *settled += u64::from(last.wrapping_sub(answer.first)) + 1;
            }
            _ => {}
        });
    }
}

/// Receives until all that was sent has come, or nothing comes any more.
fn receive(address: &Address, sent: &AtomicU32, settled: bool) -> (u64, Instant) {
    let mut peer = Peer::connect(address).unwrap();
    peer.attach(Role::Receiver, "figures");
    peer.script.credit(0, 0, 0, CREDIT);
    peer.write();
    peer.patience(Some(QUIET));
    let (mut received, mut frames, mut granted) = (0_u32, 0_u32, CREDIT);
    let (mut last, mut current) = (Instant::now(), 0);
    loop {
        let mut range: Option<(u32, u32)> = None;
        let came = peer.read(|frame| {
            let Performative::Transfer(transfer) = frame else { return };
            frames = frames.wrapping_add(1);
            current = transfer.delivery_id.unwrap_or(current);
            if !transfer.more {
                received = received.wrapping_add(1);
                range = Some((range.map_or(current, |(first, _)| first), current));
            }
        });
        if came {
            last = Instant::now();
        }
        if let Some((first, end)) = range.filter(|_| !settled) {
            peer.script.accept(first, end);
        }
        if granted.wrapping_sub(received) < CREDIT / 2 {
            peer.script.credit(0, received, frames, CREDIT);
            granted = received.wrapping_add(CREDIT);
        }
        if !peer.script.out.is_empty() {
            peer.write();
        }
        let total = sent.load(Ordering::Acquire);
        if received == total || (!came && total != u32::MAX) {
            return (u64::from(received), last);
        }
    }
}
