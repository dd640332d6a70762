//! Values there and back; nesting, counts and lengths that lie.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;

use super::*;
use crate::DecodeError;

fn every_type() -> Vec<Value> {
    vec![
        Value::Null,
        Value::Bool(true),
        Value::Bool(false),
        Value::Ubyte(255),
        Value::Ushort(65_535),
        Value::Uint(0),
        Value::Uint(255),
        Value::Uint(256),
        Value::Ulong(0),
        Value::Ulong(255),
        Value::Ulong(u64::MAX),
        Value::Byte(-128),
        Value::Short(-2),
        Value::Int(-128),
        Value::Int(i32::MIN),
        Value::Long(127),
        Value::Long(i64::MIN),
        Value::Float(1.5),
        Value::Double(-2.5),
        Value::Decimal32([1; 4]),
        Value::Decimal64([2; 8]),
        Value::Decimal128([3; 16]),
        Value::Char('\u{1f600}'),
        Value::Timestamp(-1),
        Value::Uuid([9; 16]),
        Value::Binary(Bytes::from(vec![0; 256])),
        Value::String("x".repeat(255)),
        Value::String("y".repeat(256)),
        Value::Symbol("sym".into()),
        Value::List(vec![]),
        Value::List(vec![Value::Null; 300]),
        Value::Map(vec![(Value::from("k"), Value::List(vec![Value::from(1u8)]))]),
        Value::Map(vec![]),
        Value::Array(Box::new(Array {
            code: crate::codes::SYMBOL_32,
            descriptor: None,
            elements: vec![Value::Symbol("a".into()), Value::Symbol("b".into())],
        })),
        Value::Array(Box::new(Array {
            code: crate::codes::INT,
            descriptor: Some(Box::new(Value::Ulong(5))),
            elements: vec![Value::Int(1)],
        })),
        Value::Described(Box::new(Described {
            descriptor: Value::Symbol("d".into()),
            value: Value::from(3u32),
        })),
    ]
}

#[test]
fn value_round_trip_every_type() {
    for value in every_type() {
        assert_eq!(Value::decode(&value.to_vec()), Ok(value));
    }
    let all = Value::List(every_type());
    assert_eq!(Value::decode(&all.to_vec()), Ok(all));
}

#[test]
fn value_skip_steps_as_far_as_decode() {
    for value in every_type() {
        let mut bytes = value.to_vec();
        bytes.push(0xee);
        let mut reader = crate::Reader::new(&bytes);
        reader.skip().unwrap();
        assert_eq!(reader.rest(), [0xee], "{value:?}");
    }
}

/// Found by fuzzing: many described values that do not nest deeply.
#[test]
fn value_skip_agrees_on_bushy_descriptors() {
    let leaf =
        || Value::Described(Box::new(Described { descriptor: 1u64.into(), value: Value::Null }));
    let mut tree = leaf();
    for _ in 0..5 {
        tree = Value::Described(Box::new(Described { descriptor: tree.clone(), value: tree }));
    }
    let bytes = tree.to_vec();
    assert_eq!(Value::decode(&bytes), Ok(tree));
    assert_eq!(crate::Reader::new(&bytes).skip(), Ok(()));
}

#[test]
fn value_cut_anywhere_is_truncated() {
    let bytes = Value::List(every_type()).to_vec();
    for cut in 0..bytes.len() {
        assert_eq!(Value::decode(&bytes[..cut]), Err(DecodeError::Truncated), "cut {cut}");
    }
}

#[test]
fn value_nesting_is_bounded() {
    let nested = |levels: usize| {
        let mut value = Value::Null;
        for _ in 0..levels {
            value = Value::List(vec![value]);
        }
        value
    };
    assert!(Value::decode(&nested(32).to_vec()).is_ok());
    assert_eq!(Value::decode(&nested(33).to_vec()), Err(DecodeError::TooDeep));
    // Found by fuzzing: the long form of an empty list counts no deeper than the short one.
    let mut bytes = b"\xd0\0\0\0\x04\0\0\0\0".to_vec();
    for _ in 0..32 {
        let size = u32::try_from(bytes.len() + 4).unwrap().to_be_bytes();
        bytes = [&[0xd0][..], &size, &[0, 0, 0, 1], &bytes].concat();
    }
    let value = Value::decode(&bytes).unwrap();
    assert_eq!(Value::decode(&value.to_vec()), Ok(value));
    // Described descriptors nest without any length: 100 KB of zeros.
    assert_eq!(Value::decode(&[0; 100_000]), Err(DecodeError::TooDeep));
    assert_eq!(crate::Reader::new(&[0; 100_000]).skip(), Err(DecodeError::TooDeep));
    // Arrays of arrays.
    let mut bytes = vec![];
    for _ in 0..10_000 {
        bytes.extend_from_slice(&[0xf0, 0, 0, 0xff, 0xff, 0, 0, 0, 1]);
    }
    assert!(Value::decode(&bytes).is_err());
}

#[test]
fn value_lengths_that_lie_are_refused() {
    let cases: [(&[u8], DecodeError); 16] = [
        (b"", DecodeError::Truncated),
        (b"\x3f", DecodeError::UnknownCode(0x3f)),
        (b"\x57", DecodeError::UnknownCode(0x57)),
        (b"\x56\x02", DecodeError::OutOfRange("boolean")),
        (b"\x73\x00\x00\xd8\x00", DecodeError::OutOfRange("char")),
        (b"\xa1\x02\xc3\x28", DecodeError::BadText),
        (b"\xa3\x02\xc3\xa9", DecodeError::BadText),
        (b"\xb0\xff\xff\xff\xff", DecodeError::Truncated),
        (b"\xd0\xff\xff\xff\xff\x00\x00\x00\x01\x40", DecodeError::Truncated),
        (b"\xd0\x00\x00\x00\x05\xff\xff\xff\xff\x40", DecodeError::TooMany),
        (b"\xc0\x03\x01\x40\x40", DecodeError::Trailing),
        (b"\xc0\x02\x02\x40", DecodeError::TooMany),
        (b"\xc0\x00", DecodeError::Truncated),
        (b"\xc1\x02\x01\x40", DecodeError::OddMap),
        (b"\xf0\x00\x00\x00\x05\xff\xff\xff\xff\x40", DecodeError::TooMany),
        (b"\x40\x40", DecodeError::Trailing),
    ];
    for (bytes, error) in cases {
        assert_eq!(Value::decode(bytes), Err(error), "{bytes:02x?}");
    }
}

#[test]
fn value_empty_array_without_a_type_is_read() {
    for bytes in [&b"\xe0\x01\x00"[..], b"\xe0\x02\x00\xa3", b"\xf0\0\0\0\x04\0\0\0\0"] {
        let Ok(Value::Array(array)) = Value::decode(bytes) else { panic!("{bytes:02x?}") };
        assert!(array.elements.is_empty());
    }
}

#[test]
fn value_accessors_take_any_width() {
    assert_eq!(Value::Ubyte(3).as_u64(), Some(3));
    assert_eq!(Value::Int(-3).as_u64(), None);
    assert_eq!(Value::Ulong(u64::MAX).as_i64(), None);
    let map = Value::Map(vec![(Value::Symbol("id".into()), Value::from("r"))]);
    assert_eq!(map.get("id").and_then(Value::as_str), Some("r"));
}
