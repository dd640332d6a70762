//! Any bytes as messages of a tunnel, in fragments: read as they are read whole.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| iofog_proxy::fuzzing::parts(input));
