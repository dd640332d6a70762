//! One situation each: what is known, what must be said of it first.

use super::*;
use crate::domain::Mono;

const NOW: EpochMillis = EpochMillis(1_795_000_000_000);

fn ago(seconds: u64) -> EpochMillis {
    EpochMillis(NOW.0 - seconds * 1000)
}

/// A receiver that runs, on a node where all is well.
fn healthy() -> Facts {
    Facts {
        uuid: "ms-1".into(),
        now: NOW,
        contact: Contact { state: ContactState::Connected, since: ago(60), error: String::new() },
        listed: Some(ago(50)),
        wanted: Some(Wanted {
            kind: Kind::Container,
            image: "app:1".into(),
            unknown_registry: None,
            delete: false,
            routes: vec![("far".into(), false)],
            is_consumer: true,
            publishers: vec!["sender".into()],
        }),
        engine: EngineFacts {
            url: "unix:///run/docker.sock".into(),
            error: String::new(),
            answered: Some(ago(1)),
        },
        insight: Some(Insight {
            state: MicroserviceState::Running,
            since: ago(40),
            container: Some(ContainerId::new("0123456789abcdef")),
            started: Some(ago(41)),
            ..Insight::default()
        }),
        disk: (1 << 30, 8 << 30),
        flow: Flow {
            router: RouterFacts {
                place: Some("the Router inside this Agent".into()),
                connected: true,
                since: ago(45),
            },
            sent: Some((7, ago(2))),
            outgoing: Vec::new(),
            incoming: Vec::new(),
            mailbox: MailboxFacts {
                arrived: Some(ago(3)),
                asked: Some(ago(30)),
                listening: true,
                ..MailboxFacts::default()
            },
            given_up: Vec::new(),
            closed: None,
        },
    }
}

fn with(change: impl FnOnce(&mut Facts)) -> Explanation {
    let mut facts = healthy();
    change(&mut facts);
    explain(&facts)
}

fn insight(facts: &mut Facts) -> &mut Insight {
    facts.insight.as_mut().unwrap()
}

fn flow(facts: &mut Facts) -> &mut Flow {
    &mut facts.flow
}

/// The first finding of the worst level.
fn worst(found: &Explanation) -> &Finding {
    found.findings.iter().find(|one| one.level == found.level).unwrap()
}

#[track_caller]
fn assert_problem(found: &Explanation, subject: &str, text: &str, next: &str) {
    let finding = worst(found);
    assert_eq!((finding.level, finding.subject), (Level::Problem, subject), "{}", found.text());
    assert!(finding.text.contains(text), "{}", finding.text);
    assert!(found.next.as_deref().unwrap().contains(next), "{:?}", found.next);
}

#[test]
fn nothing_is_asked_for_when_all_is_well() {
    let found = with(|_| {});
    assert_eq!((found.level, &found.next, found.state), (Level::Good, &None, Some("RUNNING")));
    let subjects: Vec<_> = found.findings.iter().map(|one| one.subject).collect();
    let order = ["controller", "order", "engine", "container", "router", "sending", "receiving"];
    assert_eq!(subjects, order);
    let text = found.text();
    assert!(text.contains(&format!("running since {} as 0123456789ab", ago(41))), "{text}");
}

#[test]
fn orders_that_do_not_arrive_come_first() {
    let lost = |state, error: &str| {
        with(|facts| facts.contact = Contact { state, since: ago(9), error: error.into() })
    };
    assert_problem(
        &lost(ContactState::NotProvisioned, ""),
        "controller",
        "no Controller",
        "provision",
    );
    let found = lost(ContactState::Lost, "changes: refused");
    assert_eq!(found.level, Level::Pending, "what was ordered runs without the Controller");
    assert!(worst(&found).text.contains(&format!("since {}: changes: refused", ago(9))));
    let old = with(|facts| {
        facts.now = EpochMillis(5_000);
        facts.contact.state = ContactState::BrokenCertificate;
    });
    assert!(old.next.unwrap().contains("clock"));
    let gone = with(|facts| (facts.wanted, facts.insight) = (None, None));
    assert_problem(&gone, "order", "does not name it", "describe microservice");
    let to_go = with(|facts| facts.wanted.as_mut().unwrap().delete = true);
    assert!(worst(&to_go).text.contains("to go"));
}

#[test]
fn what_keeps_a_container_from_running_is_named_with_its_times() {
    let found = with(|facts| facts.engine.error = "connection refused".into());
    assert_problem(&found, "engine", &format!("last at {}", ago(1)), "-c URL");
    let found = with(|facts| facts.disk = (1 << 20, 8 << 30));
    assert_problem(&found, "disk", "1 of 8192 MiB", "prune");
    let failing = |error: &str| {
        with(|facts| {
            let insight = insight(facts);
            insight.state = MicroserviceState::Failed;
            insight.error = error.into();
            (insight.failed_at, insight.failures) = (Some(ago(4)), 3);
            insight.retry_at = Some(EpochMillis(NOW.0 + 4000));
        })
    };
    let found = failing("manifest unknown");
    let times = format!(
        "failed at {}, 3 times in a row: manifest unknown; tried again at {}",
        ago(4),
        EpochMillis(NOW.0 + 4000)
    );
    assert_problem(&found, "container", &times, "name and tag");
    assert_problem(&failing("port is already allocated"), "container", "port", "external port");
    assert_problem(&failing("something odd"), "container", "odd", "mend what the error names");
    let unknown = with(|facts| {
        facts.wanted.as_mut().unwrap().unknown_registry = Some(crate::domain::RegistryId(7));
        insight(facts).state = MicroserviceState::Failed;
    });
    assert_problem(&unknown, "image", "number 7", "deploy that Registry");
}

#[test]
fn crash_loops_say_how_often_and_when_next() {
    let ended = with(|facts| {
        let insight = insight(facts);
        insight.state = MicroserviceState::Exiting;
        insight.restarts = 2;
        insight.restart_at = Some(EpochMillis(NOW.0 + 20_000));
    });
    let text = format!("started again at {}; 2 restarts", EpochMillis(NOW.0 + 20_000));
    assert_problem(&ended, "container", &text, "docker logs iofog_ms-1");
    let stuck = with(|facts| insight(facts).state = MicroserviceState::StuckInRestart);
    assert_problem(&stuck, "container", "left alone", "rebuild");
    let runs_again = with(|facts| insight(facts).restarts = 1);
    assert_eq!((runs_again.level, worst(&runs_again).subject), (Level::Pending, "container"));
}

#[test]
fn messages_are_followed_from_sender_to_receiver() {
    let cut = with(|facts| flow(facts).router.connected = false);
    assert_problem(&cut, "router", &format!("not reached since {}", ago(45)), "network to it");
    let none = with(|facts| flow(facts).router.place = None);
    assert_problem(&none, "router", "another node", "routerMode");
    let routeless = with(|facts| facts.wanted.as_mut().unwrap().routes.clear());
    assert_problem(&routeless, "sending", "7 messages were sent without a route", "Route");
    let deaf = with(|facts| {
        let mailbox = &mut flow(facts).mailbox;
        (mailbox.waiting, mailbox.listening) = (3, false);
    });
    assert_problem(&deaf, "receiving", "3 messages wait for it", "/v2/message/socket/id/ms-1");
    let silent = with(|facts| flow(facts).mailbox.arrived = None);
    assert!(silent.next.unwrap().contains("explain sender"));
    let waiting = with(|facts| flow(facts).outgoing = vec![("far".into(), 5)]);
    assert!(worst(&waiting).text.contains("not taken yet: 5 (far)"));
    let closed = with(|facts| flow(facts).closed = Some(("/d cannot be used".into(), ago(9))));
    let text = format!("no message is taken since {}: /d cannot be used", ago(9));
    assert_problem(&closed, "messages", &text, "tries again by itself");
    let no_receiver = with(|facts| facts.wanted.as_mut().unwrap().is_consumer = false);
    assert_eq!(no_receiver.level, Level::Good);
}

#[test]
fn modules_are_judged_without_an_engine() {
    let found = with(|facts| {
        facts.wanted.as_mut().unwrap().kind = Kind::Router;
        facts.engine.error = "no engine".into();
    });
    assert_eq!(found.level, Level::Good, "{}", found.text());
}

#[test]
fn monotonic_times_are_told_on_the_wall_clock() {
    let clocks = Clocks { mono: Mono::from_millis(10_000), epoch: NOW };
    assert_eq!(clocks.wall(Mono::from_millis(7_000)), ago(3));
    assert_eq!(clocks.wall(Mono::from_millis(12_000)), EpochMillis(NOW.0 + 2000));
    let at_zero = Clocks { epoch: EpochMillis(0), ..clocks };
    assert_eq!(
        at_zero.wall(Mono::default()),
        EpochMillis(0),
        "a clock of 1970 is no reason to wrap"
    );
}

#[test]
fn a_kill_for_memory_is_named_with_what_helps() {
    let killed = |state| {
        with(|facts| {
            insight(facts).state = state;
            insight(facts).out_of_memory = Some(ago(5));
            insight(facts).restarts = 2;
        })
    };
    let text = format!("killed for lack of memory at {}", ago(5));
    for state in [MicroserviceState::Exiting, MicroserviceState::StuckInRestart] {
        assert_problem(&killed(state), "container", &text, "memoryMiB");
    }
    let found = killed(MicroserviceState::Running);
    assert_eq!((found.level, worst(&found).subject), (Level::Pending, "container"));
    assert!(worst(&found).text.contains(&text), "{}", found.text());
    assert!(found.next.unwrap().contains("memoryMiB"));
}
