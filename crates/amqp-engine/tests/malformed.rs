//! What a peer that breaks the rules is told. Each case is a state, the bytes sent in it, and the answer.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test code outside of test functions")]

mod common;

use common::*;
use iofog_amqp::frame::{Frame, FrameKind};
use iofog_amqp::{
    Attach, Begin, Close, DeliveryTag, Detach, Disposition, End, Flow, Open, Performative, Reader,
    Role, Symbol, Transfer, condition,
};
use iofog_amqp_engine::*;

/// How far the peer behaved.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
enum Stage {
    /// Nothing was sent.
    Fresh,
    /// The SASL header was sent.
    Sasl,
    /// The AMQP header was sent.
    Header,
    /// `open` was sent.
    Open,
    /// A session was begun on channel 0.
    Session,
    /// The peer sends on handle 0 with a credit of 2, and receives on handle 1.
    Links,
}

/// What the peer is told.
#[derive(Clone, Debug, PartialEq)]
enum Answer {
    Close(Symbol),
    End(Symbol),
    Detach(Symbol),
    /// The stream is closed after a protocol header.
    WrongHeader,
    /// The stream is closed after a SASL outcome that says no.
    SaslRefused,
    /// Nothing: it is allowed.
    Fine,
}

fn frame(channel: u16, body: &[u8]) -> Vec<u8> {
    let mut out = vec![];
    let at = Frame::begin(&mut out, FrameKind::Amqp { channel });
    out.extend_from_slice(body);
    Frame::end(&mut out, at, 0);
    out
}

fn performative(channel: u16, performative: &Performative) -> Vec<u8> {
    let mut body = vec![];
    performative.encode(&mut body);
    frame(channel, &body)
}

fn open() -> Vec<u8> {
    let open = Open { container_id: "peer".into(), ..Open::default() };
    performative(0, &Performative::Open(Box::new(open)))
}

fn begin(channel: u16, remote: Option<u16>) -> Vec<u8> {
    let begin = Begin {
        remote_channel: remote,
        incoming_window: 100,
        outgoing_window: 100,
        ..Begin::default()
    };
    performative(channel, &Performative::Begin(Box::new(begin)))
}

fn attach_as(name: &str, handle: u32, role: Role) -> Vec<u8> {
    let mut attach = Attach { handle, ..attach(name, role) };
    attach.initial_delivery_count = Some(0);
    performative(0, &Performative::Attach(Box::new(attach)))
}

fn transfer(change: impl FnOnce(&mut Transfer)) -> Vec<u8> {
    let mut transfer = Transfer {
        delivery_id: Some(0),
        delivery_tag: Some(DeliveryTag::from_counter(0)),
        ..Transfer::default()
    };
    change(&mut transfer);
    performative(0, &Performative::Transfer(transfer))
}

fn flow(channel: u16, change: impl FnOnce(&mut Flow)) -> Vec<u8> {
    let mut flow = Flow { next_incoming_id: Some(0), incoming_window: 9, ..Flow::default() };
    change(&mut flow);
    performative(channel, &Performative::Flow(flow))
}

fn disposition(channel: u16, first: u32, last: Option<u32>) -> Vec<u8> {
    let disposition = Disposition {
        role: Role::Receiver,
        first,
        last,
        settled: true,
        state: None,
        batchable: false,
    };
    performative(channel, &Performative::Disposition(disposition))
}

fn detach(channel: u16, handle: u32) -> Vec<u8> {
    performative(channel, &Performative::Detach(Detach { handle, closed: true, error: None }))
}

/// Feeds bytes, accepts what is attached, and drops all other events.
fn feed(server: &mut Connection, bytes: &[u8]) {
    server.input(bytes.len()).extend_from_slice(bytes);
    server.received(Millis(0));
    while let Some(event) = server.poll_event() {
        if let Event::Attach { link, attach, .. } = event {
            let role = attach.role;
            server.accept(link, *attach);
            if role == Role::Sender {
                server.set_credit(link, 2);
            }
        }
    }
    server.flush();
}

fn prepare(stage: Stage) -> Connection {
    let config = Config { incoming_window: 4, max_sessions: 8, ..server_config() };
    let config = Config { max_links_per_session: 8, ..config };
    let mut server = Connection::new(config, Millis(0));
    match stage {
        Stage::Fresh => {}
        Stage::Sasl => feed(&mut server, b"AMQP\x03\x01\x00\x00"),
        _ => feed(&mut server, b"AMQP\x00\x01\x00\x00"),
    }
    if stage >= Stage::Open {
        feed(&mut server, &open());
    }
    if stage >= Stage::Session {
        feed(&mut server, &begin(0, None));
    }
    if stage >= Stage::Links {
        feed(&mut server, &attach_as("in", 0, Role::Sender));
        feed(&mut server, &attach_as("out", 1, Role::Receiver));
    }
    assert!(server.close_reason().is_none());
    server.wrote(server.output_len(), Millis(0));
    server
}

/// What the server wrote, read as the peer would.
fn answer(server: &Connection) -> Answer {
    let bytes = server.output_chunks::<16>().concat();
    if server.close_reason() == Some(&CloseReason::Header) {
        assert_eq!(bytes, b"AMQP\x03\x01\x00\x00");
        return Answer::WrongHeader;
    }
    if server.close_reason() == Some(&CloseReason::Authentication) {
        assert!(bytes.ends_with(b"\x00\x53\x44\xc0\x03\x01\x50\x01"), "{bytes:02x?}");
        return Answer::SaslRefused;
    }
    let mut rest = &bytes[..];
    let mut answer = Answer::Fine;
    while let Ok(Some(frame)) = Frame::parse(rest, u32::MAX) {
        let body = &rest[frame.body..frame.end];
        rest = &rest[frame.end..];
        if frame.kind == FrameKind::Sasl {
            continue;
        }
        let mut reader = Reader::new(body);
        match Performative::read(&mut reader) {
            Ok(Performative::Close(Close { error: Some(error) })) => {
                assert_eq!(server.close_reason(), Some(&CloseReason::Protocol(error.clone())));
                answer = Answer::Close(error.condition);
            }
            Ok(Performative::End(End { error: Some(error) })) => {
                answer = Answer::End(error.condition);
            }
            Ok(Performative::Detach(Detach { error: Some(error), .. })) => {
                answer = Answer::Detach(error.condition);
            }
            Ok(_) => {}
            Err(error) => panic!("server wrote a malformed frame: {error}"),
        }
    }
    answer
}

fn check(cases: Vec<(&str, Stage, Vec<u8>, Answer)>) {
    for (name, stage, bytes, expected) in cases {
        // In one piece, and byte by byte.
        for step in [bytes.len().max(1), 1] {
            let mut server = prepare(stage);
            for piece in bytes.chunks(step) {
                feed(&mut server, piece);
            }
            assert_eq!(answer(&server), expected, "{name} (steps of {step})");
            // Whatever comes after the end changes nothing and does not panic.
            feed(&mut server, &bytes);
        }
    }
}

use Answer::{End as Ends, Fine, SaslRefused, WrongHeader};
use Stage::{Fresh, Header, Links, Open as Opened, Sasl, Session};

fn closes(condition: Symbol) -> Answer {
    Answer::Close(condition)
}

#[test]
fn malformed_headers_and_sasl() {
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

#[test]
fn malformed_frames() {
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
fn malformed_open() {
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

#[test]
fn malformed_sessions() {
    let not_allowed = || closes(condition::NOT_ALLOWED);
    check(vec![
        ("channel above channel-max", Opened, begin(8, None), closes(condition::FRAMING_ERROR)),
        ("last channel", Opened, begin(7, None), Fine),
        ("channel begun twice", Session, begin(0, None), not_allowed()),
        ("answer to no begin", Opened, begin(0, Some(0)), closes(condition::INVALID_FIELD)),
        ("answer to their own begin", Session, begin(1, Some(0)), closes(condition::INVALID_FIELD)),
        (
            "begin without windows",
            Opened,
            frame(0, b"\x00\x53\x11\x45"),
            closes(condition::INVALID_FIELD),
        ),
        (
            "end without begin",
            Opened,
            performative(0, &Performative::End(End::default())),
            not_allowed(),
        ),
        ("attach without begin", Opened, attach_as("l", 0, Role::Sender), not_allowed()),
        ("transfer without begin", Opened, transfer(|_| {}), not_allowed()),
        ("flow without begin", Opened, flow(0, |_| {}), not_allowed()),
        ("disposition without begin", Opened, disposition(0, 0, None), not_allowed()),
        ("detach without begin", Opened, detach(0, 0), not_allowed()),
        ("flow on another channel", Session, flow(5, |_| {}), not_allowed()),
        (
            "flow without windows",
            Session,
            frame(0, b"\x00\x53\x13\x45"),
            closes(condition::INVALID_FIELD),
        ),
        (
            "ended twice",
            Session,
            [
                performative(0, &Performative::End(End::default())),
                performative(0, &Performative::End(End::default())),
            ]
            .concat(),
            not_allowed(),
        ),
    ]);
}

#[test]
fn malformed_links() {
    let invalid = || closes(condition::INVALID_FIELD);
    check(vec![
        ("handle in use", Links, attach_as("x", 0, Role::Sender), Ends(condition::HANDLE_IN_USE)),
        (
            "handle above handle-max",
            Session,
            attach_as("x", 8, Role::Sender),
            closes(condition::FRAMING_ERROR),
        ),
        (
            "handle of 4 G",
            Session,
            attach_as("x", u32::MAX, Role::Sender),
            closes(condition::FRAMING_ERROR),
        ),
        ("last handle", Session, attach_as("x", 7, Role::Sender), Fine),
        ("attach without name", Session, frame(0, b"\x00\x53\x12\x45"), invalid()),
        (
            "sender without delivery-count",
            Session,
            frame(0, b"\x00\x53\x12\xc0\x05\x03\xa1\x00\x43\x42"),
            invalid(),
        ),
        (
            "settle mode 3",
            Session,
            frame(0, b"\x00\x53\x12\xc0\x07\x04\xa1\x00\x43\x41\x50\x03"),
            invalid(),
        ),
        (
            "source of another type",
            Session,
            frame(0, b"\x00\x53\x12\xc0\x0b\x06\xa1\x00\x43\x41\x40\x40\x00\x53\x29\x45"),
            closes(condition::NOT_IMPLEMENTED),
        ),
        ("detach of a free handle", Session, detach(0, 0), Ends(condition::UNATTACHED_HANDLE)),
        (
            "detach twice",
            Links,
            [detach(0, 0), detach(0, 0)].concat(),
            Ends(condition::UNATTACHED_HANDLE),
        ),
        ("detach of a high handle", Links, detach(0, u32::MAX), Ends(condition::UNATTACHED_HANDLE)),
        (
            "flow for a free handle",
            Session,
            flow(0, |f| f.handle = Some(3)),
            Ends(condition::UNATTACHED_HANDLE),
        ),
        (
            "flow with credit of 4 G",
            Links,
            flow(0, |f| {
                f.handle = Some(1);
                f.link_credit = Some(u32::MAX);
            }),
            Fine,
        ),
        (
            "flow from the past",
            Links,
            flow(0, |f| {
                f.handle = Some(1);
                f.link_credit = Some(9);
                f.delivery_count = Some(1 << 31);
            }),
            Fine,
        ),
        ("flow of the future", Links, flow(0, |f| f.next_incoming_id = Some(1 << 31)), Fine),
    ]);
}

#[test]
fn malformed_transfers() {
    let ends_invalid = || Ends(condition::INVALID_FIELD);
    let numbered = |ids: std::ops::Range<u32>| -> Vec<u8> {
        ids.flat_map(|id| transfer(|t| t.delivery_id = Some(id))).collect()
    };
    let more = |t: &mut Transfer| t.more = true;
    let pieces = |count: usize| transfer(more).repeat(count);
    check(vec![
        ("two within credit", Links, numbered(0..2), Fine),
        ("first id is free to choose", Links, numbered(77..79), Fine),
        (
            "ids across the wrap",
            Links,
            [transfer(|t| t.delivery_id = Some(u32::MAX)), numbered(0..1)].concat(),
            Fine,
        ),
        (
            "three above credit",
            Links,
            numbered(0..3),
            Answer::Detach(condition::TRANSFER_LIMIT_EXCEEDED),
        ),
        ("free handle", Session, transfer(|_| {}), Ends(condition::UNATTACHED_HANDLE)),
        (
            "high handle",
            Links,
            transfer(|t| t.handle = u32::MAX),
            Ends(condition::UNATTACHED_HANDLE),
        ),
        ("wrong direction", Links, transfer(|t| t.handle = 1), Ends(condition::NOT_ALLOWED)),
        ("no delivery-id", Links, transfer(|t| t.delivery_id = None), ends_invalid()),
        ("no delivery-tag", Links, transfer(|t| t.delivery_tag = None), ends_invalid()),
        ("id repeated", Links, transfer(|_| {}).repeat(2), ends_invalid()),
        ("id skipped", Links, [numbered(0..1), numbered(2..3)].concat(), ends_invalid()),
        ("id backwards", Links, [numbered(5..6), numbered(4..5)].concat(), ends_invalid()),
        ("other delivery inside", Links, [pieces(1), numbered(1..2)].concat(), ends_invalid()),
        ("pieces within the window", Links, pieces(4), Fine),
        ("abort of nothing", Links, transfer(|t| t.aborted = true), Fine),
        ("no handle", Links, frame(0, b"\x00\x53\x14\x45"), closes(condition::INVALID_FIELD)),
        (
            "state of a wrong type",
            Links,
            frame(0, b"\x00\x53\x14\xc0\x0a\x08\x43\x43\xa0\x00\x40\x40\x40\x40\x43"),
            closes(condition::DECODE_ERROR),
        ),
        (
            "tag of 33 bytes",
            Links,
            frame(0, &[&b"\x00\x53\x14\xc0\x26\x03\x43\x43\xa0\x21"[..], &[0; 33]].concat()),
            closes(condition::INVALID_FIELD),
        ),
    ]);
}

#[test]
fn malformed_dispositions() {
    check(vec![
        ("of nothing", Links, disposition(0, 5, None), Fine),
        ("of 2 G deliveries", Links, disposition(0, 0, Some((1 << 31) - 1)), Fine),
        (
            "that ends before it begins",
            Links,
            disposition(0, 5, Some(4)),
            closes(condition::INVALID_FIELD),
        ),
        ("without role", Links, frame(0, b"\x00\x53\x15\x45"), closes(condition::INVALID_FIELD)),
        (
            "without first",
            Links,
            frame(0, b"\x00\x53\x15\xc0\x02\x01\x41"),
            closes(condition::INVALID_FIELD),
        ),
        (
            "role is a number",
            Links,
            frame(0, b"\x00\x53\x15\xc0\x03\x02\x43\x43"),
            closes(condition::DECODE_ERROR),
        ),
        (
            "state is not described",
            Links,
            frame(0, b"\x00\x53\x15\xc0\x06\x05\x41\x43\x43\x41\x43"),
            closes(condition::DECODE_ERROR),
        ),
        (
            "received without fields",
            Links,
            frame(0, b"\x00\x53\x15\xc0\x09\x05\x41\x43\x40\x41\x00\x53\x23\x45"),
            closes(condition::INVALID_FIELD),
        ),
        (
            "state unknown but well formed",
            Links,
            frame(0, b"\x00\x53\x15\xc0\x09\x05\x41\x43\x40\x41\x00\x53\x34\x45"),
            Fine,
        ),
    ]);
}

/// More frames than the window allows: the engine refills it at each flush, so it is held here.
#[test]
fn malformed_window_violation() {
    let mut server = prepare(Links);
    server.hold_window(SessionId(0), true);
    let piece = transfer(|t| t.more = true);
    feed(&mut server, &piece.repeat(4));
    assert_eq!(answer(&server), Fine);
    feed(&mut server, &piece);
    assert_eq!(answer(&server), Ends(condition::WINDOW_VIOLATION));
}

/// After a session was ended by an error its frames are dropped until the peer ends it, too.
#[test]
fn malformed_session_is_left_alone_until_its_end() {
    let mut server = prepare(Links);
    feed(&mut server, &detach(0, 5));
    let before = server.output_len();
    feed(&mut server, &transfer(|_| {}));
    feed(&mut server, &flow(0, |f| f.echo = true));
    feed(&mut server, &attach_as("y", 4, Role::Sender));
    feed(&mut server, &disposition(0, 0, Some(9)));
    feed(&mut server, &detach(0, 6));
    assert_eq!(server.output_len(), before);
    feed(&mut server, &performative(0, &Performative::End(End::default())));
    feed(&mut server, &begin(0, None));
    assert!(server.is_open());
}
