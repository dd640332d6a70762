//! Any bytes as a binary ioMessage: no panic, and what is read can be written and read again.
#![no_main]

use bytes::Bytes;
use iofog_iomessage::IoMessage;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let Ok(message) = IoMessage::decode(&Bytes::copy_from_slice(input)) {
        let encoded = message.encode().expect("fields that were read fit their prefixes");
        assert_eq!(IoMessage::decode(&encoded).as_ref(), Ok(&message));
    }
});
