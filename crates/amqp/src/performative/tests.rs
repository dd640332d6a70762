//! Performatives there and back, in the short and the long forms of other encoders.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::{DeliveryState, DeliveryTag, Error, Source, Target, Value, condition};

fn samples() -> Vec<Performative> {
    let error = Some(Box::new(Error {
        condition: condition::NOT_FOUND,
        description: Some("no such address".into()),
        info: vec![("k".into(), Value::from(1u32))],
    }));
    let mut attach = Attach::new("link", Role::Sender);
    attach.initial_delivery_count = Some(u32::MAX);
    attach.source = Some(Box::new(Source {
        default_outcome: Some(Box::new(DeliveryState::modified(true, false))),
        outcomes: vec!["amqp:accepted:list".into(), "amqp:rejected:list".into()],
        capabilities: vec!["queue".into()],
        ..Source::new("a")
    }));
    attach.target = Some(Box::new(Target::new("b")));
    attach.max_message_size = Some(0);
    let mut receiver = Attach::new("", Role::Receiver);
    receiver.source = Some(Box::new(Source { durable: 2, timeout: 9, ..Source::dynamic() }));
    receiver.target =
        Some(Box::new(Target { coordinator: true, capabilities: vec![], ..Target::default() }));
    let transfer = Transfer {
        handle: 1,
        delivery_id: Some(300),
        delivery_tag: Some(DeliveryTag::from_counter(9)),
        message_format: Some(0),
        settled: Some(false),
        more: true,
        ..Transfer::default()
    };
    vec![
        Performative::Open(Box::new(Open {
            container_id: "c".into(),
            hostname: Some("h".into()),
            idle_time_out: Some(8000),
            max_frame_size: 16_384,
            offered_capabilities: vec!["ANONYMOUS-RELAY".into()],
            properties: vec![("product".into(), Value::from("x"))],
            ..Open::default()
        })),
        Performative::Begin(Box::new(Begin {
            remote_channel: Some(3),
            next_outgoing_id: 1,
            incoming_window: 2,
            outgoing_window: 3,
            handle_max: 4,
            ..Begin::default()
        })),
        Performative::Attach(Box::new(attach)),
        Performative::Attach(Box::new(receiver)),
        Performative::Flow(Flow {
            next_incoming_id: Some(1),
            incoming_window: 2,
            next_outgoing_id: u32::MAX,
            outgoing_window: 4,
            handle: Some(0),
            delivery_count: Some(5),
            link_credit: Some(250),
            available: Some(1),
            drain: true,
            echo: true,
            properties: None,
        }),
        Performative::Flow(Flow::default()),
        Performative::Transfer(transfer.clone()),
        Performative::Transfer(Transfer::default()),
        Performative::Transfer(Transfer { message_format: Some(1), ..Transfer::default() }),
        Performative::Transfer(Transfer {
            delivery_tag: Some(DeliveryTag::new(&[7; 32]).unwrap()),
            rcv_settle_mode: Some(ReceiverSettleMode::Second),
            state: Some(DeliveryState::Received { section_number: 1, section_offset: 1 << 40 }),
            aborted: true,
            resume: true,
            batchable: true,
            ..transfer
        }),
        Performative::Disposition(Disposition {
            role: Role::Receiver,
            first: 0,
            last: Some(u32::MAX),
            settled: true,
            state: Some(DeliveryState::Accepted),
            batchable: false,
        }),
        Performative::Disposition(Disposition {
            role: Role::Sender,
            first: 7,
            last: None,
            settled: false,
            state: Some(DeliveryState::Rejected(error.clone())),
            batchable: true,
        }),
        Performative::Detach(Detach { handle: 1, closed: true, error: error.clone() }),
        Performative::End(End { error: error.clone() }),
        Performative::Close(Close { error }),
        Performative::Close(Close::default()),
    ]
}

fn encoded(performative: &Performative) -> Vec<u8> {
    let mut out = vec![];
    performative.encode(&mut out);
    out
}

#[test]
fn performative_round_trip() {
    for sample in samples() {
        let bytes = encoded(&sample);
        assert_eq!(Performative::read(&mut Reader::new(&bytes)), Ok(sample));
    }
}

#[test]
fn performative_cut_anywhere_is_refused() {
    for sample in samples() {
        let bytes = encoded(&sample);
        for cut in 0..bytes.len() {
            let result = Performative::read(&mut Reader::new(&bytes[..cut]));
            assert!(result.is_err(), "{sample:?} cut {cut}");
        }
    }
}

#[test]
fn performative_with_any_byte_changed_never_panics() {
    for sample in samples() {
        let bytes = encoded(&sample);
        for at in 0..bytes.len() {
            for with in [0x00, 0x40, 0x45, 0x53, 0x70, 0xa1, 0xc0, 0xd0, 0xf0, 0xff] {
                let mut changed = bytes.clone();
                changed[at] = with;
                let _ = Performative::read(&mut Reader::new(&changed));
            }
        }
    }
}

#[test]
fn transfer_payload_is_what_is_left() {
    let mut bytes = encoded(&Performative::Transfer(Transfer::default()));
    bytes.extend_from_slice(b"payload");
    let mut reader = Reader::new(&bytes);
    Performative::read(&mut reader).unwrap();
    assert_eq!(reader.rest(), b"payload");
}

#[test]
fn performative_other_encodings_are_read() {
    // ulong descriptor, list32, full-width integers, boolean with a byte; symbolic descriptor.
    let long = b"\x00\x80\0\0\0\0\0\0\0\x16\xd0\0\0\0\x0b\0\0\0\x02\x70\0\0\0\x09\x56\x01";
    let symbolic = b"\x00\xa3\x10amqp:detach:list\xc0\x04\x02\x52\x09\x41";
    let detach = Performative::Detach(Detach { handle: 9, closed: true, error: None });
    for bytes in [&long[..], symbolic] {
        assert_eq!(Performative::read(&mut Reader::new(bytes)), Ok(detach.clone()));
    }
}

#[test]
fn performative_malformed_says_why() {
    use DecodeError as E;
    let cases: &[(&[u8], E)] = &[
        (b"\x53\x14\x45", E::WrongType { field: "descriptor", code: 0x53 }),
        (b"\x00\x43", E::WrongType { field: "descriptor", code: 0x43 }),
        (b"\x00\x53\x19\x45", E::UnknownDescriptor(0x19)),
        (b"\x00\xa3\x01x\x45", E::UnknownDescriptor(0)),
        (b"\x00\x53\x10\x45", E::MissingField("container-id")),
        (b"\x00\x53\x10\xc0\x02\x01\x40", E::MissingField("container-id")),
        (b"\x00\x53\x10\xc0\x03\x01\xa3\x00", E::WrongType { field: "container-id", code: 0xa3 }),
        (b"\x00\x53\x11\x45", E::MissingField("next-outgoing-id")),
        (b"\x00\x53\x12\x45", E::MissingField("name")),
        (b"\x00\x53\x12\xc0\x03\x01\xa1\x00", E::MissingField("handle")),
        (b"\x00\x53\x12\xc0\x04\x02\xa1\x00\x43", E::MissingField("role")),
        (b"\x00\x53\x12\xc0\x05\x03\xa1\x00\x43\x42", E::MissingField("initial-delivery-count")),
        (b"\x00\x53\x12\xc0\x07\x04\xa1\x00\x43\x41\x50\x03", E::OutOfRange("snd-settle-mode")),
        (b"\x00\x53\x12\xc0\x08\x05\xa1\x00\x43\x41\x40\x50\x02", E::OutOfRange("rcv-settle-mode")),
        (b"\x00\x53\x13\x45", E::MissingField("incoming-window")),
        (b"\x00\x53\x14\x45", E::MissingField("handle")),
        (b"\x00\x53\x14\xc0\x02\x01\x41", E::WrongType { field: "handle", code: 0x41 }),
        (b"\x00\x53\x14\xc0\x00", E::Truncated),
        (b"\x00\x53\x14\xc0\x03\x01\x43\x43", E::Trailing),
        (b"\x00\x53\x14\xc0\x02\x09\x43", E::TooMany),
        (b"\x00\x53\x14\xd0\xff\xff\xff\xff", E::Truncated),
        (b"\x00\x53\x14\xc1\x01\x00", E::WrongType { field: "list", code: 0xc1 }),
        (b"\x00\x53\x15\x45", E::MissingField("role")),
        (b"\x00\x53\x15\xc0\x02\x01\x41", E::MissingField("first")),
        (b"\x00\x53\x16\x45", E::MissingField("handle")),
        (b"\x00\x53\x17\x45\x40", E::Trailing),
        (b"\x00\x53\x18\xc0\x02\x01\x43", E::WrongType { field: "descriptor", code: 0x43 }),
        (b"\x00\x53\x18\xc0\x05\x01\x00\x53\x1d\x45", E::MissingField("condition")),
        (b"\x00\x53\x18\xc0\x05\x01\x00\x53\x1e\x45", E::UnknownDescriptor(0x1e)),
    ];
    for (bytes, error) in cases {
        assert_eq!(Performative::read(&mut Reader::new(bytes)), Err(*error), "{bytes:02x?}");
    }
    let mut long_tag = b"\x00\x53\x14\xc0\x26\x03\x43\x40\xa0\x21".to_vec();
    long_tag.extend_from_slice(&[0; 33]);
    assert_eq!(Performative::read(&mut Reader::new(&long_tag)), Err(E::TagTooLong));
}
