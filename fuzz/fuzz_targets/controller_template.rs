//! Any text as a template of a request body, with answers for its filters: no panic, and bounded in time and output.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| iofog_controller::domain::substitution::fuzz(input));
