//! Any bytes as a layer of an image, unpacked for real: nothing gets out of its folder.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let place = std::env::temp_dir().join(format!("iofog-fuzz-layer-{}", std::process::id()));
    iofog_agent::fuzzing::image_layer(input, &place);
});
