//! Reading of values: depth and element count are bounded, allocation follows the bytes that are there.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::reader::{symbol, text};
use crate::{Array, DecodeError, Described, MAX_DEPTH, Map, Reader, Value, codes};

/// What may still be built while one value is read.
#[derive(Debug)]
pub(crate) struct Budget {
    depth: u8,
    values: u32,
}

impl Default for Budget {
    fn default() -> Self {
        Self { depth: MAX_DEPTH, values: Self::VALUES }
    }
}

impl Budget {
    /// Values in one tree: 2 MiB of memory at most.
    const VALUES: u32 = 65_536;

    fn spend(&mut self) -> Result<(), DecodeError> {
        self.values = self.values.checked_sub(1).ok_or(DecodeError::TooMany)?;
        Ok(())
    }

    fn nested<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        self.depth = self.depth.checked_sub(1).ok_or(DecodeError::TooDeep)?;
        let result = read(self);
        self.depth += 1;
        result
    }
}

impl Value {
    /// Reads one value that fills `bytes`.
    ///
    /// # Errors
    /// [`DecodeError`] when malformed, nested deeper than [`MAX_DEPTH`], or above 65,536 elements.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let value = reader.any()?;
        if reader.is_empty() { Ok(value) } else { Err(DecodeError::Trailing) }
    }
}

impl<'a> Reader<'a> {
    /// Reads one value of any type.
    ///
    /// # Errors
    /// As [`Value::decode`], except that bytes may follow.
    pub fn any(&mut self) -> Result<Value, DecodeError> {
        self.value(&mut Budget::default())
    }

    pub(crate) fn value(&mut self, budget: &mut Budget) -> Result<Value, DecodeError> {
        let code = self.u8()?;
        if code != codes::DESCRIBED {
            return self.value_body(code, budget);
        }
        budget.spend()?;
        budget.nested(|budget| {
            let descriptor = self.value(budget)?;
            let value = self.value(budget)?;
            Ok(Value::Described(Box::new(Described { descriptor, value })))
        })
    }

    fn value_body(&mut self, code: u8, budget: &mut Budget) -> Result<Value, DecodeError> {
        budget.spend()?;
        Ok(match code {
            codes::NULL => Value::Null,
            codes::TRUE => Value::Bool(true),
            codes::FALSE => Value::Bool(false),
            codes::BOOLEAN => match self.u8()? {
                0 => Value::Bool(false),
                1 => Value::Bool(true),
                _ => return Err(DecodeError::OutOfRange("boolean")),
            },
            codes::UBYTE => Value::Ubyte(self.u8()?),
            codes::USHORT => Value::Ushort(self.u16()?),
            codes::UINT => Value::Uint(self.u32()?),
            codes::SMALL_UINT => Value::Uint(self.u8()?.into()),
            codes::UINT_0 => Value::Uint(0),
            codes::ULONG => Value::Ulong(self.u64()?),
            codes::SMALL_ULONG => Value::Ulong(self.u8()?.into()),
            codes::ULONG_0 => Value::Ulong(0),
            codes::BYTE => Value::Byte(self.u8()?.cast_signed()),
            codes::SHORT => Value::Short(self.u16()?.cast_signed()),
            codes::INT => Value::Int(self.u32()?.cast_signed()),
            codes::SMALL_INT => Value::Int(self.u8()?.cast_signed().into()),
            codes::LONG => Value::Long(self.u64()?.cast_signed()),
            codes::SMALL_LONG => Value::Long(self.u8()?.cast_signed().into()),
            codes::FLOAT => Value::Float(f32::from_be_bytes(self.array()?)),
            codes::DOUBLE => Value::Double(f64::from_be_bytes(self.array()?)),
            codes::DECIMAL_32 => Value::Decimal32(self.array()?),
            codes::DECIMAL_64 => Value::Decimal64(self.array()?),
            codes::DECIMAL_128 => Value::Decimal128(self.array()?),
            codes::CHAR => {
                Value::Char(char::from_u32(self.u32()?).ok_or(DecodeError::OutOfRange("char"))?)
            }
            codes::TIMESTAMP => Value::Timestamp(self.u64()?.cast_signed()),
            codes::UUID => Value::Uuid(self.array()?),
            codes::BINARY_8 | codes::BINARY_32 => {
                let slice = self.variable(code == codes::BINARY_32)?;
                Value::Binary(self.bytes(slice))
            }
            codes::STRING_8 | codes::STRING_32 => {
                Value::String(text(self.variable(code == codes::STRING_32)?)?)
            }
            codes::SYMBOL_8 | codes::SYMBOL_32 => {
                Value::Symbol(symbol(self.variable(code == codes::SYMBOL_32)?)?)
            }
            codes::LIST_0 => Value::List(Vec::new()),
            codes::LIST_8 | codes::LIST_32 => {
                Value::List(self.list(code == codes::LIST_32, budget)?)
            }
            codes::MAP_8 | codes::MAP_32 => Value::Map(self.map(code == codes::MAP_32, budget)?),
            codes::ARRAY_8 | codes::ARRAY_32 => {
                Value::Array(Box::new(self.array_of(code == codes::ARRAY_32, budget)?))
            }
            _ => return Err(DecodeError::UnknownCode(code)),
        })
    }

    fn variable(&mut self, wide: bool) -> Result<&'a [u8], DecodeError> {
        let len = self.len(wide)?;
        self.take(len)
    }

    /// Size and count of a container: a reader of exactly its content, and the count.
    fn container(&mut self, wide: bool) -> Result<(Self, usize), DecodeError> {
        let size = self.len(wide)?;
        let mut inner = self.sub(size)?;
        let count = inner.len(wide)?;
        Ok((inner, count))
    }

    fn list(&mut self, wide: bool, budget: &mut Budget) -> Result<Vec<Value>, DecodeError> {
        let (mut inner, count) = self.container(wide)?;
        if count > inner.rest().len() {
            return Err(DecodeError::TooMany);
        }
        if inner.is_empty() {
            // As deep as the one-byte form, which has no inside.
            return Ok(Vec::new());
        }
        let list = budget.nested(|budget| {
            let mut list = Vec::new();
            for _ in 0..count {
                list.push(inner.value(budget)?);
            }
            Ok(list)
        })?;
        if inner.is_empty() { Ok(list) } else { Err(DecodeError::Trailing) }
    }

    fn map(&mut self, wide: bool, budget: &mut Budget) -> Result<Map, DecodeError> {
        let (mut inner, count) = self.container(wide)?;
        if count > inner.rest().len() {
            return Err(DecodeError::TooMany);
        }
        if count % 2 != 0 {
            return Err(DecodeError::OddMap);
        }
        let map = budget.nested(|budget| {
            let mut map = Map::new();
            for _ in 0..count / 2 {
                map.push((inner.value(budget)?, inner.value(budget)?));
            }
            Ok(map)
        })?;
        if inner.is_empty() { Ok(map) } else { Err(DecodeError::Trailing) }
    }

    fn array_of(&mut self, wide: bool, budget: &mut Budget) -> Result<Array, DecodeError> {
        let (mut inner, count) = self.container(wide)?;
        budget.nested(|budget| {
            if count == 0 && inner.is_empty() {
                // Some encoders leave the element type of an empty array out.
                return Ok(Array { code: codes::NULL, descriptor: None, elements: Vec::new() });
            }
            let mut code = inner.u8()?;
            let mut descriptor = None;
            if code == codes::DESCRIBED {
                descriptor = Some(Box::new(inner.value(budget)?));
                code = inner.u8()?;
                if code == codes::DESCRIBED {
                    return Err(DecodeError::UnknownCode(code));
                }
            }
            // Elements without width (null, true, list0...) take no bytes: the budget bounds them.
            let mut elements = Vec::new();
            for _ in 0..count {
                elements.push(inner.value_body(code, budget)?);
            }
            if !inner.is_empty() {
                return Err(DecodeError::Trailing);
            }
            Ok(Array { code, descriptor, elements })
        })
    }
}
