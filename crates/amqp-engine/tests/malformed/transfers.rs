//! Transfers and dispositions.

use iofog_amqp::{Transfer, condition};

use super::peer::*;

#[test]
fn transfers() {
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
fn dispositions() {
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
