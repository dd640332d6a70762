//! The two ends against each other: welcome, silence, streams with credit, peers that break the rules.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail here")]

use iofog_link::{
    AgentEvent, AgentSession, Bye, ControllerEvent, ControllerSession, Documents, Frame, Hello,
    KeepAlive, Kind, Lost, Offer, Outcome, StreamRead, encode,
};

/// Moves everything until both ends are quiet.
fn exchange(now: u64, agent: &mut AgentSession, controller: &mut ControllerSession) {
    loop {
        let (up, down) = (agent.output(now), controller.output(now));
        if up.is_empty() && down.is_empty() {
            return;
        }
        controller.receive(now, &up).unwrap();
        agent.receive(now, &down).unwrap();
    }
}

fn open() -> (AgentSession, ControllerSession) {
    let program = "test".try_into().unwrap();
    let mut agent = AgentSession::new(0, program, 0, &Documents::new(), KeepAlive::default());
    let mut controller = ControllerSession::new(0, 90);
    exchange(0, &mut agent, &mut controller);
    assert_eq!(agent.event(), Some(AgentEvent::Open));
    assert!(matches!(controller.event(), Some(ControllerEvent::Open { .. })));
    (agent, controller)
}

#[test]
fn an_update_takes_effect_as_a_whole_and_only_what_changed_is_sent() {
    let (mut agent, mut controller) = open();
    let key = |text: &str| (Kind::Microservice, text.try_into().unwrap());
    let mut offer = Offer {
        generation: 7,
        flags: 0b11,
        documents: vec![(key("a"), vec![b'x'; 20_000]), (key("b"), b"{}".to_vec())],
        rebuild: vec!["b".try_into().unwrap()],
    };
    assert!(controller.offer(&offer, 0b1));
    assert!(!controller.may_offer());
    exchange(1, &mut agent, &mut controller);
    let Some(AgentEvent::Update(update)) = agent.event() else { panic!() };
    assert_eq!((update.generation, update.flags, update.full), (7, 0b10, true));
    assert_eq!(update.put, offer.documents);
    agent.applied(7, Outcome::Done);
    exchange(2, &mut agent, &mut controller);
    let rebuilt = vec!["b".try_into().unwrap()];
    assert_eq!(controller.event(), Some(ControllerEvent::Applied { generation: 7, rebuilt }));

    (offer.generation, offer.flags, offer.rebuild) = (8, 0b1, Vec::new());
    assert!(!controller.offer(&offer, 0b1), "nothing is new");
    offer.documents[1].1 = b"[]".to_vec();
    assert!(controller.offer(&offer, 0b1));
    assert!(controller.output(3).len() < 60, "the large document stays out");
}

#[test]
fn silence_is_noticed_at_both_ends() {
    let (mut agent, mut controller) = open();
    assert_eq!(agent.timeout(), 30_000);
    agent.tick(30_000).unwrap();
    assert_eq!(agent.output(30_000).len(), 3);
    assert_eq!(agent.tick(59_999), Ok(()));
    assert_eq!(agent.tick(60_000), Err(Lost::Silent));
    assert_eq!(controller.tick(89_999), Ok(()));
    assert_eq!(controller.tick(90_000), Err(Lost::Silent));
}

#[test]
fn an_idle_link_costs_a_ping_and_a_pong_a_minute() {
    let (mut agent, mut controller) = open();
    let (mut now, mut bytes, mut frames) = (0, 0, 0);
    while now < 3_600_000 {
        now = agent.timeout().min(controller.timeout());
        agent.tick(now).unwrap();
        controller.tick(now).unwrap();
        let up = agent.output(now);
        controller.receive(now, &up).unwrap();
        let down = controller.output(now);
        agent.receive(now, &down).unwrap();
        bytes += up.len() + down.len();
        frames += usize::from(!up.is_empty()) + usize::from(!down.is_empty());
    }
    // The interval grows from 30 s to 60 s, two thirds of the 90 s after which the Agent counts as lost.
    assert!((120..=160).contains(&frames), "{frames}");
    assert_eq!(bytes, frames * 3);
}

#[test]
fn streams_keep_to_their_credit_and_hold_up_nobody() {
    let (mut agent, mut controller) = open();
    let slow = agent.streams().open().unwrap();
    let mut accepted = 0;
    for _ in 0..20 {
        accepted += agent.streams().write(slow, &[1; 4096]).unwrap();
        exchange(1, &mut agent, &mut controller);
    }
    assert_eq!(accepted, 16 * 1024 + 8 * 1024, "the window, and what waits for credit");
    let quick = agent.streams().open().unwrap();
    agent.streams().write(quick, b"hello").unwrap();
    agent.streams().finish(quick);
    exchange(2, &mut agent, &mut controller);
    let mut buffer = [0; 1000];
    assert_eq!(controller.streams().accept(), Some(slow));
    assert_eq!(controller.streams().accept(), Some(quick));
    assert_eq!(controller.streams().read(quick, &mut buffer), StreamRead::Bytes(5));
    assert_eq!(controller.streams().read(quick, &mut buffer), StreamRead::End);
    let mut total = 0;
    while let StreamRead::Bytes(count) = controller.streams().read(slow, &mut buffer) {
        total += count;
        exchange(3, &mut agent, &mut controller);
    }
    assert_eq!(total, accepted);
    controller.streams().close(slow);
    exchange(4, &mut agent, &mut controller);
    assert_eq!(agent.streams().write(slow, b"x"), None);
    assert_eq!(agent.streams().read(slow, &mut buffer), StreamRead::Reset);
}

#[test]
fn who_breaks_a_rule_loses_the_link() {
    let send = |frames: &[Frame<'_>], to: &mut ControllerSession| {
        let mut bytes = Vec::new();
        frames.iter().for_each(|frame| encode(frame, &mut bytes));
        to.receive(1, &bytes)
    };
    let much = vec![0; 4096];
    let data = || Frame::StreamData(1, &much);
    let flood = [Frame::StreamOpen(1), data(), data(), data(), data(), Frame::StreamData(1, &[0])];
    assert_eq!(send(&flood, &mut open().1), Err(Lost::Protocol), "more than its credit");
    assert_eq!(send(&[Frame::StreamOpen(2)], &mut open().1), Err(Lost::Protocol), "not its number");
    assert_eq!(send(&[Frame::Commit(1)], &mut open().1), Err(Lost::Protocol), "not its frame");
    let mut early = ControllerSession::new(0, 90);
    assert_eq!(send(&[Frame::Status(Default::default())], &mut early), Err(Lost::Protocol));
    let newer = Hello { oldest: 2, newest: 9, ..Hello::default() };
    let mut controller = ControllerSession::new(0, 90);
    assert_eq!(send(&[Frame::Hello(newer)], &mut controller), Err(Lost::Bye(Bye::Version)));
    assert_eq!(controller.output(1), [2, 2, 3], "and says why");
}

#[test]
fn streams_are_bounded_in_number() {
    let (mut agent, mut controller) = open();
    let opened = std::iter::from_fn(|| agent.streams().open()).count();
    assert_eq!(opened, 16);
    exchange(1, &mut agent, &mut controller);
    assert_eq!(controller.streams().open(), None);
}
