//! Two routers in virtual time, and the bytes between them.

use iofog_amqp_engine::Millis;
use iofog_router::core::{ConnId, Core};

/// Bytes from one core to the other, until both are quiet or so many turns have passed.
pub(crate) fn carry(ends: [(&mut Core, ConnId); 2], turns: usize, now: u64) {
    let [(left, left_conn), (right, right_conn)] = ends;
    for _ in 0..turns {
        let there = pass((&mut *left, left_conn), (&mut *right, right_conn), now);
        let back = pass((&mut *right, right_conn), (&mut *left, left_conn), now);
        if !there && !back {
            return;
        }
    }
}

fn pass(from: (&mut Core, ConnId), to: (&mut Core, ConnId), now: u64) -> bool {
    let (from, from_conn) = from;
    let (to, to_conn) = to;
    from.take_dirty(&mut Vec::new());
    let bytes = from.output::<16>(from_conn).concat();
    from.wrote(from_conn, bytes.len(), Millis(now));
    if let Some(input) = to.input(to_conn, bytes.len()) {
        input.extend_from_slice(&bytes);
        to.received(to_conn, Millis(now));
    }
    !bytes.is_empty()
}
