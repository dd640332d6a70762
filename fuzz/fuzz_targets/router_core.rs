//! A whole router: a client and a peer of any role have their links, then one of them sends what the fuzzer
//! makes: performatives with foreign fields, and raw bytes.
#![no_main]

use iofog_amqp::frame::{Frame, FrameKind};
use iofog_fuzz::{ANONYMOUS, Peer, Router};
use iofog_router::config::Role;
use libfuzzer_sys::fuzz_target;

/// The peer beside the client.
const PEERS: [Peer; 9] = [
    (Role::Normal, None),
    (Role::Edge, None),
    (Role::InterRouter, None),
    (Role::Normal, Some(1)),
    (Role::Edge, Some(1)),
    (Role::InterRouter, Some(1)),
    (Role::Normal, Some(2)),
    (Role::Edge, Some(2)),
    (Role::InterRouter, Some(2)),
];

thread_local! {
    static ROUTERS: [Router; 9] = PEERS.map(|peer| Router::with(&[(Role::Normal, None), peer]));
}

fuzz_target!(|input: (u8, Vec<(u8, Vec<u8>)>)| {
    let (choice, frames) = input;
    let choice = usize::from(choice) % PEERS.len();
    let mut router = ROUTERS.with(|routers| routers[choice].clone());
    let (client, peer) = (router.peers[0], router.peers[1]);
    for (kind, bytes) in frames.iter().take(64) {
        let conn = if kind & 0x80 == 0 { peer } else { client };
        match kind & 0x0f {
            // The list of a performative: its descriptor is right.
            code @ 0..9 => {
                let mut frame = Vec::with_capacity(bytes.len() + 16);
                let at = Frame::begin(&mut frame, FrameKind::Amqp { channel: 0 });
                frame.extend_from_slice(&[0, 0x53, 0x10 + code]);
                frame.extend_from_slice(bytes);
                Frame::end(&mut frame, at, 0);
                router.feed(conn, &frame);
            }
            9 => router.send(conn, ANONYMOUS, 0, bytes),
            _ => router.feed(conn, bytes),
        }
    }
    router.end();
});
