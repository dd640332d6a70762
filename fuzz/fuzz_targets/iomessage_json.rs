//! Any bytes as a JSON ioMessage: no panic, and what is read survives a round trip.
#![no_main]

use iofog_iomessage::IoMessage;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let _ = IoMessage::from_posted_json(input);
    if let Ok(message) = IoMessage::from_json(input) {
        assert_eq!(IoMessage::from_json(message.to_json().as_bytes()).as_ref(), Ok(&message));
    }
});
