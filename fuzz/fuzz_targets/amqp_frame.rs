//! Protocol headers and frames: whatever is split stays within the buffer.
#![no_main]

use iofog_amqp::frame::{Frame, Protocol};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = Protocol::parse(data);
    let mut rest = data;
    while let Ok(Some(frame)) = Frame::parse(rest, 16_384) {
        assert!(frame.body >= 8 && frame.body <= frame.end && frame.end <= rest.len());
        rest = &rest[frame.end..];
    }
});
