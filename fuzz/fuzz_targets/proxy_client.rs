//! Any bytes as a client's connection: what is taken is the same request at the target, or it is refused.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| iofog_proxy::fuzzing::client(input));
