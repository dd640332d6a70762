//! Deliveries between two engines: frames, credit, windows, outcomes, drain, abort, wraps.

mod common;

use bytes::Bytes;
use common::*;
use iofog_amqp::{DeliveryState, DeliveryTag, Role, condition};
use iofog_amqp_engine::*;

/// Serial numbers a few steps before they wrap.
fn near_wrap(config: Config) -> Config {
    let initial = InitialSerials {
        transfer_id: u32::MAX - 5,
        delivery_id: u32::MAX - 3,
        delivery_count: u32::MAX - 2,
    };
    Config { initial, ..config }
}

fn linked(seed: u64) -> (Pair, LinkId, LinkId) {
    let mut pair = Pair::new(near_wrap(client_config()), near_wrap(server_config()), seed);
    pair.open();
    let session = pair.session();
    let (ours, theirs) = pair.sender(session, "l");
    (pair, ours, theirs)
}

fn token(n: u32) -> SendHead {
    SendHead { token: Token(n), ..SendHead::default() }
}

#[test]
fn credit_is_counted_across_the_wrap() {
    let (mut pair, ours, theirs) = linked(1);
    assert_eq!(send(&mut pair.client, ours, b"x", &token(0)), Err(SendError::Credit));
    for round in 0..10 {
        pair.server.add_credit(theirs, 3);
        let (client, _) = pair.run();
        assert!(
            matches!(client[..], [Event::Credit { credit: 3, drain: false, .. }]),
            "{client:?}"
        );
        for n in 0..3 {
            send(&mut pair.client, ours, b"payload", &token(n)).unwrap();
        }
        assert_eq!(send(&mut pair.client, ours, b"x", &token(9)), Err(SendError::Credit));
        let (_, server) = pair.run();
        let got = transfers(server);
        assert_eq!(got.len(), 3, "round {round}");
        assert!(got.iter().all(|d| d.payload == "payload" && d.first && !d.more && !d.settled));
        assert_eq!(pair.server.credit(theirs), 0);
        for delivered in got {
            pair.server.dispose(delivered.delivery, Some(DeliveryState::Accepted), true);
        }
        let (client, _) = pair.run();
        let tokens: Vec<_> = client
            .iter()
            .map(|event| match event {
                Event::Updated { token, state: Some(DeliveryState::Accepted), settled, .. } => {
                    assert!(settled);
                    token.0
                }
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(tokens, [0, 1, 2]);
    }
}

#[test]
fn neighbouring_outcomes_share_one_frame() {
    let (mut pair, ours, theirs) = linked(2);
    pair.server.add_credit(theirs, 100);
    pair.run();
    for n in 0..100 {
        send(&mut pair.client, ours, b"x", &token(n)).unwrap();
    }
    let (_, server) = pair.run();
    for delivered in transfers(server) {
        pair.server.dispose(delivered.delivery, Some(DeliveryState::Accepted), true);
    }
    pair.server.flush();
    assert!(pair.server.output_len() < 40, "{}", pair.server.output_len());
    let (client, _) = pair.run();
    assert_eq!(client.len(), 100);
}

#[test]
fn outcomes_of_every_kind_arrive_with_their_fields() {
    let (mut pair, ours, theirs) = linked(3);
    let error = iofog_amqp::Error::new(condition::NOT_FOUND, "why");
    let states = [
        DeliveryState::Accepted,
        DeliveryState::Rejected(Some(Box::new(error))),
        DeliveryState::Released,
        DeliveryState::modified(true, true),
        DeliveryState::Received { section_number: 2, section_offset: 9 },
    ];
    pair.server.add_credit(theirs, 10);
    pair.run();
    for n in 0..5 {
        send(&mut pair.client, ours, b"x", &token(n)).unwrap();
    }
    let (_, server) = pair.run();
    let got = transfers(server);
    for (delivered, state) in got.iter().zip(&states) {
        pair.server.dispose(delivered.delivery, Some(state.clone()), false);
    }
    let (client, _) = pair.run();
    assert_eq!(client.len(), 5);
    for (event, expected) in client.iter().zip(&states) {
        let Event::Updated { state, settled: false, delivery, .. } = event else { panic!() };
        assert_eq!(state.as_ref(), Some(expected));
        pair.client.settle_sent(*delivery, state.clone());
    }
    let (_, server) = pair.run();
    assert_eq!(server.len(), 5);
    assert!(server.iter().all(|event| matches!(event, Event::SenderUpdated { settled: true, .. })));
    // Both sides have forgotten all: telling again does nothing.
    pair.server.dispose(got[0].delivery, None, true);
    pair.server.flush();
    assert_eq!(pair.server.output_len(), 0);
}

#[test]
fn tokens_of_incoming_deliveries_come_back() {
    let (mut pair, ours, theirs) = linked(4);
    pair.server.add_credit(theirs, 1);
    pair.run();
    let progress = send(&mut pair.client, ours, &[7; 40_000], &token(0)).unwrap();
    assert!(progress.complete);
    let mut rng = Rng(99);
    let (mut size, mut pieces) = (0, 0);
    loop {
        let moved = carry(&mut pair.client, &mut pair.server, &mut rng, 5000);
        while let Some(event) = pair.server.poll_event() {
            let Event::Transfer(delivered) = event else { panic!("{event:?}") };
            if delivered.first {
                assert_eq!(delivered.tag, DeliveryTag::from_counter(0));
                pair.server.set_token(delivered.delivery, Token(42));
            } else {
                assert_eq!(delivered.token, Token(42));
            }
            pieces += 1;
            size += delivered.payload.len();
            assert_eq!(delivered.more, size < 40_000);
        }
        if !moved {
            break;
        }
    }
    assert_eq!((size, pieces), (40_000, 3));
    pair.client.settle_sent(progress.delivery, None);
    let (_, server) = pair.run();
    assert!(matches!(server[..], [Event::SenderUpdated { token: Token(42), settled: true, .. }]));
}

/// The flow that opens the window names the link.
fn reopened(client: &[Event]) {
    assert!(client.iter().any(|event| matches!(event, Event::Writable(_))), "{client:?}");
    assert!(client.iter().any(|event| matches!(event, Event::Credit { .. })), "{client:?}");
}

#[test]
fn window_closes_and_opens_while_a_large_message_is_sent() {
    for hold in [false, true] {
        let mut pair = Pair::new(
            Config { max_frame_size: 512, ..client_config() },
            Config { incoming_window: 4, ..server_config() },
            5,
        );
        pair.open();
        let session = pair.session();
        let (ours, theirs) = pair.sender(session, "l");
        pair.server.add_credit(theirs, 1);
        pair.run();
        pair.server.hold_window(SessionId(0), hold);
        let mut payload =
            Bytes::from((0..100_000u32).map(|n| n.to_be_bytes()[3]).collect::<Vec<_>>());
        let expected = payload.clone();
        let mut got = vec![];
        let mut progress = pair.client.send(ours, &token(0), &mut payload, true).unwrap();
        let mut rounds = 0;
        loop {
            let (client, server) = pair.run();
            got.extend(transfers(server).into_iter().map(|d| d.payload));
            if progress.complete {
                break;
            }
            rounds += 1;
            if hold {
                assert_eq!(got.len(), 4 * rounds, "held window lets nothing more in");
                assert!(client.is_empty());
                pair.server.hold_window(SessionId(0), false);
                let (client, _) = pair.run();
                reopened(&client);
                pair.server.hold_window(SessionId(0), true);
            } else {
                reopened(&client);
            }
            progress = pair.client.send(ours, &token(0), &mut payload, true).unwrap();
        }
        assert_eq!(got.concat(), expected);
        assert!(rounds > 10);
    }
}

/// Frames that a session takes while its window is not refilled, after `before` messages of `size` bytes each.
fn taken_while_held(before: u32, size: usize) -> usize {
    let mut pair = Pair::new(
        Config { max_frame_size: 1_024, ..client_config() },
        Config {
            max_frame_size: 1_024,
            incoming_window: 100,
            incoming_window_bytes: 20_000,
            ..server_config()
        },
        5,
    );
    pair.open();
    let session = pair.session();
    let (ours, theirs) = pair.sender(session, "l");
    pair.server.add_credit(theirs, 10_000);
    pair.run();
    for _ in 0..before {
        assert!(send(&mut pair.client, ours, &vec![1; size], &token(0)).is_ok());
        pair.run();
    }
    // What was granted before it was held may still come.
    pair.server.hold_window(SessionId(0), true);
    let mut frames = 0;
    while send(&mut pair.client, ours, &[1], &token(0)).is_ok() {
        frames += transfers(pair.run().1).len();
    }
    frames
}

#[test]
fn of_large_frames_fewer_may_wait() {
    // Before the size of any frame is known, after small ones, and after those of 950 bytes.
    assert_eq!(taken_while_held(0, 0), 19);
    assert!((50..=100).contains(&taken_while_held(500, 10)));
    assert!((10..=20).contains(&taken_while_held(500, 950)));
}

#[test]
fn output_limit_pushes_back_and_wakes() {
    // A window that the messages do not fill before the output is full.
    let server = Config { incoming_window_bytes: 16 * 1024 * 1024, ..server_config() };
    let mut pair = Pair::new(client_config(), server, 6);
    pair.open();
    let session = pair.session();
    let (ours, theirs) = pair.sender(session, "l");
    pair.server.add_credit(theirs, 100_000);
    pair.run();
    let mut sent = 0;
    let refused = loop {
        match send(&mut pair.client, ours, &[0; 1000], &token(0)) {
            Ok(_) => sent += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(refused, SendError::Output);
    assert!(pair.client.output_len() < 300 * 1024);
    let (client, server) = pair.run();
    assert!(client.iter().any(|event| matches!(event, Event::Writable(_))));
    assert_eq!(transfers(server).len(), sent);
    assert!(send(&mut pair.client, ours, b"x", &token(0)).is_ok());
}

/// What the client has to write.
fn output(pair: &mut Pair) -> Vec<u8> {
    pair.client.flush();
    let mut all = Vec::new();
    while let Some(piece) = pair.client.take_output(Millis(0)) {
        all.extend_from_slice(&piece);
    }
    all
}

#[test]
fn whole_messages_are_the_same_bytes_either_way() {
    for (settled, text) in [(false, &b"payload"[..]), (true, b""), (false, &[7; 4_000])] {
        let [mut long, mut short] = [linked(20), linked(20)];
        for (pair, _, theirs) in [&mut long, &mut short] {
            pair.server.add_credit(*theirs, 20);
            pair.run();
        }
        for n in 0..20 {
            let head = SendHead { settled, message_format: n, ..token(n) };
            let (pair, link, _) = &mut long;
            let sent = send(&mut pair.client, *link, text, &head).unwrap();
            let (pair, link, _) = &mut short;
            let (front, rest) = text.split_at(text.len() / 3);
            // The two ways may take turns.
            let key = match n % 5 {
                4 => send(&mut pair.client, *link, text, &head).ok().map(|sent| sent.delivery),
                _ => pair.client.send_whole(*link, n, settled, Token(n), [front, rest]),
            };
            assert_eq!(key, Some(sent.delivery));
        }
        assert_eq!(output(&mut short.0), output(&mut long.0));
        assert_eq!(short.0.client.send_whole(short.1, 0, settled, Token(0), [b"x", b""]), None);
    }
}

#[test]
fn whole_messages_settle_with_their_tokens() {
    let (mut pair, ours, theirs) = linked(21);
    pair.server.add_credit(theirs, 5);
    pair.run();
    let keys: Vec<_> = (0..5)
        .map(|n| pair.client.send_whole(ours, 0, false, Token(n), [b"a", b"bc"]).unwrap())
        .collect();
    let got = transfers(pair.run().1);
    assert!(got.iter().all(|d| d.payload == "abc" && d.first && !d.more && !d.settled));
    for delivered in got {
        pair.server.dispose(delivered.delivery, Some(DeliveryState::Accepted), true);
    }
    let events = pair.run().0;
    let told = events.into_iter().map(|event| match event {
        Event::Updated { token, delivery, settled: true, .. } => (token.0, delivery),
        other => panic!("{other:?}"),
    });
    assert_eq!(told.collect::<Vec<_>>(), (0..5).zip(keys).collect::<Vec<_>>());
}

#[test]
fn what_cannot_go_whole_changes_nothing() {
    let none = |pair: &mut Pair, link, payload: [&[u8]; 2]| {
        output(pair);
        let credit = pair.client.credit(link);
        assert_eq!(pair.client.send_whole(link, 0, false, Token(1), payload), None);
        assert_eq!((output(pair), pair.client.credit(link)), (Vec::new(), credit));
    };
    let (mut pair, ours, theirs) = linked(22);
    none(&mut pair, ours, [b"no credit", b""]);
    pair.server.add_credit(theirs, 10);
    pair.run();
    none(&mut pair, ours, [&[0; 2_000], &[0; 2_096]]);
    // Between the frames of another.
    let mut begun = Bytes::from_static(b"begun");
    pair.client.send(ours, &token(0), &mut begun, false).unwrap();
    none(&mut pair, ours, [b"x", b""]);
    pair.client.abort(ours);
    assert!(pair.client.send_whole(ours, 0, false, Token(2), [b"x", b""]).is_some());
    pair.client.detach(ours, true, None);
    none(&mut pair, ours, [b"detached", b""]);

    // A small frame, few unsettled, a closed window.
    let small = Config { max_frame_size: 512, incoming_window: 3, ..server_config() };
    let few = Config { max_unsettled: 2, ..client_config() };
    let mut pair = Pair::new(few, small, 23);
    pair.open();
    let session = pair.session();
    let (ours, theirs) = pair.sender(session, "l");
    pair.server.add_credit(theirs, 10);
    pair.run();
    let (receiver, _) = pair.link(session, "r", Role::Receiver);
    none(&mut pair, receiver, [b"a receiver", b""]);
    none(&mut pair, ours, [&[0; 500], b""]);
    for _ in 0..2 {
        assert!(pair.client.send_whole(ours, 0, false, Token(1), [b"x", b""]).is_some());
    }
    none(&mut pair, ours, [b"unsettled", b""]);
    assert!(pair.client.send_whole(ours, 0, true, Token(0), [b"x", b""]).is_some());
    assert_eq!(pair.client.send_whole(ours, 0, true, Token(0), [b"the window", b""]), None);
}

#[test]
fn unsettled_deliveries_are_bounded() {
    let mut pair = Pair::new(Config { max_unsettled: 3, ..client_config() }, server_config(), 7);
    pair.open();
    let session = pair.session();
    let (ours, theirs) = pair.sender(session, "l");
    pair.server.add_credit(theirs, 10);
    pair.run();
    for n in 0..3 {
        send(&mut pair.client, ours, b"x", &token(n)).unwrap();
    }
    assert_eq!(send(&mut pair.client, ours, b"x", &token(3)), Err(SendError::Unsettled));
    let settled = SendHead { settled: true, ..SendHead::default() };
    assert!(send(&mut pair.client, ours, b"x", &settled).is_ok());
}

#[test]
fn presettled_deliveries_are_not_kept() {
    let (mut pair, ours, theirs) = linked(8);
    pair.server.add_credit(theirs, 5);
    pair.run();
    let settled = SendHead { settled: true, ..SendHead::default() };
    for _ in 0..5 {
        send(&mut pair.client, ours, b"x", &settled).unwrap();
    }
    let (_, server) = pair.run();
    let got = transfers(server);
    assert!(got.len() == 5 && got.iter().all(|d| d.settled));
    pair.server.dispose(got[0].delivery, Some(DeliveryState::Accepted), true);
    pair.server.flush();
    assert_eq!(pair.server.output_len(), 0);
}

#[test]
fn drain_without_messages_is_answered_and_wraps() {
    let (mut pair, ours, theirs) = linked(9);
    for _ in 0..200 {
        pair.server.set_credit(theirs, 1_000_000_000);
        pair.server.drain(theirs);
        let (client, _) = pair.run();
        assert!(
            matches!(client[..], [Event::Credit { credit: 1_000_000_000, drain: true, .. }]),
            "{client:?}"
        );
        pair.client.drained(ours);
        let (_, server) = pair.run();
        assert!(
            matches!(server[..], [Event::SenderFlow { drained: true, credit: 0, .. }]),
            "{server:?}"
        );
        assert_eq!(pair.server.credit(theirs), 0);
        assert_eq!(send(&mut pair.client, ours, b"x", &token(0)), Err(SendError::Credit));
    }
    pair.server.add_credit(theirs, 1);
    pair.run();
    send(&mut pair.client, ours, b"x", &token(0)).unwrap();
    assert_eq!(transfers(pair.run().1).len(), 1);
}

#[test]
fn drain_that_messages_use_up_ends_and_new_credit_is_plain() {
    let (mut pair, ours, theirs) = linked(15);
    pair.server.set_credit(theirs, 2);
    pair.server.drain(theirs);
    pair.run();
    for n in 0..2 {
        send(&mut pair.client, ours, b"x", &token(n)).unwrap();
    }
    let (_, server) = pair.run();
    assert!(
        matches!(
            server[..],
            [
                Event::Transfer(_),
                Event::SenderFlow { drained: true, credit: 0, .. },
                Event::Transfer(_)
            ] | [Event::Transfer(_), Event::Transfer(_), Event::SenderFlow { drained: true, .. }]
        ),
        "{server:?}"
    );
    pair.server.add_credit(theirs, 1);
    let (client, _) = pair.run();
    assert!(matches!(client[..], [Event::Credit { credit: 1, drain: false, .. }]), "{client:?}");
}

#[test]
fn drain_is_answered_while_a_message_is_being_sent() {
    let (mut pair, ours, theirs) = linked(16);
    pair.server.set_credit(theirs, 5);
    pair.server.drain(theirs);
    pair.run();
    pair.client.send(ours, &token(0), &mut Bytes::from_static(b"part"), false).unwrap();
    pair.client.drained(ours);
    let (_, server) = pair.run();
    assert!(server.iter().any(|e| matches!(e, Event::SenderFlow { drained: true, credit: 0, .. })));
    pair.client.send(ours, &token(0), &mut Bytes::new(), true).unwrap();
    assert!(!transfers(pair.run().1)[0].more);
}

#[test]
fn abort_is_told_and_frees_the_link() {
    let (mut pair, ours, theirs) = linked(10);
    pair.server.add_credit(theirs, 2);
    pair.run();
    let head = token(1);
    pair.client.send(ours, &head, &mut Bytes::from_static(b"part"), false).unwrap();
    pair.client.abort(ours);
    pair.client.abort(ours);
    let (_, server) = pair.run();
    let got = transfers(server);
    assert_eq!(got.len(), 2);
    assert!(got[0].more && !got[0].aborted && got[1].aborted && !got[1].more);
    send(&mut pair.client, ours, b"whole", &head).unwrap();
    assert_eq!(transfers(pair.run().1)[0].payload, "whole");
}

#[test]
fn pieces_given_one_by_one_make_one_delivery() {
    let (mut pair, ours, theirs) = linked(11);
    pair.server.add_credit(theirs, 1);
    pair.run();
    for n in 0..5 {
        pair.client.send(ours, &token(0), &mut Bytes::from(vec![n; 10]), false).unwrap();
    }
    pair.client.send(ours, &token(0), &mut Bytes::new(), true).unwrap();
    let got = transfers(pair.run().1);
    assert_eq!(got.iter().filter(|d| d.first).count(), 1);
    assert_eq!(got.iter().filter(|d| !d.more).count(), 1);
    assert!(!got.last().unwrap().more);
    assert_eq!(got.iter().map(|d| d.payload.len()).sum::<usize>(), 50);
    assert!(got.iter().all(|d| d.delivery == got[0].delivery));
}

#[test]
fn deliveries_of_a_detached_link_are_forgotten_and_later_ones_still_work() {
    let (mut pair, ours, theirs) = linked(12);
    let session = pair.client.session_of(ours).unwrap();
    let (second, their_second) = pair.sender(session, "l2");
    pair.server.add_credit(theirs, 5);
    pair.server.add_credit(their_second, 5);
    pair.run();
    for n in 0..3 {
        send(&mut pair.client, ours, b"a", &token(n)).unwrap();
        send(&mut pair.client, second, b"b", &token(10 + n)).unwrap();
    }
    // Detach while the deliveries are on the wire: they are dropped, ids stay in step.
    pair.server.detach(theirs, true, None);
    let (client, server) = pair.run();
    assert_eq!(client.iter().filter(|e| matches!(e, Event::Detached { .. })).count(), 1);
    let got = transfers(server);
    assert_eq!(got.len(), 3);
    for delivered in got {
        pair.server.dispose(delivered.delivery, Some(DeliveryState::Accepted), true);
    }
    let (client, _) = pair.run();
    let tokens: Vec<_> = client
        .iter()
        .filter_map(|e| if let Event::Updated { token, .. } = e { Some(token.0) } else { None })
        .collect();
    assert_eq!(tokens, [10, 11, 12]);
}

#[test]
fn message_above_the_limit_detaches_the_link() {
    let mut pair = Pair::default(13);
    pair.open();
    let session = pair.session();
    pair.client.attach(session, attach("l", Role::Sender)).unwrap();
    let (_, server) = pair.run();
    let [Event::Attach { link, .. }] = server[..] else { panic!() };
    let mut answer = attach("l", Role::Receiver);
    answer.max_message_size = Some(20_000);
    pair.server.accept(link, answer);
    pair.server.add_credit(link, 1);
    pair.run();
    send(&mut pair.client, LinkId(0), &[0; 50_000], &token(0)).unwrap();
    let (client, server) = pair.run();
    assert_eq!(transfers(server).len(), 1, "the first frame was within the limit");
    let [Event::Detached { error: Some(error), .. }] = &client[..] else { panic!("{client:?}") };
    assert_eq!(error.condition, condition::MESSAGE_SIZE_EXCEEDED);
}

#[test]
fn echo_is_answered() {
    let (mut pair, _, theirs) = linked(14);
    pair.server.add_credit(theirs, 7);
    pair.run();
    pair.client.set_available(LinkId(0), 3);
    pair.client.flow_due(LinkId(0));
    let (_, server) = pair.run();
    assert!(matches!(
        server[..],
        [Event::SenderFlow { available: Some(3), credit: 7, drained: false, .. }]
    ));
}

#[test]
fn messages_sent_before_credit_was_taken_back_are_taken() {
    let (mut pair, ours, theirs) = linked(31);
    pair.server.add_credit(theirs, 3);
    pair.run();
    for n in 0..3 {
        send(&mut pair.client, ours, b"x", &token(n)).unwrap();
    }
    // The client has not heard of it when it sends.
    pair.server.set_credit(theirs, 1);
    let (_, server) = pair.run();
    assert_eq!(transfers(server).len(), 3);
    assert_eq!(pair.server.credit(theirs), 0);
    assert_eq!(send(&mut pair.client, ours, b"x", &token(3)), Err(SendError::Credit));
}
