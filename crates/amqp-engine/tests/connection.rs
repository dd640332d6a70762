//! Handshakes, sessions, links, closing and timers, between two engines.

mod common;

use common::*;
use iofog_amqp::{Attach, Error, Role, condition};
use iofog_amqp_engine::*;

fn with_server(sasl: ServerSasl) -> Config {
    Config { security: Security::Server(sasl), ..server_config() }
}

fn with_client(sasl: ClientSasl) -> Config {
    Config { security: Security::Client(sasl), ..client_config() }
}

#[test]
fn open_with_anonymous_and_bare() {
    for sasl in [ClientSasl::Anonymous, ClientSasl::None] {
        for seed in 0..20 {
            Pair::new(with_client(sasl.clone()), server_config(), seed).open();
        }
    }
}

#[test]
fn open_bare_is_refused_when_sasl_is_required() {
    let sasl = ServerSasl { allow_bare: false, ..ServerSasl::default() };
    let mut pair = Pair::new(with_client(ClientSasl::None), with_server(sasl), 1);
    let (client, server) = pair.run();
    assert!(matches!(server[..], [Event::Closed(CloseReason::Header)]));
    assert!(matches!(client[..], [Event::Closed(CloseReason::Header)]));
}

#[test]
fn open_with_plain_asks_the_user() {
    let plain = ClientSasl::Plain { username: "u".into(), password: "p".into() };
    for accept in [true, false] {
        let sasl = ServerSasl {
            mechanisms: vec![Mechanism::External, Mechanism::Plain],
            allow_bare: false,
        };
        let mut pair = Pair::new(with_client(plain.clone()), with_server(sasl), 3);
        let (_, server) = pair.run();
        let [Event::Authenticate(credentials)] = &server[..] else { panic!("{server:?}") };
        assert_eq!(credentials.mechanism, Mechanism::Plain);
        assert_eq!(credentials.identity, "u");
        assert_eq!(credentials.password.as_deref(), Some("p"));
        assert!(!format!("{credentials:?}{plain:?}").contains("\"p\""));
        pair.server.authenticate(accept);
        if accept {
            pair.open();
        } else {
            let (client, _) = pair.run();
            assert!(matches!(client[..], [Event::Closed(CloseReason::Authentication)]));
        }
    }
}

#[test]
fn open_with_a_mechanism_that_is_not_offered_fails() {
    let mut pair = Pair::new(with_client(ClientSasl::External), server_config(), 4);
    let (client, _) = pair.run();
    assert!(matches!(client[..], [Event::Closed(CloseReason::Authentication)]));
}

#[test]
fn open_takes_the_first_mechanism_that_is_offered() {
    let plain = ClientSasl::Plain { username: "u".into(), password: "p".into() };
    let choices = vec![ClientSasl::External, plain, ClientSasl::Anonymous];
    let any = ClientSasl::Offered(choices);
    for (offered, asks) in
        [(vec![Mechanism::Anonymous], false), (vec![Mechanism::Anonymous, Mechanism::Plain], true)]
    {
        let sasl = ServerSasl { mechanisms: offered, allow_bare: false };
        let mut pair = Pair::new(with_client(any.clone()), with_server(sasl), 1);
        if asks {
            let (_, server) = pair.run();
            assert!(matches!(&server[..], [Event::Authenticate(_)]), "{server:?}");
        } else {
            pair.open();
        }
    }
}

#[test]
fn close_is_answered_with_its_error() {
    let mut pair = Pair::default(5);
    pair.open();
    pair.server.close(Some(Error::new(condition::CONNECTION_FORCED, "bye")));
    let (client, server) = pair.run();
    assert!(matches!(server[..], [Event::Closed(CloseReason::Local)]));
    let [Event::Closed(CloseReason::Remote(Some(error)))] = &client[..] else { panic!() };
    assert_eq!(error.condition, condition::CONNECTION_FORCED);
    assert!(pair.client.begin().is_err());
}

#[test]
fn stream_end_is_told_after_what_came_before() {
    let mut pair = Pair::default(6);
    pair.open();
    pair.client.begin().unwrap();
    let mut rng = Rng(7);
    while carry(&mut pair.client, &mut pair.server, &mut rng, 9) {}
    pair.server.input_ended();
    assert!(matches!(pair.server.poll_event(), Some(Event::SessionBegun { .. })));
    assert!(matches!(pair.server.poll_event(), Some(Event::Closed(CloseReason::Lost))));
    assert!(pair.server.poll_event().is_none());
}

#[test]
fn session_and_link_ids_are_not_reused_before_their_end_was_told() {
    let mut pair = Pair::default(8);
    pair.open();
    let session = pair.session();
    let links: Vec<_> = (0..5).map(|n| pair.sender(session, &format!("l{n}"))).collect();
    pair.server.end(SessionId(0), Some(Error::new(condition::NOT_ALLOWED, "out")));
    let mut rng = Rng(9);
    while carry(&mut pair.server, &mut pair.client, &mut rng, 1000) {}
    let mut gone = vec![];
    let other = pair.client.begin().unwrap();
    while let Some(event) = pair.client.poll_event() {
        match event {
            Event::Detached { link, .. } => {
                gone.push(link);
                let fresh = pair.client.attach(other, attach("x", Role::Sender)).unwrap();
                assert!(gone.contains(&fresh) || !links.iter().any(|(l, _)| *l == fresh));
            }
            Event::SessionEnded { session: ended, error } => {
                assert_eq!(ended, session);
                assert_eq!(error.unwrap().condition, condition::NOT_ALLOWED);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(gone.len(), 5);
}

#[test]
fn link_refused_is_attached_then_detached_with_the_reason() {
    let mut pair = Pair::default(10);
    pair.open();
    let session = pair.session();
    pair.client.attach(session, attach("l", Role::Receiver)).unwrap();
    let (_, server) = pair.run();
    let [Event::Attach { link, .. }] = server[..] else { panic!() };
    pair.server.refuse(link, Error::new(condition::NOT_FOUND, "no such address"));
    let (client, server) = pair.run();
    let [Event::Attached { attach, .. }, Event::Detached { error: Some(error), closed: true, .. }] =
        &client[..]
    else {
        panic!("{client:?}")
    };
    assert!(attach.source.is_none() && attach.target.is_none());
    assert_eq!(error.condition, condition::NOT_FOUND);
    assert!(matches!(server[..], [Event::Detached { error: None, .. }]));
}

#[test]
fn link_detached_by_both_at_once_ends_once_on_each_side() {
    let mut pair = Pair::default(11);
    pair.open();
    let session = pair.session();
    let (ours, theirs) = pair.sender(session, "l");
    pair.client.detach(ours, true, None);
    pair.server.detach(theirs, true, None);
    let (client, server) = pair.run();
    assert!(matches!(client[..], [Event::Detached { .. }]));
    assert!(matches!(server[..], [Event::Detached { .. }]));
    pair.sender(session, "l");
}

#[test]
fn link_detached_before_the_answer_to_its_attach() {
    let mut pair = Pair::default(12);
    pair.open();
    let session = pair.session();
    let link = pair.client.attach(session, attach("l", Role::Sender)).unwrap();
    pair.client.detach(link, true, None);
    let (client, server) = pair.run();
    assert!(matches!(server[..], [Event::Attach { .. }, Event::Detached { .. }]), "{server:?}");
    assert!(matches!(client[..], [Event::Detached { .. }]), "{client:?}");
}

#[test]
fn limits_of_sessions_and_links_hold_on_both_sides() {
    let server = Config { max_sessions: 2, max_links_per_session: 3, ..server_config() };
    let mut pair = Pair::new(client_config(), server, 13);
    pair.open();
    let session = pair.session();
    pair.session();
    assert_eq!(pair.client.begin(), Err(LimitError::Limit));
    for n in 0..3 {
        pair.sender(session, &format!("l{n}"));
    }
    let fourth = pair.client.attach(session, attach("l4", Role::Sender));
    assert_eq!(fourth, Err(LimitError::Limit));
}

#[test]
fn heartbeats_keep_an_idle_connection_and_silence_ends_it() {
    let config = |c: Config| Config { idle_timeout_ms: 1000, ..c };
    let mut pair = Pair::new(config(client_config()), config(server_config()), 14);
    pair.open();
    // The peer hears us at half of its time-out.
    assert_eq!(pair.client.next_deadline(), Some(Millis(500)));
    for now in 1..100u64 {
        let now = Millis(now * 100);
        for client_sends in [true, false] {
            let (a, b) = if client_sends {
                (&mut pair.client, &mut pair.server)
            } else {
                (&mut pair.server, &mut pair.client)
            };
            a.tick(now);
            let bytes = a.output_chunks::<1>().concat();
            if !bytes.is_empty() {
                assert_eq!(bytes, iofog_amqp::frame::HEARTBEAT);
                a.wrote(bytes.len(), now);
                b.input(8).extend_from_slice(&bytes);
                b.received(now);
            }
            assert!(b.poll_event().is_none());
        }
    }
    // The last heartbeat came at 9500.
    pair.client.tick(Millis(9500 + 1999));
    assert!(pair.client.is_open());
    pair.client.tick(Millis(9500 + 2000));
    assert!(matches!(pair.client.poll_event(), Some(Event::Closed(CloseReason::Idle))));
    assert_eq!(pair.client.next_deadline(), None);
}

#[test]
fn peer_that_trickles_does_not_keep_its_place_before_it_opens() {
    let config = Config { idle_timeout_ms: 1000, ..server_config() };
    let mut server = Connection::new(config, Millis(0));
    // A header, then byte by byte the beginning of a frame that never ends.
    server.input(8).extend_from_slice(b"AMQP\x00\x01\x00\x00");
    server.received(Millis(0));
    for byte in [0, 0, 1, 0, 2, 0, 0, 0, 0] {
        assert!(server.poll_event().is_none());
        server.input(1).extend_from_slice(&[byte]);
        server.received(Millis(1900));
        server.tick(Millis(1999));
    }
    assert!(server.poll_event().is_none());
    server.tick(Millis(2000));
    assert!(matches!(server.poll_event(), Some(Event::Closed(CloseReason::Idle))));
}

#[test]
fn peer_that_does_not_answer_a_close_is_given_up_although_it_is_heard() {
    let config = |c: Config| Config { idle_timeout_ms: 1000, ..c };
    let mut pair = Pair::new(config(client_config()), config(server_config()), 18);
    pair.open();
    let server = &mut pair.server;
    server.received(Millis(5000));
    server.tick(Millis(5000));
    server.close(Some(Error::new(condition::RESOURCE_LIMIT_EXCEEDED, "enough")));
    for now in (5100..7000).step_by(100) {
        server.input(8).extend_from_slice(&iofog_amqp::frame::HEARTBEAT);
        server.received(Millis(now));
        server.tick(Millis(now));
        assert!(server.poll_event().is_none(), "{now}");
    }
    server.tick(Millis(7000));
    assert!(matches!(server.poll_event(), Some(Event::Closed(CloseReason::Idle))));
}

#[test]
fn slow_reader_of_our_output_is_not_taken_for_silent() {
    let server = Config { idle_timeout_ms: 1000, output_limit: 1000, ..server_config() };
    let mut pair = Pair::new(client_config(), server, 17);
    pair.open();
    let session = pair.session();
    let (_, theirs) = pair.link(session, "l", Role::Receiver);
    pair.client.add_credit(LinkId(0), 100);
    pair.run();
    send(&mut pair.server, theirs, &[0; 900], &SendHead::default()).unwrap();
    pair.server.end(session, Some(Error::new(condition::NOT_ALLOWED, "y".repeat(3000))));
    assert!(!pair.server.wants_input());
    for n in 1..10 {
        pair.server.wrote(10, Millis(n * 1500));
        pair.server.tick(Millis(n * 1500 + 1400));
        assert!(pair.server.is_open(), "{n}");
    }
    pair.server.tick(Millis(9 * 1500 + 2000));
    assert!(!pair.server.is_open());
}

#[test]
fn no_idle_timeout_means_no_deadline() {
    let config = |c: Config| Config { idle_timeout_ms: 0, ..c };
    let mut pair = Pair::new(config(client_config()), config(server_config()), 15);
    pair.open();
    assert_eq!(pair.client.next_deadline(), None);
}

#[test]
fn commands_on_things_that_are_gone_do_nothing() {
    let mut pair = Pair::default(16);
    pair.open();
    let (link, session) = (LinkId(77), SessionId(77));
    let delivery = DeliveryKey { session, id: 1 };
    pair.client.accept(link, Attach::new("", Role::Sender));
    pair.client.refuse(link, Error::new(condition::NOT_FOUND, ""));
    pair.client.detach(link, true, None);
    pair.client.end(session, None);
    pair.client.add_credit(link, 1);
    pair.client.drain(link);
    pair.client.drained(link);
    pair.client.abort(link);
    pair.client.dispose(delivery, None, true);
    pair.client.settle_sent(delivery, None);
    pair.client.set_token(delivery, Token(1));
    pair.client.hold_window(session, true);
    assert_eq!(
        send(&mut pair.client, link, b"x", &SendHead::default()),
        Err(SendError::NotAttached)
    );
    pair.client.flush();
    assert_eq!(pair.client.output_len(), 0);
}
