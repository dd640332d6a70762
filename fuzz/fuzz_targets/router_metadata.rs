//! Router metadata in front of messages, both versions, written again in both versions for other peers.
#![no_main]

use iofog_fuzz::{ANONYMOUS, Router, SENDER};
use iofog_router::config::Role;
use libfuzzer_sys::fuzz_target;

thread_local! {
    static ROUTER: Router =
        Router::with(&[(Role::Normal, None), (Role::InterRouter, Some(1)), (Role::Edge, Some(2))]);
}

fuzz_target!(|input: (bool, bool, Vec<u8>, Vec<u8>)| {
    let (second, targeted, section, rest) = input;
    let mut router = ROUTER.with(Clone::clone);
    let (one, two) = (router.peers[1], router.peers[2]);
    // Annotations behind their descriptor (version 1), or the router section (version 2).
    let head: &[u8] = if second { b"\0\x80SKPR--RA" } else { b"\0\x53\x72" };
    let message = [head, &section, &rest].concat();
    let from = if second { two } else { one };
    router.send(from, if targeted { SENDER } else { ANONYMOUS }, 0, &message);
    router.end();
});
