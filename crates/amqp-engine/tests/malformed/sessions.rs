//! Sessions.

use iofog_amqp::{End, Performative, Role, condition};
use iofog_amqp_engine::SessionId;

use super::peer::*;

#[test]
fn sessions() {
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

/// More frames than the window allows: the engine refills it at each flush, so it is held here.
#[test]
fn window_violation() {
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
fn session_is_left_alone_until_its_end() {
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
