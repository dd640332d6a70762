//! Values: what is read is written and read again the same; skipping agrees with reading.
#![no_main]

use iofog_amqp::{DecodeError, Reader, Value};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut reader = Reader::new(data);
    let Ok(value) = reader.any() else { return };
    let mut skipped = Reader::new(data);
    match skipped.skip() {
        Ok(()) => assert_eq!(skipped.rest().len(), reader.rest().len()),
        Err(error) => assert_eq!(error, DecodeError::TooDeep),
    }
    let bytes = value.to_vec();
    let again = Value::decode(&bytes).unwrap();
    // Compared as bytes: NaN differs from itself.
    assert_eq!(again.to_vec(), bytes);
});
