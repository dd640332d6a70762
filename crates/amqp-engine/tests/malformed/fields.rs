//! Every field of every performative, once with a value of a wrong type, once cut off inside, once lying about its length.

use iofog_amqp::condition;

use super::peer::*;

/// A performative that would be fine: its descriptor, the stage it belongs to, and its fields.
struct Form {
    name: &'static str,
    code: u8,
    stage: Stage,
    fields: Vec<(&'static str, Vec<u8>)>,
}

const NULL: u8 = 0x40;
const ZERO: u8 = 0x43;
const TRUE: u8 = 0x41;
const FALSE: u8 = 0x42;
/// An empty list, as described types have.
const LIST: u8 = 0x45;

fn forms() -> Vec<Form> {
    let form = |name, code, stage, fields: &[(&'static str, &[u8])]| Form {
        name,
        code,
        stage,
        fields: fields.iter().map(|(name, value)| (*name, value.to_vec())).collect(),
    };
    let (map, symbol) = (&[0xc1_u8, 1, 0][..], &[0xa3_u8, 1, b'x'][..]);
    vec![
        form(
            "open",
            0x10,
            Header,
            &[
                ("container-id", &[0xa1, 1, b'p']),
                ("hostname", &[0xa1, 1, b'h']),
                ("max-frame-size", &[0x70, 0, 0, 2, 0]),
                ("channel-max", &[0x60, 0, 9]),
                ("idle-time-out", &[0x52, 200]),
                ("outgoing-locales", symbol),
                ("incoming-locales", symbol),
                ("offered-capabilities", symbol),
                ("desired-capabilities", symbol),
                ("properties", map),
            ],
        ),
        form(
            "begin",
            0x11,
            Opened,
            &[
                ("remote-channel", &[NULL]),
                ("next-outgoing-id", &[ZERO]),
                ("incoming-window", &[0x52, 10]),
                ("outgoing-window", &[0x52, 10]),
                ("handle-max", &[0x52, 10]),
                ("offered-capabilities", symbol),
                ("desired-capabilities", symbol),
                ("properties", map),
            ],
        ),
        form(
            "attach",
            0x12,
            Session,
            &[
                ("name", &[0xa1, 1, b'l']),
                ("handle", &[ZERO]),
                ("role", &[FALSE]),
                ("snd-settle-mode", &[0x50, 2]),
                ("rcv-settle-mode", &[0x50, 0]),
                ("source", &[0x00, 0x53, 0x28, LIST]),
                ("target", &[0x00, 0x53, 0x29, LIST]),
                ("unsettled", map),
                ("incomplete-unsettled", &[FALSE]),
                ("initial-delivery-count", &[ZERO]),
                ("max-message-size", &[0x44]),
                ("offered-capabilities", symbol),
                ("desired-capabilities", symbol),
                ("properties", map),
            ],
        ),
        form(
            "flow",
            0x13,
            Links,
            &[
                ("next-incoming-id", &[ZERO]),
                ("incoming-window", &[0x52, 10]),
                ("next-outgoing-id", &[ZERO]),
                ("outgoing-window", &[0x52, 10]),
                ("handle", &[0x52, 1]),
                ("delivery-count", &[ZERO]),
                ("link-credit", &[0x52, 1]),
                ("available", &[ZERO]),
                ("drain", &[FALSE]),
                ("echo", &[FALSE]),
                ("properties", map),
            ],
        ),
        form(
            "transfer",
            0x14,
            Links,
            &[
                ("handle", &[ZERO]),
                ("delivery-id", &[ZERO]),
                ("delivery-tag", &[0xa0, 1, 0]),
                ("message-format", &[ZERO]),
                ("settled", &[TRUE]),
                ("more", &[FALSE]),
                ("rcv-settle-mode", &[0x50, 0]),
                ("state", &[NULL]),
                ("resume", &[FALSE]),
                ("aborted", &[FALSE]),
                ("batchable", &[FALSE]),
            ],
        ),
        form(
            "disposition",
            0x15,
            Links,
            &[
                ("role", &[TRUE]),
                ("first", &[ZERO]),
                ("last", &[ZERO]),
                ("settled", &[TRUE]),
                ("state", &[0x00, 0x53, 0x24, LIST]),
                ("batchable", &[FALSE]),
            ],
        ),
        form(
            "detach",
            0x16,
            Links,
            &[("handle", &[ZERO]), ("closed", &[TRUE]), ("error", &[NULL])],
        ),
        form("end", 0x17, Session, &[("error", &[NULL])]),
        form("close", 0x18, Opened, &[("error", &[NULL])]),
    ]
}

/// The performative with one of its fields replaced.
fn with(form: &Form, at: usize, value: &[u8]) -> Vec<u8> {
    let mut fields = Vec::new();
    for (n, (_, field)) in form.fields.iter().enumerate() {
        fields.extend_from_slice(if n == at { value } else { field });
    }
    let mut body = vec![0x00, 0x53, form.code, 0xc0];
    body.push(u8::try_from(fields.len() + 1).unwrap());
    body.push(u8::try_from(form.fields.len()).unwrap());
    body.extend_from_slice(&fields);
    frame(0, &body)
}

#[test]
fn all_forms_are_fine_as_they_are() {
    for form in forms() {
        check(vec![(form.name, form.stage, with(&form, usize::MAX, &[]), Fine)]);
    }
}

#[test]
fn a_field_of_a_wrong_type() {
    let double = [0x82, 0, 0, 0, 0, 0, 0, 0, 0];
    let mut cases = 0;
    for form in forms() {
        for (at, (name, _)) in form.fields.iter().enumerate() {
            let name = format!("{}, {name}: a double", form.name);
            let answer = closes(condition::DECODE_ERROR);
            check(vec![(&name, form.stage, with(&form, at, &double), answer)]);
            cases += 1;
        }
    }
    assert_eq!(cases, 65);
}

#[test]
fn a_field_that_ends_too_early() {
    // A binary, string, symbol, list, map and array of 4 G.
    for code in [0xb0, 0xb1, 0xb3, 0xd0, 0xd1, 0xf0] {
        for form in forms() {
            let at = form.fields.len() - 1;
            let name = format!("{}, last field: {code:02x} of 4 G", form.name);
            let bytes = with(&form, at, &[code, 0xff, 0xff, 0xff, 0xff, 0]);
            check(vec![(&name, form.stage, bytes, closes(condition::DECODE_ERROR))]);
        }
    }
}

#[test]
fn a_field_of_no_type() {
    // Constructors that the standard does not give out.
    for code in [0x01, 0x3f, 0x46, 0x57, 0x62, 0x75, 0x85, 0x99, 0xa2, 0xb2, 0xc2, 0xd2, 0xe1, 0xff]
    {
        for form in forms() {
            let at = form.fields.len() - 1;
            let name = format!("{}, last field: constructor {code:02x}", form.name);
            let bytes = with(&form, at, &[code, 1, 1, 1]);
            check(vec![(&name, form.stage, bytes, closes(condition::DECODE_ERROR))]);
        }
    }
}
