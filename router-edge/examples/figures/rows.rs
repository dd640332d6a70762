//! The figures, a row each: how one is taken from one router.

use std::fmt;
use std::time::{Duration, Instant};

use crate::load::{self, Shape};
use crate::peer::{Address, Peer};
use crate::subject::{Kind, Running, Subject};

/// A figure, or several that are taken together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    measure: Measure,
}

#[derive(Debug, Clone, Copy)]
enum Measure {
    Start,
    Memory,
    Connections,
    Load(Shape, Path),
    Latency(Shape),
}

/// Which way messages take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Path {
    OneHop,
    Tls,
    EdgeToInterior,
}

/// Named numbers in a fixed order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures(pub(crate) Vec<(&'static str, f64)>);

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, (name, value)) in self.0.iter().enumerate() {
            write!(f, "{}{name} {value:.2}", if n == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

const SAMPLES: usize = 5_000;
const IDLE: u32 = 1_000;

impl Row {
    pub(crate) fn all() -> Vec<Self> {
        let load = |name, size, settled, path| Self {
            name,
            measure: Measure::Load(Shape { size, settled }, path),
        };
        let small = Shape { size: 100, settled: false };
        vec![
            Self { name: "start to accepting", measure: Measure::Start },
            load("100 B unsettled", 100, false, Path::OneHop),
            load("100 B settled", 100, true, Path::OneHop),
            load("1 KiB unsettled", 1024, false, Path::OneHop),
            load("64 KiB unsettled", 65_536, false, Path::OneHop),
            load("100 B edge to interior", 100, false, Path::EdgeToInterior),
            load("TLS 100 B unsettled", 100, false, Path::Tls),
            load("TLS 64 KiB unsettled", 65_536, false, Path::Tls),
            Self { name: "latency 100 B", measure: Measure::Latency(small) },
            Self { name: "memory idle and after load", measure: Measure::Memory },
            Self { name: "memory of idle connections", measure: Measure::Connections },
        ]
    }

    /// Whether the row says something about this subject.
    pub(crate) fn fits(&self, subject: &Subject) -> bool {
        subject.kind != Kind::Relay
            || matches!(self.measure, Measure::Load(_, Path::OneHop) | Measure::Latency(_))
    }

    pub(crate) fn measure(&self, subject: &Subject, span: Duration) -> Figures {
        match self.measure {
            Measure::Start => start(subject),
            Measure::Memory => memory(subject, span),
            Measure::Connections => connections(subject),
            Measure::Load(shape, path) => load(subject, shape, path, span),
            Measure::Latency(shape) => latency(subject, shape),
        }
    }
}

fn start(subject: &Subject) -> Figures {
    let begun = Instant::now();
    let running = subject.interior();
    let _peer = accepting(&plain(&running));
    Figures(vec![("ms", begun.elapsed().as_secs_f64() * 1e3)])
}

fn memory(subject: &Subject, span: Duration) -> Figures {
    let running = subject.interior();
    let address = plain(&running);
    drop(accepting(&address));
    std::thread::sleep(Duration::from_secs(2));
    let (idle, own) = (running.rss(), running.anonymous());
    for (size, settled) in [(100, false), (100, true), (65_536, false), (1024, false)] {
        load::run(&address, &address, Shape { size, settled }, span);
    }
    let busy = running.rss();
    std::thread::sleep(Duration::from_secs(5));
    let after = running.rss();
    Figures(vec![
        ("idle MB", mb(idle)),
        ("of it no file MB", mb(own)),
        ("busy MB", mb(busy)),
        ("after MB", mb(after)),
        ("of it no file, after MB", mb(running.anonymous())),
    ])
}

fn connections(subject: &Subject) -> Figures {
    let running = subject.interior();
    let address = plain(&running);
    drop(accepting(&address));
    std::thread::sleep(Duration::from_secs(2));
    let before = running.rss();
    let peers: Vec<Peer> = (0..IDLE).map(|_| Peer::connect(&address).unwrap()).collect();
    std::thread::sleep(Duration::from_secs(2));
    let each = f64::from(u32::try_from(running.rss() - before).unwrap()) / f64::from(IDLE);
    drop(peers);
    Figures(vec![("kB each", each)])
}

fn load(subject: &Subject, shape: Shape, path: Path, span: Duration) -> Figures {
    let interior = subject.interior();
    let to = plain(&interior);
    drop(accepting(&to));
    let edge = (path == Path::EdgeToInterior).then(|| subject.edge(&interior));
    let (from, to) = match path {
        Path::OneHop => (to.clone(), to),
        Path::Tls => {
            let (socket, authority) = interior.tls();
            let tls = Address { socket, authority: Some(authority) };
            (tls.clone(), tls)
        }
        Path::EdgeToInterior => (plain(edge.as_ref().unwrap()), to),
    };
    drop(accepting(&from));
    // Warm: the addresses, the allocator, the processor.
    load::run(&from, &to, shape, span / 4);
    let used = || interior.cpu() + edge.as_ref().map_or(0, Running::cpu);
    let before = used();
    let outcome = load::run(&from, &to, shape, span);
    let spent = used() - before;
    let count = float(outcome.received);
    Figures(vec![
        ("us/message", float(spent) / 1e3 / count),
        ("k/s", count / outcome.span.as_secs_f64() / 1e3),
        ("lost", float(outcome.sent - outcome.received)),
    ])
}

fn latency(subject: &Subject, shape: Shape) -> Figures {
    let running = subject.interior();
    let address = plain(&running);
    drop(accepting(&address));
    let mut times = load::latencies(&address, &address, shape, SAMPLES);
    times.sort_unstable();
    let at = |part: usize| times.get(SAMPLES * part / 100).unwrap().as_secs_f64() * 1e6;
    Figures(vec![("p50 us", at(50)), ("p99 us", at(99))])
}

fn plain(running: &Running) -> Address {
    Address { socket: running.address(), authority: None }
}

/// Waits until a connection opens.
fn accepting(address: &Address) -> Peer {
    let begun = Instant::now();
    loop {
        if let Some(peer) = Peer::connect(address) {
            return peer;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "the router does not start");
        std::thread::sleep(Duration::from_micros(200));
    }
}

fn mb(kilobytes: u64) -> f64 {
    float(kilobytes) / 1024.0
}

#[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
fn float(number: u64) -> f64 {
    number as f64
}
