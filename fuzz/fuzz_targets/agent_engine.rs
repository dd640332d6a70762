//! Any bytes as the answer of a container engine.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| iofog_agent::fuzzing::engine_answer(input));
