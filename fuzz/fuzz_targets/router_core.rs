//! A whole router: a client and a peer of any role have their links, then one of them sends what the fuzzer
//! makes: performatives with foreign fields, and raw bytes.
#![no_main]

use iofog_amqp::frame::{Frame, FrameKind};
use iofog_fuzz::Router;
use iofog_router::config::Role;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, Vec<(u8, Vec<u8>)>)| {
    let (choice, frames) = input;
    let role = [Role::Normal, Role::Edge, Role::InterRouter][usize::from(choice) % 3];
    let version = [None, Some(1), Some(2)][usize::from(choice / 3) % 3];
    let mut router = Router::new();
    let client = router.peer(Role::Normal, None);
    let peer = router.peer(role, version);
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
            9 => router.send(conn, iofog_fuzz::ANONYMOUS, 0, bytes),
            _ => router.feed(conn, bytes),
        }
    }
    router.end(&[peer, client]);
});
