//! Messages between interior routers: what is understood is written and understood alike.
#![no_main]

use iofog_amqp::{Body, Message, Value};
use iofog_router::network::{Version, decode, encode};
use libfuzzer_sys::fuzz_target;

const OPCODES: [&str; 7] = ["HELLO", "RA", "LSR", "LSU", "MAR", "MAU", "XYZ"];

fuzz_target!(|input: (u8, Vec<u8>)| {
    let (choice, body) = input;
    let opcode = OPCODES[usize::from(choice) % OPCODES.len()];
    let Ok(Message { body: Body::Value(Value::Map(map)), .. }) = Message::decode(&section(&body))
    else {
        return;
    };
    let message = Message {
        application_properties: vec![("opcode".into(), opcode.into())],
        body: Body::Value(Value::Map(map)),
        ..Message::default()
    };
    let Ok(control) = decode(&message) else { return };
    for version in [Version::One, Version::Two] {
        let again = encode(&control, "amqp:/_topo/0/all/qdrouter".to_owned(), version);
        let bytes = again.encode();
        let again = Message::decode(&bytes).expect("own message");
        let read = decode(&again).expect("own control message");
        assert_eq!(read.opcode(), control.opcode());
        assert_eq!(read.sender(), control.sender());
    }
});

fn section(body: &[u8]) -> bytes::Bytes {
    [b"\0\x53\x77", body].concat().into()
}
