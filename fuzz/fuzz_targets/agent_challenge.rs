//! Any text as what a registry asks for.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| iofog_agent::fuzzing::registry_challenge(input));
