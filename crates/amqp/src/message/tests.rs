//! Messages there and back, and messages that are none.

use alloc::vec::Vec;

use bytes::Bytes;

use super::*;
use crate::DecodeError;

fn full() -> Message {
    Message {
        header: Some(Header {
            durable: true,
            priority: Some(9),
            ttl: Some(60_000),
            first_acquirer: true,
            delivery_count: 3,
        }),
        delivery_annotations: Vec::from([(Value::Symbol("x-opt-d".into()), Value::Int(-5))]),
        message_annotations: Vec::from([(Value::Symbol("x-opt-m".into()), Value::Byte(5))]),
        properties: Some(Properties {
            message_id: Some(Value::Ulong(7)),
            user_id: Some(Bytes::from_static(b"user")),
            to: Some("to".into()),
            subject: Some("GET".into()),
            reply_to: Some("amqp:/_topo/0/r/temp.x".into()),
            correlation_id: Some(Value::Uuid([7; 16])),
            content_type: Some("text/plain".into()),
            content_encoding: Some("gzip".into()),
            absolute_expiry_time: Some(-1),
            creation_time: Some(1_700_000_000_000),
            group_id: Some("g".into()),
            group_sequence: Some(u32::MAX),
            reply_to_group_id: Some("r".into()),
        }),
        application_properties: Vec::from([
            (Value::from("host"), Value::from("h")),
            (
                Value::from("set-cookie"),
                Value::List(Vec::from([Value::from("a"), Value::from("b")])),
            ),
        ]),
        body: Body::Data(Vec::from([Bytes::from_static(b"one"), Bytes::from(alloc::vec![2; 300])])),
        footer: Vec::from([(Value::from("f"), Value::Null)]),
    }
}

#[test]
fn message_round_trip() {
    let bodies = [
        Body::Empty,
        Body::Data(Vec::from([Bytes::new()])),
        Body::Sequence(Vec::from([Vec::from([Value::from(1u8)]), Vec::new()])),
        Body::Value(Value::Null),
    ];
    assert_eq!(Message::decode(&full().encode()), Ok(full()));
    for body in bodies {
        let message = Message { body, ..full() };
        assert_eq!(Message::decode(&message.encode()), Ok(message));
    }
    assert_eq!(Message::decode(&Bytes::new()), Ok(Message::default()));
}

#[test]
fn a_footer_may_stand_before_the_body() {
    // As rhea 3.0.5 writes it: application properties, footer, value.
    let sent =
        b"\x00\x53\x74\xc1\x01\x00\x00\x53\x78\xc1\x05\x02\xa1\x01f\x41\x00\x53\x77\xa0\x02ab";
    let read = Message::decode(&Bytes::from_static(sent)).unwrap();
    assert_eq!(read.footer, [(Value::from("f"), Value::Bool(true))]);
    assert_eq!(read.body, Body::Value(Value::Binary(Bytes::from_static(b"ab"))));
    let twice = b"\x00\x53\x78\xc1\x01\x00\x00\x53\x77\x40\x00\x53\x78\xc1\x01\x00";
    let late = b"\x00\x53\x78\xc1\x01\x00\x00\x53\x74\xc1\x01\x00";
    for bad in [&twice[..], late] {
        let read = Message::decode(&Bytes::copy_from_slice(bad));
        assert_eq!(read, Err(DecodeError::SectionOrder));
    }
}

#[test]
fn data_sections_are_not_copied() {
    let bytes = full().encode();
    let Body::Data(list) = Message::decode(&bytes).unwrap().body else { panic!("data") };
    let (whole, part) = (bytes.as_ptr_range(), list[1].as_ptr_range());
    assert!(whole.start <= part.start && part.end <= whole.end);
}

#[test]
fn message_cut_anywhere_is_truncated_or_shorter() {
    let bytes = full().encode();
    for cut in 0..bytes.len() {
        if let Ok(shorter) = Message::decode(&bytes.slice(..cut)) {
            assert_ne!(shorter, full(), "cut {cut}");
        }
    }
}

#[test]
fn message_malformed_is_refused() {
    let cases: [(&[u8], DecodeError); 8] = [
        // Found by fuzzing: only one unknown section may lead.
        (b"\x00\x44\x44\x00\x44\x44", DecodeError::SectionOrder),
        (b"\x00", DecodeError::Truncated),
        (b"\x01\x53\x70\x45", DecodeError::WrongType { field: "descriptor", code: 1 }),
        (b"\x00\x53\x70\x40", DecodeError::WrongType { field: "list", code: 0x40 }),
        (b"\x00\x53\x74\xa1\x01x", DecodeError::WrongType { field: "map section", code: 0x40 }),
        (b"\x00\x53\x74\xc1\x03\x01\xa1\x00", DecodeError::OddMap),
        (b"\x00\x53\x75\xa1\x01x", DecodeError::WrongType { field: "data", code: 0x40 }),
        (b"\x00\x53\x77\x41\x00\x53\x75\xa0\x00", DecodeError::SectionOrder),
    ];
    for (bytes, error) in cases {
        assert_eq!(Message::decode(&Bytes::from_static(bytes)), Err(error), "{bytes:02x?}");
    }
}
