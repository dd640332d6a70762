//! Any bytes as the body of a request to the Local API.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| iofog_agent::fuzzing::local_api_body(input));
