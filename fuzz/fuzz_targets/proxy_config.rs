//! Any text as a configuration of a proxy, or as its list of mappings: no panic, and what is read survives.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| iofog_proxy::fuzzing::config(input));
