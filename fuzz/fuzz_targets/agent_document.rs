//! Any bytes as a manifest, an index or an image's configuration.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| iofog_agent::fuzzing::image_document(input));
