//! Many connections, and connections that come and go by the thousand: nothing stays behind, others are served,
//! and what each costs is bounded.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test support: failures are its purpose")]

#[path = "support/cores.rs"]
mod cores;
mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use cores::carry;
use iofog_amqp::Role as LinkRole;
use iofog_amqp_client::Outcome;
use iofog_amqp_engine::Millis;
use iofog_amqp_peer::Script;
use iofog_router::config::{ConnectorConfig, ListenerConfig, Mode, Role};
use iofog_router::core::{ConnId, Core};
use iofog_router::{RouterConfig, RuntimeOptions, start};
use peak_alloc::PeakAlloc;
use support::{client, interior, port, receiver, run, sender, text, text_to, until};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Bytes of heap in use.
fn live() -> usize {
    ALLOCATOR.current_usage()
}

/// Both ends are in this process, which may have 20,000 files open.
const CONNECTIONS: usize = 8_000;
/// Heap bytes that an open connection with an idle session may hold.
const PER_CONNECTION: usize = 4 * 1024;

/// One test at a time: the memory of this process is measured.
static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());

#[test]
fn thousands_of_idle_connections_are_cheap_and_disturb_no_one() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let most = limit.maximum.unwrap_or(u64::MAX);
    let wanted = u64::try_from(2 * CONNECTIONS + 200).unwrap();
    if most < wanted {
        println!("skipped: only {most} files may be open");
        return;
    }
    let raised =
        rustix::process::Rlimit { current: Some(wanted.max(limit.current.unwrap_or(0))), ..limit };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, raised).unwrap();
    run(async {
        let mut config = RouterConfig::new(Mode::Interior, "A");
        let mut listener = ListenerConfig::new(Role::Normal, "127.0.0.1", 0);
        listener.name = Role::Normal.as_str().to_owned();
        config.listeners.push(listener);
        let most = Some(CONNECTIONS + 1);
        let options = RuntimeOptions { listener_connections: most, ..RuntimeOptions::default() };
        let router = start(config, options).await.unwrap();
        let honest = client(&router).await;
        let (mut receiver, sender) = (receiver(&honest, "q").await, sender(&honest, "q").await);
        let address = port(&router, Role::Normal);
        let before = live();
        let mut idle: Vec<TcpStream> = Vec::with_capacity(CONNECTIONS);
        for n in 0..CONNECTIONS {
            idle.push(open(address));
            if n % 50 == 0 {
                until(|| router.status().connections > n).await;
            }
            if n % 1_000 == 0 {
                let pending = sender.send_start(text("still here"), false).await.unwrap();
                receiver.recv().await.unwrap().accept();
                assert_eq!(pending.await.unwrap(), Outcome::Accepted);
            }
        }
        until(|| router.status().connections == CONNECTIONS + 1).await;
        let each = || live().saturating_sub(before) / CONNECTIONS;
        println!("{} bytes of heap for each connection, fresh", each());
        // Buffers are given back after a second of silence.
        until(|| each() < PER_CONNECTION).await;
        println!("{} bytes of heap for each connection, at rest", each());
        drop(idle);
        until(|| router.status().connections == 1).await;
        assert_eq!(router.status().links, 2);
    });
}

/// Opens and begins; the answers stay unread.
fn open(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    let mut script = Script::default();
    script.opening("idle", Vec::new());
    stream.write_all(&script.out).unwrap();
    stream
}

/// How a connection with links and a delivery under way ends.
#[derive(Clone, Copy)]
enum End {
    Orderly,
    Detached,
    Closed,
    Cut,
}

#[test]
fn a_hundred_thousand_short_lives_leave_nothing_behind() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut core = Core::new(&RouterConfig::new(Mode::Interior, "A"), 1, 1, Millis(0));
    let mut script = Script::default();
    let producer = accept(&mut core);
    script.opening("producer", Vec::new()).attach(0, LinkRole::Sender, Some("q"));
    feed(&mut core, producer, &mut script, 0);
    let lives: u32 = std::env::var("LIVES").map_or(100_000, |text| text.parse().unwrap());
    let (mut delivery, mut settled) = (0_u32, 0_u32);
    let mut memory = None;
    for life in 0..lives {
        let now = u64::from(life) * 3;
        let conn = accept(&mut core);
        script.opening("consumer", Vec::new());
        script.attach(0, LinkRole::Receiver, Some("q")).attach(1, LinkRole::Sender, Some("q"));
        script.credit(0, 0, 0, 2);
        feed(&mut core, conn, &mut script, now);
        // Two messages: one is answered, the other is under way when the end comes.
        for _ in 0..2 {
            script.transfer(0, delivery, false, false, &text("short"));
            delivery = delivery.wrapping_add(1);
        }
        feed(&mut core, producer, &mut script, now);
        let end = [End::Orderly, End::Detached, End::Closed, End::Cut]
            [usize::try_from(life % 4).unwrap()];
        script.accept(0, 0);
        match end {
            End::Orderly => script.accept(1, 1).detach(0).detach(1).close(),
            End::Detached => script.detach(0),
            End::Closed => script.close(),
            End::Cut => &mut script,
        };
        feed(&mut core, conn, &mut script, now);
        core.remove(conn);
        core.tick(Millis(now + 1));
        settled += answers(&mut core, producer, now);
        assert_eq!(settled, delivery, "life {life}: every message has its answer");
        if life % 10_000 == 5_000 {
            assert_eq!(core.snapshot().connections, 1);
            assert_eq!((core.snapshot().links, core.snapshot().deliveries), (1, 0), "life {life}");
            let live = live();
            let first = *memory.get_or_insert(live);
            assert!(live < first + 64 * 1024, "life {life}: {live} bytes, {first} at first");
        }
    }
}

#[test]
fn the_memory_of_a_load_is_given_back_when_it_is_over() {
    const PRODUCERS: u32 = 16;
    /// Within the credit of a link.
    const EACH: u32 = 200;
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut core = Core::new(&RouterConfig::new(Mode::Interior, "A"), 1, 1, Millis(0));
    let before = live();
    for size in [100, 3_000, 60_000] {
        let mut script = Script::default();
        let consumer = accept(&mut core);
        let mut conns = vec![consumer];
        script.opening("consumer", Vec::new()).attach(0, LinkRole::Receiver, Some("q"));
        script.credit(0, 0, 0, PRODUCERS * EACH);
        feed(&mut core, consumer, &mut script, 0);
        let body = text(&"x".repeat(size));
        for _ in 0..PRODUCERS {
            let producer = accept(&mut core);
            conns.push(producer);
            script.opening("producer", Vec::new()).attach(0, LinkRole::Sender, Some("q"));
            for number in 0..EACH {
                let mut pieces = body.chunks(16_000).peekable();
                while let Some(piece) = pieces.next() {
                    script.transfer(0, number, false, pieces.peek().is_some(), piece);
                }
                feed(&mut core, producer, &mut script, 1);
                // Read, and not answered.
                read(&mut core, consumer, 1, |_| {});
            }
        }
        let wanted = usize::try_from(PRODUCERS * EACH).unwrap();
        assert_eq!(core.snapshot().deliveries, wanted, "{size} bytes: all are under way");
        let most = live().saturating_sub(before);
        for conn in conns {
            core.remove(conn);
        }
        core.tick(Millis(2));
        drop((script, body));
        let left = live().saturating_sub(before);
        println!("{size} bytes: {most} bytes of heap under load, {left} after it");
        assert!(most > 100 * 1024, "{most} bytes: there was a load");
        assert!(left < 16 * 1024, "{left} bytes are held after the load");
    }
}

fn accept(core: &mut Core) -> ConnId {
    core.accept(&ListenerConfig::new(Role::Normal, "", 0), "here".to_owned(), None, Millis(0))
}

fn feed(core: &mut Core, conn: ConnId, script: &mut Script, now: u64) {
    core.input(conn, script.out.len()).unwrap().extend_from_slice(&script.out);
    script.out.clear();
    core.received(conn, Millis(now));
    core.take_dirty(&mut Vec::new());
}

/// Deliveries that the router has answered since last asked.
fn answers(core: &mut Core, conn: ConnId, now: u64) -> u32 {
    let mut count = 0;
    read(core, conn, now, |performative| {
        if let iofog_amqp::Performative::Disposition(answer) = performative {
            count += answer.last.unwrap_or(answer.first).wrapping_sub(answer.first) + 1;
        }
    });
    count
}

/// Deliveries that the router has given since last asked.
fn arrivals(core: &mut Core, conn: ConnId, now: u64) -> u32 {
    let mut count = 0;
    read(core, conn, now, |performative| {
        count += u32::from(matches!(performative, iofog_amqp::Performative::Transfer(_)));
    });
    count
}

fn read(core: &mut Core, conn: ConnId, now: u64, each: impl FnMut(iofog_amqp::Performative)) {
    core.take_dirty(&mut Vec::new());
    let mut output = Vec::new();
    for piece in core.output::<16>(conn) {
        output.extend_from_slice(piece);
    }
    core.wrote(conn, output.len(), Millis(now));
    let frames = output.strip_prefix(b"AMQP\x00\x01\x00\x00").unwrap_or(&output);
    iofog_amqp_peer::frames(frames, each).unwrap();
}

#[test]
fn clients_that_trickle_keep_no_place_for_ever_and_hold_no_one_up() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    run(async {
        let router = interior("A").await;
        let honest = client(&router).await;
        let (mut receiver, sender) = (receiver(&honest, "q").await, sender(&honest, "q").await);
        let mut script = Script::default();
        script.opening("slow", Vec::new());
        let mut slow = Vec::new();
        for _ in 0..300 {
            let stream = tokio::net::TcpStream::connect(port(&router, Role::Normal)).await.unwrap();
            slow.push(stream.into_std().unwrap());
        }
        // Less than the header and `open`.
        for byte in &script.out[..30] {
            for stream in &mut slow {
                stream.write_all(&[*byte]).unwrap();
            }
            let pending = sender.send_start(text("still here"), false).await.unwrap();
            receiver.recv().await.unwrap().accept();
            assert_eq!(pending.await.unwrap(), Outcome::Accepted);
        }
        // None has opened: all are given up after twice the idle time-out, however they trickle.
        assert_eq!(router.status().connections, 1);
        drop(slow);
    });
    // The clock of the engine: bytes before the open do not put the end off.
    let mut core = Core::new(&RouterConfig::new(Mode::Interior, "A"), 1, 1, Millis(0));
    let conn = accept(&mut core);
    let mut script = Script::default();
    script.opening("slow", Vec::new());
    for (n, byte) in script.out.clone().iter().take(40).enumerate() {
        let now = u64::try_from(n).unwrap() * 1_000;
        script.out = vec![*byte];
        if core.close_reason(conn).is_none() {
            feed(&mut core, conn, &mut script, now);
            core.tick(Millis(now));
        }
    }
    assert!(core.close_reason(conn).is_some(), "given up after 32 seconds");
}

#[test]
fn a_receiver_that_stands_still_bounds_what_a_full_speed_sender_can_leave() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let seconds: u64 = std::env::var("STALL_SECONDS").map_or(2, |text| text.parse().unwrap());
    run(async {
        let router = interior("A").await;
        let mut stalled = TcpStream::connect(port(&router, Role::Normal)).unwrap();
        let mut script = Script::default();
        script.opening("stalled", Vec::new()).attach(0, LinkRole::Receiver, Some("q"));
        // A million of credit, and it never reads.
        script.credit(0, 0, 0, 1_000_000);
        stalled.write_all(&script.out).unwrap();
        let honest = client(&router).await;
        let sender = sender(&honest, "q").await;
        sender.ready().await.unwrap();
        let before = live();
        let payload = text(&"x".repeat(1_000));
        let (mut sent, mut most) = (0_u64, 0);
        let end = std::time::Instant::now() + std::time::Duration::from_secs(seconds);
        let mut pending = Vec::new();
        while std::time::Instant::now() < end {
            let step = std::time::Duration::from_millis(20);
            if let Ok(one) =
                tokio::time::timeout(step, sender.send_start(payload.clone(), false)).await
            {
                pending.push(one.unwrap());
                sent += 1;
            }
            most = most.max(live().saturating_sub(before));
        }
        println!("{sent} messages taken, {most} bytes held at most");
        assert!(most < 8 * 1024 * 1024, "{most} bytes for {sent} messages");
        // The others are served.
        let other = client(&router).await;
        let (mut receiver, sender) =
            (receiver(&other, "free").await, support::sender(&other, "free").await);
        let one = sender.send_start(text("still here"), false).await.unwrap();
        receiver.recv().await.unwrap().accept();
        assert_eq!(one.await.unwrap(), Outcome::Accepted);
        // It wakes up, and all come.
        stalled.set_nonblocking(true).unwrap();
        let mut seen = 0_u64;
        let mut input = Vec::new();
        while seen < sent {
            let mut space = [0; 65_536];
            match stalled.read(&mut space) {
                Ok(n) => input.extend_from_slice(&space[..n]),
                Err(_) => tokio::task::yield_now().await,
            }
            if input.starts_with(b"AMQP") {
                input.drain(..8);
            }
            let taken = iofog_amqp_peer::frames(&input, |performative| {
                if matches!(&performative, iofog_amqp::Performative::Transfer(one) if !one.more) {
                    seen += 1;
                }
            });
            input.drain(..taken.unwrap());
        }
    });
}

#[test]
fn an_uplink_that_comes_and_goes_thousands_of_times_leaves_no_memory_behind() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut edge = Core::new(&RouterConfig::new(Mode::Edge, "E"), 1, 1, Millis(0));
    let mut tops = ["A", "B"].map(|id| {
        let mut top = Core::new(&RouterConfig::new(Mode::Interior, id), 2, 1, Millis(0));
        let mut script = Script::default();
        let consumer = accept(&mut top);
        script.opening("consumer", Vec::new()).attach(0, LinkRole::Receiver, Some("q"));
        script.credit(0, 0, 0, i32::MAX.unsigned_abs());
        feed(&mut top, consumer, &mut script, 0);
        (top, consumer, 0_u32)
    });
    let mut script = Script::default();
    let producer = accept(&mut edge);
    script.opening("producer", Vec::new());
    script.attach(0, LinkRole::Sender, None).attach(1, LinkRole::Receiver, Some("near"));
    script.attach(2, LinkRole::Sender, Some("q"));
    feed(&mut edge, producer, &mut script, 0);
    let connector = ConnectorConfig::new("up", Role::Edge, "here", 1);
    let listener = ListenerConfig::new(Role::Edge, "", 1);
    let (mut delivery, mut settled, mut arrived, mut memory) = (0_u32, 0_u32, 0, None);
    for life in 0..6_000_u32 {
        let now = u64::from(life) * 3;
        let (top, consumer, taken) = &mut tops[usize::try_from(life % 2).unwrap()];
        let up = edge.connect(&connector, None, Millis(now));
        let down = top.accept(&listener, "here".to_owned(), None, Millis(now));
        // The first lives end before they have begun: cut at every turn of the start.
        let whole = life % 8 == 7;
        let turns = if whole { 100 } else { usize::try_from(life % 8).unwrap() };
        carry([(&mut edge, up), (top, down)], turns, now);
        for _ in 0..3 {
            script.transfer(0, delivery, false, false, &text_to("q", "short"));
            delivery = delivery.wrapping_add(1);
        }
        feed(&mut edge, producer, &mut script, now);
        carry([(&mut edge, up), (top, down)], usize::try_from(life % 3).unwrap(), now);
        edge.remove(up);
        top.remove(down);
        edge.tick(Millis(now + 1));
        top.tick(Millis(now + 1));
        settled += answers(&mut edge, producer, now);
        assert_eq!(settled, delivery, "life {life}: every message has its answer");
        // What came is settled, too late for whoever sent it.
        let came = arrivals(top, *consumer, now);
        if came > 0 {
            script.accept(*taken, *taken + came - 1);
            *taken += came;
            feed(top, *consumer, &mut script, now);
            arrived += came;
        }
        if life % 1_000 == 500 {
            let seen = edge.snapshot();
            assert_eq!((seen.connections, seen.links, seen.deliveries), (1, 3, 0), "life {life}");
            assert_eq!(top.snapshot().deliveries, 0, "life {life}");
            let live = live();
            let first = *memory.get_or_insert(live);
            assert!(live < first + 64 * 1024, "life {life}: {live} bytes, {first} at first");
        }
    }
    println!("{arrived} of {delivery} messages came through");
    assert!(arrived > 1_000, "the uplink was of use at times");
}
