//! Any bytes as a target's answer: what is taken is the same response at the client, or there is none.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| iofog_proxy::fuzzing::target(input));
