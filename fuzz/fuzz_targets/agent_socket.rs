//! Any bytes as what a microservice sends over its WebSocket.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| iofog_agent::fuzzing::socket_frames(input));
