//! Any text as a mapping: no panic, and what is read survives being written.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| iofog_proxy::fuzzing::mapping(input));
