//! Protocol headers and SASL.

use iofog_amqp::frame::{Frame, FrameKind};

use super::peer::*;

#[test]
fn headers_and_sasl() {
    let sasl = |body: &[u8]| {
        let mut out = vec![];
        let at = Frame::begin(&mut out, FrameKind::Sasl);
        out.extend_from_slice(body);
        Frame::end(&mut out, at, 0);
        out
    };
    let init = |name: &str| {
        let mut body = b"\x00\x53\x41\xc0".to_vec();
        body.push(u8::try_from(name.len() + 3).unwrap());
        body.extend_from_slice(&[1, 0xa3, u8::try_from(name.len()).unwrap()]);
        body.extend_from_slice(name.as_bytes());
        sasl(&body)
    };
    check(vec![
        ("http", Fresh, b"GET / HTTP/1.1\r\n\r\n".to_vec(), WrongHeader),
        ("tls hello", Fresh, b"\x16\x03\x01\x02\x00\x01\x00\x01".to_vec(), WrongHeader),
        ("amqp 0-9-1", Fresh, b"AMQP\x00\x00\x09\x01".to_vec(), WrongHeader),
        ("amqp 1.1", Fresh, b"AMQP\x00\x01\x01\x00".to_vec(), WrongHeader),
        ("protocol id 1", Fresh, b"AMQP\x01\x01\x00\x00".to_vec(), WrongHeader),
        ("tls header", Fresh, b"AMQP\x02\x01\x00\x00".to_vec(), WrongHeader),
        ("lower case", Fresh, b"amqp\x00\x01\x00\x00".to_vec(), WrongHeader),
        ("init in order", Sasl, init("ANONYMOUS"), Fine),
        ("unknown mechanism", Sasl, init("SCRAM-SHA-256"), SaslRefused),
        ("mechanism not offered", Sasl, init("PLAIN"), SaslRefused),
        ("empty mechanism", Sasl, init(""), SaslRefused),
        ("amqp frame in sasl", Sasl, open(), SaslRefused),
        ("outcome from client", Sasl, sasl(b"\x00\x53\x44\xc0\x03\x01\x50\x00"), SaslRefused),
        (
            "response without challenge",
            Sasl,
            sasl(b"\x00\x53\x43\xc0\x03\x01\xa0\x00"),
            SaslRefused,
        ),
        ("mechanisms from client", Sasl, sasl(b"\x00\x53\x40\x45"), SaslRefused),
        ("empty sasl frame", Sasl, sasl(b""), SaslRefused),
        ("garbage in sasl", Sasl, sasl(b"\xff\xff\xff"), SaslRefused),
        ("init without mechanism", Sasl, sasl(b"\x00\x53\x41\x45"), SaslRefused),
        ("sasl frame above 512", Sasl, vec![0, 0, 2, 1, 2, 1, 0, 0], SaslRefused),
        ("sasl frame below 8", Sasl, vec![0, 0, 0, 7, 2, 1, 0, 0], SaslRefused),
        ("header instead of init", Sasl, b"AMQP\x00\x01\x00\x00".to_vec(), SaslRefused),
    ]);
}
