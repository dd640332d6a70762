//! A router whose peers have opened their connections and attached links, for the targets that need one. It is
//! prepared once for each kind of peers and copied for each execution: every execution begins from the same state,
//! and what is executed, and counted as covered, is the input and not the preparation.

use iofog_amqp::{Role as LinkRole, Value};
use iofog_amqp_engine::Millis;
use iofog_amqp_peer::Script;
use iofog_router::RouterConfig;
use iofog_router::config::{ListenerConfig, Mode, Role};
use iofog_router::core::{ConnId, Core};

/// Handle of a link that sends to `q`.
pub const SENDER: u32 = 0;
/// Receives from `q`.
pub const RECEIVER: u32 = 1;
/// Names the address in each message.
pub const ANONYMOUS: u32 = 2;

/// Role of a peer, and the version of router metadata that it offers.
pub type Peer = (Role, Option<u32>);

/// A router under test.
#[derive(Clone)]
pub struct Router {
    /// The router.
    pub core: Core,
    /// Its connections, in the order in which their peers were given.
    pub peers: Vec<ConnId>,
    now: u64,
    /// What a router without peers has.
    addresses: usize,
}

impl Router {
    /// A router in interior mode; each peer has opened, begun and attached [`SENDER`], [`RECEIVER`], [`ANONYMOUS`].
    pub fn with(peers: &[Peer]) -> Self {
        let core = Core::new(&RouterConfig::new(Mode::Interior, "fuzz"), 1, 1, Millis(0));
        let addresses = core.snapshot().addresses;
        let mut router = Self { core, peers: Vec::new(), now: 0, addresses };
        for (role, annotations_version) in peers {
            let peer = router.peer(*role, *annotations_version);
            router.peers.push(peer);
        }
        router
    }

    fn peer(&mut self, role: Role, annotations_version: Option<u32>) -> ConnId {
        let listener = ListenerConfig::new(role, "", 0);
        let conn = self.core.accept(&listener, "fuzz".to_owned(), None, Millis(self.now));
        let version = annotations_version.map(Value::Uint);
        let mut script = Script::default();
        script
            .opening(
                "a",
                version
                    .map(|version| ("qd.annotations-version".into(), version))
                    .into_iter()
                    .collect(),
            )
            .attach(SENDER, LinkRole::Sender, Some("q"))
            .attach(RECEIVER, LinkRole::Receiver, Some("q"))
            .attach(ANONYMOUS, LinkRole::Sender, None)
            .credit(RECEIVER, 0, 0, 1_000);
        self.feed(conn, &script.out);
        conn
    }

    /// A message, whole, on a link of the peer; `delivery` counts from 0.
    pub fn send(&mut self, conn: ConnId, handle: u32, delivery: u32, message: &[u8]) {
        let mut script = Script::default();
        script.transfer(handle, delivery, true, false, message);
        self.feed(conn, &script.out);
    }

    /// Bytes from a peer, and some time.
    pub fn feed(&mut self, conn: ConnId, bytes: &[u8]) {
        self.now += 50;
        let now = Millis(self.now);
        if let Some(input) = self.core.input(conn, bytes.len()) {
            input.extend_from_slice(bytes);
            self.core.received(conn, now);
        }
        self.core.tick(now);
        self.drain(now);
    }

    /// The peers go: nothing may stay behind.
    pub fn end(mut self) {
        for peer in &self.peers {
            self.core.remove(*peer);
        }
        assert!(!self.core.has_connections());
        let left = self.core.snapshot();
        assert_eq!(left.links, 0, "links outlive their connections");
        assert_eq!(left.deliveries, 0, "deliveries outlive their connections");
        assert_eq!(left.addresses, self.addresses, "addresses outlive their connections");
    }

    /// Takes all output, as peers that read would.
    fn drain(&mut self, now: Millis) {
        let mut dirty = Vec::new();
        for _ in 0..100 {
            self.core.take_dirty(&mut dirty);
            if dirty.is_empty() {
                return;
            }
            for conn in dirty.drain(..) {
                let len = self.core.output_len(conn);
                self.core.wrote(conn, len, now);
            }
        }
    }
}
