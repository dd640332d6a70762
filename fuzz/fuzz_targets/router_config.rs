//! Router configuration in every syntax, and address patterns.
#![no_main]

use iofog_router::RouterConfig;
use iofog_router::address::{Address, Key, Pattern};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &str)| {
    let (text, address) = input;
    let _ = RouterConfig::from_any(text);
    let _ = Pattern::new(text).matches(address);
    let _ = Address::parse(address);
    if let Some(key) = Key::from_wire(address, true) {
        assert_eq!(Key::from_wire(&key.to_wire(false), false), Some(key));
    }
});
