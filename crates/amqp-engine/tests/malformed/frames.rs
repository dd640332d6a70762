//! Frames, and `open`.

use iofog_amqp::{Open, Performative, condition};

use super::peer::*;

#[test]
fn frames() {
    let framing = || closes(condition::FRAMING_ERROR);
    let decode = || closes(condition::DECODE_ERROR);
    let mut deep = b"\x00\x53\x10\xd0\x00\x00\x10\x04\x00\x00\x00\x01".to_vec();
    deep.extend_from_slice(&[0; 4096]);
    let mut nested = b"\x00\x53\x10\xd0\x00\x00\x03\xff\x00\x00\x00\x0a\xa1\x01x\x40\x40\x40\x40\x40\x40\x40\x40".to_vec();
    nested.extend_from_slice(&b"\xd1\x00\x00\x00\xff\x00\x00\x00\x02\xa3\x01x".repeat(80));
    check(vec![
        ("size 0", Header, vec![0, 0, 0, 0, 2, 0, 0, 0], framing()),
        ("size 7", Header, vec![0, 0, 0, 7, 2, 0, 0, 0], framing()),
        ("above max-frame-size", Header, vec![0, 0, 0x40, 1, 2, 0, 0, 0], framing()),
        ("4 GiB frame", Header, vec![0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0], framing()),
        ("offset 0", Header, vec![0, 0, 0, 8, 0, 0, 0, 0], framing()),
        ("offset 1", Header, vec![0, 0, 0, 8, 1, 0, 0, 0], framing()),
        ("offset past the end", Header, vec![0, 0, 0, 11, 3, 0, 0, 0], framing()),
        ("unknown frame type", Header, vec![0, 0, 0, 8, 2, 2, 0, 0], framing()),
        ("sasl frame after sasl", Opened, vec![0, 0, 0, 8, 2, 1, 0, 0], framing()),
        ("second protocol header", Header, b"AMQP\x00\x01\x00\x00".to_vec(), framing()),
        ("heartbeat before open", Header, vec![0, 0, 0, 8, 2, 0, 0, 0], Fine),
        ("heartbeat on any channel", Opened, vec![0, 0, 0, 8, 2, 0, 0x7f, 0xff], Fine),
        ("no descriptor", Opened, frame(0, b"\x45"), decode()),
        ("descriptor is a string", Opened, frame(0, b"\x00\xa1\x01x\x45"), decode()),
        ("described descriptors", Opened, frame(0, &[0; 4096]), decode()),
        (
            "unknown performative",
            Opened,
            frame(0, b"\x00\x53\x19\x45"),
            closes(condition::NOT_IMPLEMENTED),
        ),
        (
            "unknown symbol",
            Opened,
            frame(0, b"\x00\xa3\x01x\x45"),
            closes(condition::NOT_IMPLEMENTED),
        ),
        ("performative cut", Opened, frame(0, b"\x00\x53\x11\xc0\x09\x04\x40"), decode()),
        ("performative is a map", Opened, frame(0, b"\x00\x53\x11\xc1\x01\x00"), decode()),
        ("count lies", Opened, frame(0, b"\x00\x53\x11\xc0\x02\xff\x40"), decode()),
        (
            "count lies by 4 G",
            Opened,
            frame(0, b"\x00\x53\x11\xd0\0\0\0\x05\xff\xff\xff\xff\x40"),
            decode(),
        ),
        ("bytes after a performative", Opened, frame(0, b"\x00\x53\x18\x45\x00"), decode()),
        (
            "bytes after the last field",
            Opened,
            frame(0, b"\x00\x53\x18\xc0\x03\x01\x40\x40"),
            decode(),
        ),
        ("open of zeros", Header, frame(0, &deep), decode()),
        ("open with nested maps", Header, frame(0, &nested), decode()),
    ]);
}

#[test]
fn opens() {
    let open_with = |change: fn(&mut Open)| {
        let mut open = Open { container_id: "peer".into(), ..Open::default() };
        change(&mut open);
        performative(0, &Performative::Open(Box::new(open)))
    };
    let invalid = || closes(condition::INVALID_FIELD);
    check(vec![
        ("open without container-id", Header, frame(0, b"\x00\x53\x10\x45"), invalid()),
        (
            "container-id is a number",
            Header,
            frame(0, b"\x00\x53\x10\xc0\x03\x01\x52\x01"),
            closes(condition::DECODE_ERROR),
        ),
        (
            "container-id is not utf-8",
            Header,
            frame(0, b"\x00\x53\x10\xc0\x05\x01\xa1\x02\xc3\x28"),
            closes(condition::DECODE_ERROR),
        ),
        ("max-frame-size 511", Header, open_with(|o| o.max_frame_size = 511), invalid()),
        ("max-frame-size 0", Header, open_with(|o| o.max_frame_size = 0), invalid()),
        ("open with all it can have", Header, open_with(|o| o.idle_time_out = Some(1)), Fine),
        ("begin before open", Header, begin(0, None), closes(condition::ILLEGAL_STATE)),
        ("transfer before open", Header, transfer(|_| {}), closes(condition::ILLEGAL_STATE)),
        ("open twice", Opened, open(), closes(condition::ILLEGAL_STATE)),
    ]);
}
