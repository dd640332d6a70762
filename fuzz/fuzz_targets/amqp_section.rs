//! Messages: the scanner and the decoder agree, at every cut and on the whole.
#![no_main]

use bytes::Bytes;
use iofog_amqp::Message;
use iofog_amqp::section::{Scan, header_priority, properties_to, scan};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let scanned = scan(data);
    if let Ok(Scan::Done(sections) | Scan::NeedMore(sections)) = &scanned {
        if let Some(range) = &sections.properties {
            let _ = properties_to(&data[range.clone()]);
        }
        if let Some(range) = &sections.header {
            let _ = header_priority(&data[range.clone()]);
        }
        assert!(sections.body.is_none_or(|body| body < data.len()));
    }
    if let Ok(message) = Message::decode(&Bytes::copy_from_slice(data)) {
        assert!(matches!(scanned, Ok(Scan::Done(_))));
        let bytes = message.encode();
        let again = Message::decode(&bytes).unwrap();
        assert_eq!(again.encode(), bytes);
    }
});
