//! Any text as the first-boot file of an image and as the record of an enrolment.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| iofog_agent::fuzzing::enrolment(input));
