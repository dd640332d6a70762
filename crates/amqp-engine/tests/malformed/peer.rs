//! A peer that behaves up to a stage, then sends what a case says; and the answer, read as the peer would.

use super::common::*;
use iofog_amqp::frame::{Frame, FrameKind};
use iofog_amqp::{
    Attach, Begin, Close, DeliveryTag, Detach, Disposition, End, Flow, Open, Performative, Reader,
    Role, Symbol, Transfer,
};
use iofog_amqp_engine::*;

/// How far the peer behaved.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(crate) enum Stage {
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
pub(crate) enum Answer {
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

pub(crate) fn frame(channel: u16, body: &[u8]) -> Vec<u8> {
    let mut out = vec![];
    let at = Frame::begin(&mut out, FrameKind::Amqp { channel });
    out.extend_from_slice(body);
    Frame::end(&mut out, at, 0);
    out
}

pub(crate) fn performative(channel: u16, performative: &Performative) -> Vec<u8> {
    let mut body = vec![];
    performative.encode(&mut body);
    frame(channel, &body)
}

pub(crate) fn open() -> Vec<u8> {
    let open = Open { container_id: "peer".into(), ..Open::default() };
    performative(0, &Performative::Open(Box::new(open)))
}

pub(crate) fn begin(channel: u16, remote: Option<u16>) -> Vec<u8> {
    let begin = Begin {
        remote_channel: remote,
        incoming_window: 100,
        outgoing_window: 100,
        ..Begin::default()
    };
    performative(channel, &Performative::Begin(Box::new(begin)))
}

pub(crate) fn attach_as(name: &str, handle: u32, role: Role) -> Vec<u8> {
    let mut attach = Attach { handle, ..attach(name, role) };
    attach.initial_delivery_count = Some(0);
    performative(0, &Performative::Attach(Box::new(attach)))
}

pub(crate) fn transfer(change: impl FnOnce(&mut Transfer)) -> Vec<u8> {
    let mut transfer = Transfer {
        delivery_id: Some(0),
        delivery_tag: Some(DeliveryTag::from_counter(0)),
        ..Transfer::default()
    };
    change(&mut transfer);
    performative(0, &Performative::Transfer(transfer))
}

pub(crate) fn flow(channel: u16, change: impl FnOnce(&mut Flow)) -> Vec<u8> {
    let mut flow = Flow { next_incoming_id: Some(0), incoming_window: 9, ..Flow::default() };
    change(&mut flow);
    performative(channel, &Performative::Flow(flow))
}

pub(crate) fn disposition(channel: u16, first: u32, last: Option<u32>) -> Vec<u8> {
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

pub(crate) fn detach(channel: u16, handle: u32) -> Vec<u8> {
    performative(channel, &Performative::Detach(Detach { handle, closed: true, error: None }))
}

/// Feeds bytes, accepts what is attached, and drops all other events.
pub(crate) fn feed(server: &mut Connection, bytes: &[u8]) {
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

pub(crate) fn prepare(stage: Stage) -> Connection {
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
pub(crate) fn answer(server: &Connection) -> Answer {
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

pub(crate) fn check(cases: Vec<(&str, Stage, Vec<u8>, Answer)>) {
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

pub(crate) use Answer::{End as Ends, Fine, SaslRefused, WrongHeader};
pub(crate) use Stage::{Fresh, Header, Links, Open as Opened, Sasl, Session};

pub(crate) fn closes(condition: Symbol) -> Answer {
    Answer::Close(condition)
}
