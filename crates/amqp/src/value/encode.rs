//! Writing of values, each in its shortest form.

use alloc::vec::Vec;

use crate::writer::{self, Compound, patch_size};
use crate::{Array, Map, Value, codes};

impl Value {
    /// Appends the value. Below 64 levels of nesting null is written instead: what was read never
    /// comes near.
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.encode_at(out, 64);
    }

    /// The encoded value on its own.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode(&mut out);
        out
    }

    fn encode_at(&self, out: &mut Vec<u8>, depth: u8) {
        let Some(depth) = depth.checked_sub(1) else {
            out.push(codes::NULL);
            return;
        };
        match self {
            Self::Null => out.push(codes::NULL),
            Self::Bool(true) => out.push(codes::TRUE),
            Self::Bool(false) => out.push(codes::FALSE),
            Self::Uint(n) => writer::uint(out, *n),
            Self::Ulong(n) => writer::ulong(out, *n),
            Self::Int(n) => match i8::try_from(*n) {
                Ok(small) => out.extend_from_slice(&[codes::SMALL_INT, small.cast_unsigned()]),
                Err(_) => self.encode_full(out, codes::INT, depth),
            },
            Self::Long(n) => match i8::try_from(*n) {
                Ok(small) => out.extend_from_slice(&[codes::SMALL_LONG, small.cast_unsigned()]),
                Err(_) => self.encode_full(out, codes::LONG, depth),
            },
            Self::Binary(bytes) => writer::binary(out, bytes),
            Self::String(text) => writer::string(out, text),
            Self::Symbol(name) => writer::symbol(out, name),
            Self::List(list) => {
                let compound = Compound::list(out);
                for value in list {
                    value.encode_at(out, depth);
                }
                compound.end(out, list.len());
            }
            Self::Map(map) => encode_map(out, map, depth),
            Self::Described(described) => {
                out.push(codes::DESCRIBED);
                described.descriptor.encode_at(out, depth);
                described.value.encode_at(out, depth);
            }
            other => {
                let code = other.full_code();
                out.push(code);
                other.encode_body(out, code, depth);
            }
        }
    }

    fn encode_full(&self, out: &mut Vec<u8>, code: u8, depth: u8) {
        out.push(code);
        self.encode_body(out, code, depth);
    }

    /// The widest code of the type: elements of an array share one.
    fn full_code(&self) -> u8 {
        match self {
            Self::Null | Self::Described(_) => codes::NULL,
            Self::Bool(_) => codes::BOOLEAN,
            Self::Ubyte(_) => codes::UBYTE,
            Self::Ushort(_) => codes::USHORT,
            Self::Uint(_) => codes::UINT,
            Self::Ulong(_) => codes::ULONG,
            Self::Byte(_) => codes::BYTE,
            Self::Short(_) => codes::SHORT,
            Self::Int(_) => codes::INT,
            Self::Long(_) => codes::LONG,
            Self::Float(_) => codes::FLOAT,
            Self::Double(_) => codes::DOUBLE,
            Self::Decimal32(_) => codes::DECIMAL_32,
            Self::Decimal64(_) => codes::DECIMAL_64,
            Self::Decimal128(_) => codes::DECIMAL_128,
            Self::Char(_) => codes::CHAR,
            Self::Timestamp(_) => codes::TIMESTAMP,
            Self::Uuid(_) => codes::UUID,
            Self::Binary(_) => codes::BINARY_32,
            Self::String(_) => codes::STRING_32,
            Self::Symbol(_) => codes::SYMBOL_32,
            Self::List(_) => codes::LIST_32,
            Self::Map(_) => codes::MAP_32,
            Self::Array(_) => codes::ARRAY_32,
        }
    }

    /// The value without its code, as [`Self::full_code`] has it.
    fn encode_body(&self, out: &mut Vec<u8>, code: u8, depth: u8) {
        match self {
            Self::Null | Self::Described(_) => {}
            Self::Bool(flag) => out.push(u8::from(*flag)),
            Self::Ubyte(n) => out.push(*n),
            Self::Ushort(n) => out.extend_from_slice(&n.to_be_bytes()),
            Self::Uint(n) => out.extend_from_slice(&n.to_be_bytes()),
            Self::Ulong(n) => out.extend_from_slice(&n.to_be_bytes()),
            Self::Byte(n) => out.push(n.cast_unsigned()),
            Self::Short(n) => out.extend_from_slice(&n.to_be_bytes()),
            Self::Int(n) => out.extend_from_slice(&n.to_be_bytes()),
            Self::Long(n) | Self::Timestamp(n) => out.extend_from_slice(&n.to_be_bytes()),
            Self::Float(n) => out.extend_from_slice(&n.to_be_bytes()),
            Self::Double(n) => out.extend_from_slice(&n.to_be_bytes()),
            Self::Decimal32(raw) => out.extend_from_slice(raw),
            Self::Decimal64(raw) => out.extend_from_slice(raw),
            Self::Decimal128(raw) | Self::Uuid(raw) => out.extend_from_slice(raw),
            Self::Char(c) => out.extend_from_slice(&u32::from(*c).to_be_bytes()),
            Self::Binary(bytes) => encode_wide(out, bytes),
            Self::String(text) => encode_wide(out, text.as_bytes()),
            Self::Symbol(name) => encode_wide(out, name.as_str().as_bytes()),
            Self::List(list) => encode_elements(out, list.iter(), list.len(), depth),
            Self::Map(map) => {
                let values = map.iter().flat_map(|(key, value)| [key, value]);
                encode_elements(out, values, map.len() * 2, depth);
            }
            Self::Array(array) => encode_array_body(out, array, depth),
        }
        debug_assert_eq!(code, self.full_code());
    }
}

fn encode_map(out: &mut Vec<u8>, map: &Map, depth: u8) {
    let compound = Compound::map(out);
    for (key, value) in map {
        key.encode_at(out, depth);
        value.encode_at(out, depth);
    }
    compound.end(out, map.len() * 2);
}

fn encode_wide(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(bytes);
}

/// Size and count in four bytes each, then the elements.
fn encode_elements<'a>(
    out: &mut Vec<u8>,
    values: impl Iterator<Item = &'a Value>,
    count: usize,
    depth: u8,
) {
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes());
    for value in values {
        value.encode_at(out, depth);
    }
    patch_size(out, at);
}

/// Elements of another type than the first one cannot be written and are left out.
fn encode_array_body(out: &mut Vec<u8>, array: &Array, depth: u8) {
    let at = out.len();
    let code = array.elements.first().map_or(array.code, Value::full_code);
    let elements = if depth == 0 { &[][..] } else { &array.elements[..] };
    let alike = || elements.iter().filter(move |value| value.full_code() == code);
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&u32::try_from(alike().count()).unwrap_or(u32::MAX).to_be_bytes());
    if let Some(descriptor) = &array.descriptor {
        out.push(codes::DESCRIBED);
        descriptor.encode_at(out, depth);
    }
    out.push(code);
    for value in alike() {
        value.encode_body(out, code, depth.saturating_sub(1));
    }
    patch_size(out, at);
}
