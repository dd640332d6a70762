//! Two connections wired back to back without any I/O; bytes cross in pieces of seeded random size.
#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code outside of test functions")]

use bytes::Bytes;
use iofog_amqp::{Attach, Role, Source, Target};
use iofog_amqp_engine::*;

/// Small deterministic generator (xorshift): a failing seed replays.
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub(crate) fn chance(&mut self, one_in: u64) -> bool {
        self.below(one_in) == 0
    }
}

pub(crate) fn server_config() -> Config {
    Config {
        security: Security::Server(ServerSasl::default()),
        container_id: "server".into(),
        ..Config::default()
    }
}

pub(crate) fn client_config() -> Config {
    Config { container_id: "client".into(), ..Config::default() }
}

/// Moves all output of `from` to `to`, by each way in turn: bytes written and read in pieces of at most `max`, or pieces
/// that are passed on, cut anew or as they are.
pub(crate) fn carry(from: &mut Connection, to: &mut Connection, rng: &mut Rng, max: u64) -> bool {
    from.flush();
    let mut moved = false;
    while from.output_len() > 0 {
        let chunks = from.output_chunks::<4>().concat();
        let len = usize::try_from(1 + rng.below(max)).unwrap().min(chunks.len());
        match rng.below(4) {
            0 => to.feed(from.take_output(Millis(0)).unwrap()),
            1 => {
                to.feed(Bytes::copy_from_slice(&chunks[..len]));
                from.wrote(len, Millis(0));
            }
            _ => {
                to.input(len).extend_from_slice(&chunks[..len]);
                from.wrote(len, Millis(0));
            }
        }
        to.received(Millis(0));
        moved = true;
        if rng.chance(3) {
            break;
        }
    }
    moved
}

/// A pair of peers with the events each has seen.
pub(crate) struct Pair {
    pub(crate) client: Connection,
    pub(crate) server: Connection,
    pub(crate) rng: Rng,
    pub(crate) max_chunk: u64,
}

impl Pair {
    pub(crate) fn new(client: Config, server: Config, seed: u64) -> Self {
        Self {
            client: Connection::new(client, Millis(0)),
            server: Connection::new(server, Millis(0)),
            rng: Rng(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            max_chunk: 50,
        }
    }

    pub(crate) fn default(seed: u64) -> Self {
        Self::new(client_config(), server_config(), seed)
    }

    /// Runs until nothing moves; returns the events of client and server.
    pub(crate) fn run(&mut self) -> (Vec<Event>, Vec<Event>) {
        let (mut client, mut server) = (vec![], vec![]);
        loop {
            let mut moved =
                carry(&mut self.client, &mut self.server, &mut self.rng, self.max_chunk);
            while let Some(event) = self.server.poll_event() {
                server.push(event);
                moved = true;
            }
            moved |= carry(&mut self.server, &mut self.client, &mut self.rng, self.max_chunk);
            while let Some(event) = self.client.poll_event() {
                client.push(event);
                moved = true;
            }
            if !moved {
                return (client, server);
            }
        }
    }

    pub(crate) fn open(&mut self) {
        let (client, server) = self.run();
        assert!(matches!(&client[..], [Event::Opened(open)] if open.container_id == "server"));
        assert!(matches!(&server[..], [Event::Opened(open)] if open.container_id == "client"));
    }

    pub(crate) fn session(&mut self) -> SessionId {
        let session = self.client.begin().unwrap();
        let (client, server) = self.run();
        assert!(matches!(client[..], [Event::SessionBegun { by_peer: false, .. }]));
        assert!(matches!(server[..], [Event::SessionBegun { by_peer: true, .. }]));
        session
    }

    /// Client sends to server: (client's link, server's link).
    pub(crate) fn sender(&mut self, session: SessionId, name: &str) -> (LinkId, LinkId) {
        self.link(session, name, Role::Sender)
    }

    pub(crate) fn link(&mut self, session: SessionId, name: &str, role: Role) -> (LinkId, LinkId) {
        let link = self.client.attach(session, attach(name, role)).unwrap();
        let (_, server) = self.run();
        let [Event::Attach { link: theirs, attach: offered, .. }] = &server[..] else {
            panic!("expected an attach: {server:?}")
        };
        self.server.accept(*theirs, (**offered).clone());
        let theirs = *theirs;
        let (client, _) = self.run();
        assert!(matches!(client[..], [Event::Attached { .. }]), "{client:?}");
        (link, theirs)
    }
}

pub(crate) fn attach(name: &str, role: Role) -> Attach {
    let mut attach = Attach::new(name, role);
    attach.source = Some(Box::new(Source::new("q")));
    attach.target = Some(Box::new(Target::new("q")));
    attach
}

pub(crate) fn send(
    connection: &mut Connection,
    link: LinkId,
    payload: &[u8],
    head: &SendHead,
) -> Result<Progress, SendError> {
    connection.send(link, head, &mut Bytes::copy_from_slice(payload), true)
}

/// The transfers among events.
pub(crate) fn transfers(events: Vec<Event>) -> Vec<Delivered> {
    events
        .into_iter()
        .filter_map(
            |event| if let Event::Transfer(delivered) = event { Some(delivered) } else { None },
        )
        .collect()
}
