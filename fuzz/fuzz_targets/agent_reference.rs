//! Any text as the name of an image.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| iofog_agent::fuzzing::image_reference(input));
