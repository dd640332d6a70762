//! Performatives and SASL frames: what is read is written and read again the same.
#![no_main]

use iofog_amqp::sasl::SaslFrame;
use iofog_amqp::{Performative, Reader};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(performative) = Performative::read(&mut Reader::new(data)) {
        let mut bytes = vec![];
        performative.encode(&mut bytes);
        let again = Performative::read(&mut Reader::new(&bytes)).unwrap();
        let mut twice = vec![];
        again.encode(&mut twice);
        assert_eq!(bytes, twice);
    }
    if let Ok(frame) = SaslFrame::read(data) {
        let mut bytes = vec![];
        frame.encode(&mut bytes);
        assert_eq!(SaslFrame::read(&bytes), Ok(frame));
    }
});
