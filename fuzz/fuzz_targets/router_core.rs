//! A whole router: two peers of any role open their connections, then one sends what the fuzzer makes.
#![no_main]

use iofog_router::RouterConfig;
use iofog_router::config::{ListenerConfig, Mode, Role};
use iofog_router::core::{ConnId, Core};
use libfuzzer_sys::fuzz_target;

use iofog_amqp_engine::Millis;

/// Bare AMQP: header, open of container `a` (annotations version 2), begin with wide windows.
const OPENING: &[u8] = b"AMQP\x00\x01\x00\x00\
    \x00\x00\x00\x36\x02\x00\x00\x00\x00\x53\x10\xc0\x29\x0a\xa1\x01a\x40\x40\x40\x40\x40\x40\x40\x40\
    \xc1\x1b\x02\xa3\x16qd.annotations-version\x54\x02\
    \x00\x00\x00\x14\x02\x00\x00\x00\x00\x53\x11\xc0\x07\x04\x40\x43\x52\x7f\x52\x7f";

fuzz_target!(|input: (u8, Vec<Vec<u8>>)| {
    let (choice, frames) = input;
    let role = [Role::Normal, Role::Edge, Role::InterRouter][usize::from(choice) % 3];
    let mut core = Core::new(&RouterConfig::new(Mode::Interior, "fuzz"), 1, 1, Millis(0));
    let client = open(&mut core, Role::Normal);
    let peer = open(&mut core, role);
    for (n, frame) in frames.iter().take(64).enumerate() {
        let now = Millis(u64::try_from(n).unwrap_or(0) * 50);
        // Most inputs are the insides of a frame on the open session; some are raw bytes.
        let mut bytes = Vec::with_capacity(frame.len() + 9);
        if choice & 0x80 == 0 {
            let size = u32::try_from(frame.len() + 9).unwrap_or(u32::MAX).to_be_bytes();
            bytes.extend_from_slice(&size);
            bytes.extend_from_slice(&[2, 0, 0, 0, 0]);
        }
        bytes.extend_from_slice(frame);
        feed(&mut core, if choice & 0x40 != 0 && n % 2 == 1 { client } else { peer }, &bytes, now);
        core.tick(now);
        drain(&mut core, now);
    }
    core.remove(peer);
    core.remove(client);
    assert!(!core.has_connections());
    assert_eq!(core.snapshot().links, 0, "links outlive their connections");
});

fn open(core: &mut Core, role: Role) -> ConnId {
    let conn = core.accept(&ListenerConfig::new(role, "", 0), "fuzz".to_owned(), None, Millis(0));
    feed(core, conn, OPENING, Millis(0));
    drain(core, Millis(0));
    conn
}

fn feed(core: &mut Core, conn: ConnId, bytes: &[u8], now: Millis) {
    if let Some(input) = core.input(conn, bytes.len()) {
        input.extend_from_slice(bytes);
        core.received(conn, now);
    }
}

/// Takes all output, as a peer that reads would.
fn drain(core: &mut Core, now: Millis) {
    for _ in 0..100 {
        let mut dirty = Vec::new();
        core.take_dirty(&mut dirty);
        if dirty.is_empty() {
            return;
        }
        for conn in dirty {
            let len = core.output_len(conn);
            core.wrote(conn, len, now);
        }
    }
}
