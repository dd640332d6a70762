//! A value of any AMQP type, as a tree of bounded depth. Hot paths never build one.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::Symbol;

mod decode;
mod encode;
#[cfg(test)]
mod tests;

pub(crate) use decode::Budget;

/// Deepest nesting that is read or written: containers and described values each count one.
pub const MAX_DEPTH: u8 = 32;

/// A map in the order of the wire.
pub type Map = Vec<(Value, Value)>;

/// A map with symbol keys (string keys of careless peers are taken as symbols).
pub type SymbolMap = Vec<(Symbol, Value)>;

/// A value with its descriptor.
#[derive(Debug, Clone, PartialEq)]
pub struct Described {
    /// Usually a `ulong` code or a symbol.
    pub descriptor: Value,
    /// What is described.
    pub value: Value,
}

/// An array: elements of one type.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Format code of the elements; kept so that an empty array keeps its type.
    pub code: u8,
    /// Descriptor common to all elements.
    pub descriptor: Option<Box<Value>>,
    /// The elements, without the common descriptor.
    pub elements: Vec<Value>,
}

/// Any AMQP 1.0 value (part 1, 1.6). Equality of floats is by value.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// Absent.
    #[default]
    Null,
    /// Boolean.
    Bool(bool),
    /// Unsigned, 8 bits.
    Ubyte(u8),
    /// Unsigned, 16 bits.
    Ushort(u16),
    /// Unsigned, 32 bits.
    Uint(u32),
    /// Unsigned, 64 bits.
    Ulong(u64),
    /// Signed, 8 bits.
    Byte(i8),
    /// Signed, 16 bits.
    Short(i16),
    /// Signed, 32 bits.
    Int(i32),
    /// Signed, 64 bits.
    Long(i64),
    /// IEEE 754, 32 bits.
    Float(f32),
    /// IEEE 754, 64 bits.
    Double(f64),
    /// Decimal, raw.
    Decimal32([u8; 4]),
    /// Decimal, raw.
    Decimal64([u8; 8]),
    /// Decimal, raw.
    Decimal128([u8; 16]),
    /// One character.
    Char(char),
    /// Milliseconds since the Unix epoch.
    Timestamp(i64),
    /// UUID in network order.
    Uuid([u8; 16]),
    /// Bytes.
    Binary(Bytes),
    /// Text.
    String(String),
    /// Name from a constrained domain.
    Symbol(Symbol),
    /// Values of any types.
    List(Vec<Value>),
    /// Pairs in the order of the wire.
    Map(Map),
    /// Values of one type.
    Array(Box<Array>),
    /// A value with a descriptor.
    Described(Box<Described>),
}

impl Value {
    /// Text of a string or symbol.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            Self::Symbol(name) => Some(name.as_str()),
            _ => None,
        }
    }

    /// Any integer type that is not negative.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        match *self {
            Self::Ulong(n) => Some(n),
            _ => self.as_i64().and_then(|n| u64::try_from(n).ok()),
        }
    }

    /// Any integer type that fits.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match *self {
            Self::Ubyte(n) => Some(n.into()),
            Self::Ushort(n) => Some(n.into()),
            Self::Uint(n) => Some(n.into()),
            Self::Ulong(n) => i64::try_from(n).ok(),
            Self::Byte(n) => Some(n.into()),
            Self::Short(n) => Some(n.into()),
            Self::Int(n) => Some(n.into()),
            Self::Long(n) | Self::Timestamp(n) => Some(n),
            _ => None,
        }
    }

    /// Boolean value.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(flag) = self { Some(*flag) } else { None }
    }

    /// Elements of a list.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Value]> {
        if let Self::List(list) = self { Some(list) } else { None }
    }

    /// Pairs of a map.
    #[must_use]
    pub fn as_map(&self) -> Option<&[(Value, Value)]> {
        if let Self::Map(map) = self { Some(map) } else { None }
    }

    /// The value under a string or symbol key of a map.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_map()?.iter().find(|(k, _)| k.as_str() == Some(key)).map(|(_, v)| v)
    }
}

macro_rules! from {
    ($($type:ty => $variant:ident),* $(,)?) => {
        $(impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::$variant(value)
            }
        })*
    };
}

from! {
    bool => Bool, u8 => Ubyte, u16 => Ushort, u32 => Uint, u64 => Ulong,
    i8 => Byte, i16 => Short, i32 => Int, i64 => Long, f32 => Float, f64 => Double,
    char => Char, String => String, Symbol => Symbol, Bytes => Binary,
    Vec<Value> => List, Map => Map,
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(String::from(text))
    }
}
