//! Any bytes as a message to a proxy: no panic, and what is taken is one request or response.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| iofog_proxy::fuzzing::message(input));
