//! Links and flow.

use iofog_amqp::{Role, condition};

use super::peer::*;

#[test]
fn links() {
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
