//! The bytes of every frame, as docs/device-link.md lists them. A change here is a new version of the protocol.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail here")]

use iofog_link::{
    Applied, Begin, Bounded, Bye, Decoder, Frame, Hello, Kind, Known, MicroserviceDelta, NodeDelta,
    Outcome, Put, StatusDelta, Welcome, encode,
};

fn id(text: &str) -> iofog_link::Id {
    text.try_into().unwrap()
}

fn frames() -> Vec<(&'static str, Frame<'static>)> {
    let mut known = Bounded::new();
    known.push(Known { kind: Kind::Microservice, key: id("m1"), digest: 0x0102 }).unwrap();
    let mut microservices = Bounded::new();
    let microservice = MicroserviceDelta {
        id: id("m1"),
        state: Some("RUNNING".try_into().unwrap()),
        ..MicroserviceDelta::default()
    };
    microservices.push(microservice).unwrap();
    let node = NodeDelta { memory_kb: Some(5_100), ..NodeDelta::default() };
    vec![
        (
            "0c 00 01 01 05 7465737431 8002 02",
            Frame::Hello(Hello {
                oldest: 1,
                newest: 1,
                program: "test1".try_into().unwrap(),
                generation: 256,
                known: 2,
            }),
        ),
        ("03 01 01 5a", Frame::Welcome(Welcome { version: 1, lost_after_s: 90 })),
        ("02 02 01", Frame::Bye(Bye::Superseded)),
        ("02 03 07", Frame::Ping(7)),
        ("02 04 07", Frame::Pong(7)),
        ("08 05 01 01 02 6d31 8202", Frame::Known(known)),
        ("05 06 05 8001 01", Frame::Begin(Begin { generation: 5, flags: 128, full: true })),
        (
            "09 07 01 02 6d31 01 02 7b7d",
            Frame::Put(Put { kind: Kind::Microservice, key: id("m1"), last: true, body: b"{}" }),
        ),
        ("05 08 02 02 3132", Frame::Remove(Kind::Registry, id("12"))),
        ("04 09 02 6d31", Frame::Rebuild(id("m1"))),
        ("02 0a 05", Frame::Commit(5)),
        ("03 0b 05 00", Frame::Applied(Applied { generation: 5, outcome: Outcome::Done })),
        (
            "04 0b 05 01 1e",
            Frame::Applied(Applied { generation: 5, outcome: Outcome::Refused(30) }),
        ),
        (
            "25 0c 00 00 00 00 01ec27 00 00 00 00 00 00 00 00 00 00 01 02 6d31 01 07 52554e4e494e47 00 00 00 00 00 00",
            Frame::Status(StatusDelta { node, microservices }),
        ),
        ("02 0d 01", Frame::StreamOpen(1)),
        ("05 0e 01 02 6869", Frame::StreamData(1, b"hi")),
        ("04 0f 01 8040", Frame::StreamCredit(1, 8192)),
        ("02 10 01", Frame::StreamEnd(1)),
        ("02 11 01", Frame::StreamReset(1)),
    ]
}

#[test]
fn frames_have_their_documented_bytes_and_read_back() {
    let document = include_str!("../../../docs/device-link.md");
    for (hex, frame) in frames() {
        let mut bytes = Vec::new();
        encode(&frame, &mut bytes);
        let written: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(written, hex.replace(' ', ""), "{frame:?}");
        let mut decoder = Decoder::default();
        decoder.push(&bytes);
        assert_eq!(decoder.frame().unwrap(), Some(frame));
        assert!(document.contains(&format!("`{hex}`")), "docs/device-link.md lacks {hex}");
    }
}
