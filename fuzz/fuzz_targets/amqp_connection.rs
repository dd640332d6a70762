//! A whole connection fed by a hostile peer: no panic, bounded output, and the end stays the end.
#![no_main]

use iofog_amqp::{DeliveryState, Role};
use iofog_amqp_engine::{Config, Connection, Event, Millis, Security, ServerSasl};
use libfuzzer_sys::fuzz_target;

/// `open`, `begin` and `attach` (as a sender) of a peer that behaves: the interesting part comes after.
const START: &[u8] = b"AMQP\x00\x01\x00\x00\
    \x00\x00\x00\x12\x02\x00\x00\x00\x00\x53\x10\xc0\x05\x01\xa1\x02pe\
    \x00\x00\x00\x17\x02\x00\x00\x00\x00\x53\x11\xc0\x0a\x07\x40\x43\x52\x64\x52\x64\x40\x40\x40\
    \x00\x00\x00\x22\x02\x00\x00\x00\x00\x53\x12\xc0\x15\x0c\xa1\x01l\x43\x42\x40\x40\x00\x53\x28\x45\x00\x53\x29\x45\x40\x40\x43\x40\x40";

fuzz_target!(|data: &[u8]| {
    let config = Config {
        security: Security::Server(ServerSasl::default()),
        container_id: "s".into(),
        incoming_window: 8,
        output_limit: 10_000,
        ..Config::default()
    };
    let mut server = Connection::new(config, Millis(0));
    let Some((&mode, data)) = data.split_first() else { return };
    let start = if mode & 1 == 0 { START } else { &[] };
    let step = usize::from(mode >> 1) + 1;
    let mut attached = start.is_empty();
    for (n, chunk) in [start].into_iter().chain(data.chunks(step)).enumerate() {
        server.input(chunk.len()).extend_from_slice(chunk);
        server.received(Millis(n as u64));
        while let Some(event) = server.poll_event() {
            match event {
                Event::Attach { link, attach, .. } => {
                    let peer_sends = attach.role == Role::Sender;
                    server.accept(link, *attach);
                    attached = true;
                    if peer_sends {
                        server.set_credit(link, 9);
                    }
                }
                Event::Credit { link, drain: true, .. } => server.drained(link),
                Event::Credit { link, .. } => {
                    let mut payload = bytes::Bytes::from_static(b"hello");
                    let _ = server.send(link, &Default::default(), &mut payload, true);
                }
                Event::Transfer(d) if !d.more => {
                    server.dispose(d.delivery, Some(DeliveryState::Accepted), true);
                }
                _ => {}
            }
        }
        assert!(attached, "the peer that behaves is served");
        server.flush();
        if !server.wants_input() {
            server.wrote(server.output_len(), Millis(n as u64));
        }
    }
    server.input_ended();
    while server.poll_event().is_some() {}
    assert!(server.close_reason().is_some());
});
