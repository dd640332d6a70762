//! Seeded random schedules: what a model expects is what arrives, whatever the order of calls and the
//! cutting of bytes. A failing seed replays.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test code outside of test functions")]

mod common;

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use common::*;
use iofog_amqp::{DeliveryState, Role};
use iofog_amqp_engine::*;

/// One link from client to server, as the model sees it.
#[derive(Default)]
struct Model {
    ours: Option<LinkId>,
    /// Messages handed over and not yet complete at the server.
    sent: VecDeque<Vec<u8>>,
    /// Being sent: the whole message and what is left of it.
    sending: Option<(Vec<u8>, Bytes)>,
    arriving: Vec<u8>,
    received: u32,
}

struct Run {
    pair: Pair,
    models: Vec<Model>,
    by_theirs: HashMap<u32, usize>,
    by_ours: HashMap<u32, usize>,
    /// Deliveries at the server that were not settled.
    open: Vec<(usize, DeliveryKey, u32)>,
    /// Outcomes that the client must hear, by token.
    expected: HashMap<u32, DeliveryState>,
    next_token: u32,
    heard: u32,
}

fn payload(rng: &mut Rng) -> Vec<u8> {
    let len = match rng.below(10) {
        0 => 0,
        1 => rng.below(40_000),
        _ => rng.below(300),
    };
    let first = u8::try_from(rng.below(256)).unwrap();
    (0..len).map(|i| first.wrapping_add(u8::try_from(i % 256).unwrap())).collect()
}

impl Run {
    fn new(seed: u64, links: usize) -> Self {
        let initial = InitialSerials {
            transfer_id: u32::MAX - 50,
            delivery_id: u32::MAX - 40,
            delivery_count: u32::MAX - 30,
        };
        let client =
            Config { initial, max_frame_size: 600, output_limit: 5_000, ..client_config() };
        let server = Config { initial, incoming_window: 8, ..server_config() };
        let mut pair = Pair::new(client, server, seed);
        pair.open();
        let sessions: Vec<_> = (0..2).map(|_| pair.session()).collect();
        let mut run = Self {
            pair,
            models: vec![],
            by_theirs: HashMap::new(),
            by_ours: HashMap::new(),
            open: vec![],
            expected: HashMap::new(),
            next_token: 0,
            heard: 0,
        };
        for n in 0..links {
            let (ours, theirs) = run.pair.link(sessions[n % 2], &format!("l{n}"), Role::Sender);
            run.by_ours.insert(ours.0, n);
            run.by_theirs.insert(theirs.0, n);
            run.models.push(Model { ours: Some(ours), ..Model::default() });
        }
        run
    }

    fn send(&mut self, n: usize) {
        let model = &mut self.models[n];
        let (whole, mut rest) = match model.sending.take() {
            Some(sending) => sending,
            None => {
                let whole = payload(&mut self.pair.rng);
                (whole.clone(), Bytes::from(whole))
            }
        };
        let settled = self.pair.rng.chance(4) && rest.len() == whole.len();
        let head = SendHead { token: Token(self.next_token), settled, ..SendHead::default() };
        let fresh = rest.len() == whole.len();
        match self.pair.client.send(model.ours.unwrap(), &head, &mut rest, true) {
            Ok(progress) => {
                if fresh {
                    model.sent.push_back(whole.clone());
                    self.next_token += 1;
                }
                if !progress.complete {
                    model.sending = Some((whole, rest));
                }
            }
            // An unfinished message must be continued later; one not begun is dropped.
            Err(_) if !fresh => model.sending = Some((whole, rest)),
            Err(_) => {}
        }
    }

    fn server_event(&mut self, event: Event) {
        let Event::Transfer(delivered) = event else { return };
        let n = self.by_theirs[&delivered.link.0];
        let model = &mut self.models[n];
        model.arriving.extend_from_slice(&delivered.payload);
        if delivered.first && !delivered.settled {
            self.pair.server.set_token(delivered.delivery, Token(7));
        }
        if delivered.more {
            return;
        }
        let whole = std::mem::take(&mut model.arriving);
        assert_eq!(Some(whole), model.sent.pop_front());
        model.received += 1;
        if !delivered.settled {
            self.open.push((n, delivered.delivery, 0));
        }
    }

    fn client_event(&mut self, event: Event) {
        if let Event::Updated { state, settled, token, .. } = event {
            assert!(settled);
            assert!(token.0 < self.next_token);
            assert!(matches!(state, Some(DeliveryState::Accepted | DeliveryState::Released)));
            assert!(self.expected.insert(token.0, state.unwrap()).is_none(), "heard twice");
            self.heard += 1;
        }
    }

    fn step(&mut self) {
        let n = usize::try_from(self.pair.rng.below(self.models.len() as u64)).unwrap();
        match self.pair.rng.below(8) {
            0 => {
                let theirs = *self.by_theirs.iter().find(|(_, m)| **m == n).unwrap().0;
                let credit = u32::try_from(self.pair.rng.below(9)).unwrap();
                self.pair.server.add_credit(LinkId(theirs), credit);
            }
            1..=4 => self.send(n),
            5 if !self.open.is_empty() => {
                let at = usize::try_from(self.pair.rng.below(self.open.len() as u64)).unwrap();
                let (_, delivery, _) = self.open.swap_remove(at);
                let state = if self.pair.rng.chance(2) {
                    DeliveryState::Accepted
                } else {
                    DeliveryState::Released
                };
                self.pair.server.dispose(delivery, Some(state), true);
            }
            6 => {
                carry(&mut self.pair.client, &mut self.pair.server, &mut self.pair.rng, 700);
                while let Some(event) = self.pair.server.poll_event() {
                    self.server_event(event);
                }
            }
            _ => {
                carry(&mut self.pair.server, &mut self.pair.client, &mut self.pair.rng, 700);
                while let Some(event) = self.pair.client.poll_event() {
                    self.client_event(event);
                }
            }
        }
    }

    /// Everything that was begun ends.
    fn settle(&mut self) {
        for _ in 0..200 {
            for n in 0..self.models.len() {
                if self.models[n].sending.is_some() {
                    self.send(n);
                }
            }
            let (client, server) = self.pair.run();
            client.into_iter().for_each(|event| self.client_event(event));
            server.into_iter().for_each(|event| self.server_event(event));
            for (_, delivery, _) in std::mem::take(&mut self.open) {
                self.pair.server.dispose(delivery, Some(DeliveryState::Accepted), true);
            }
        }
        assert!(self.models.iter().all(|model| model.sent.is_empty() && model.sending.is_none()));
    }
}

#[test]
fn random_schedules_deliver_everything_once_and_in_order() {
    for seed in 0..60 {
        let mut run = Run::new(seed, 5);
        for _ in 0..3000 {
            run.step();
        }
        run.settle();
        let received: u32 = run.models.iter().map(|model| model.received).sum();
        assert_eq!(received, run.next_token, "seed {seed}");
        assert!(received > 50 && run.heard > 20, "seed {seed}: {received} {}", run.heard);
        assert!(run.pair.client.is_open() && run.pair.server.is_open());
    }
}

/// All bytes that a client sends in a whole conversation.
fn record() -> Vec<u8> {
    let config = Config { security: Security::Client(ClientSasl::None), ..client_config() };
    let mut pair = Pair::new(config, server_config(), 1);
    let mut record = vec![];
    let mut exchange = |pair: &mut Pair| {
        for _ in 0..4 {
            pair.client.flush();
            let bytes = pair.client.output_chunks::<16>().concat();
            pair.client.wrote(bytes.len(), Millis(0));
            record.extend_from_slice(&bytes);
            pair.server.input(bytes.len()).extend_from_slice(&bytes);
            while let Some(event) = pair.server.poll_event() {
                if let Event::Attach { link, attach, .. } = event {
                    pair.server.accept(link, *attach);
                    pair.server.set_credit(link, 30);
                }
            }
            carry(&mut pair.server, &mut pair.client, &mut Rng(1), 100_000);
            while pair.client.poll_event().is_some() {}
        }
    };
    exchange(&mut pair);
    let session = pair.client.begin().unwrap();
    let link = pair.client.attach(session, attach("l", Role::Sender)).unwrap();
    let back = pair.client.attach(session, attach("m", Role::Receiver)).unwrap();
    pair.client.add_credit(back, 5);
    exchange(&mut pair);
    for n in 0..20u8 {
        send(&mut pair.client, link, &vec![n; usize::from(n) * 9], &SendHead::default()).unwrap();
    }
    exchange(&mut pair);
    pair.client.detach(link, true, None);
    exchange(&mut pair);
    pair.client.end(session, None);
    pair.client.close(None);
    exchange(&mut pair);
    record
}

/// Random bytes, and real conversations with random bytes changed: no panic, no growth without bound.
#[test]
fn random_bytes_never_panic() {
    let record = record();
    assert!(record.len() > 2000);
    let mut rng = Rng(77);
    let mut accepted = 0;
    for round in 0..15_000u64 {
        let mut bytes = record.clone();
        let changes = 1 + rng.below(4);
        for _ in 0..changes {
            let at = usize::try_from(rng.below(bytes.len() as u64)).unwrap();
            match rng.below(3) {
                0 => bytes[at] = u8::try_from(rng.below(256)).unwrap(),
                1 => bytes[at] = [0, 1, 0x40, 0x45, 0x7f, 0x80, 0xc0, 0xd0, 0xf0, 0xff][at % 10],
                _ => drop(bytes.drain(at..(at + 1 + at % 7).min(bytes.len()))),
            }
        }
        let mut server = Connection::new(server_config(), Millis(0));
        for chunk in bytes.chunks(1 + usize::try_from(round % 97).unwrap()) {
            server.input(chunk.len()).extend_from_slice(chunk);
            server.received(Millis(round));
            while let Some(event) = server.poll_event() {
                match event {
                    Event::Attach { link, attach, .. } => {
                        server.accept(link, *attach);
                        server.set_credit(link, 30);
                    }
                    Event::Transfer(d) => {
                        server.dispose(d.delivery, Some(DeliveryState::Accepted), true)
                    }
                    _ => {}
                }
            }
            server.flush();
        }
        assert!(server.output_len() < 100_000);
        accepted += usize::from(server.output_len() > 300);
    }
    assert!(accepted > 1000, "most changes must not end the conversation at once: {accepted}");
}
