//! Reading of composite types: lists whose elements are fields, null or absent at will.

use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::reader::{symbol, text};
use crate::value::Budget;
use crate::{DecodeError, Reader, Symbol, SymbolMap, Value, codes};

/// The fields of one composite value, read in order. A null or absent field reads as none.
#[derive(Debug)]
pub struct Fields<'a> {
    reader: Reader<'a>,
    left: usize,
}

impl<'a> Fields<'a> {
    /// Enters a list.
    ///
    /// # Errors
    /// [`DecodeError`] when no list is here, or its size and count cannot be true.
    #[inline]
    pub fn enter(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let wide = match reader.u8()? {
            codes::LIST_0 => return Ok(Self { reader: Reader::new(&[]), left: 0 }),
            codes::LIST_8 => false,
            codes::LIST_32 => true,
            code => return Err(DecodeError::WrongType { field: "list", code }),
        };
        let size = reader.len(wide)?;
        let mut inner = reader.sub(size)?;
        let left = inner.len(wide)?;
        if left > inner.rest().len() {
            return Err(DecodeError::TooMany);
        }
        Ok(Self { reader: inner, left })
    }

    /// Ends the list: fields that this version does not know are skipped.
    ///
    /// # Errors
    /// [`DecodeError`] when they are malformed or bytes are left over.
    #[inline]
    pub fn finish(mut self) -> Result<(), DecodeError> {
        while self.left > 0 {
            self.left -= 1;
            self.reader.skip()?;
        }
        if self.reader.is_empty() { Ok(()) } else { Err(DecodeError::Trailing) }
    }

    /// Steps over `count` fields.
    pub(crate) fn skip_fields(&mut self, count: usize) -> Result<(), DecodeError> {
        for _ in 0..count.min(self.left) {
            self.left -= 1;
            self.reader.skip()?;
        }
        Ok(())
    }

    /// The format code of the next field that is not null.
    #[inline]
    fn code(&mut self) -> Result<Option<u8>, DecodeError> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        match self.reader.u8()? {
            codes::NULL => Ok(None),
            code => Ok(Some(code)),
        }
    }

    /// The next field as it is on the wire, for types with a decoder of their own.
    #[inline]
    pub(crate) fn raw(&mut self) -> Result<Option<&mut Reader<'a>>, DecodeError> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        if self.reader.rest().first() == Some(&codes::NULL) {
            self.reader.u8()?;
            return Ok(None);
        }
        Ok(Some(&mut self.reader))
    }

    #[inline]
    pub(crate) fn bool(&mut self, field: &'static str) -> Result<Option<bool>, DecodeError> {
        Ok(Some(match self.code()? {
            None => return Ok(None),
            Some(codes::TRUE) => true,
            Some(codes::FALSE) => false,
            Some(codes::BOOLEAN) => match self.reader.u8()? {
                0 => false,
                1 => true,
                _ => return Err(DecodeError::OutOfRange(field)),
            },
            Some(code) => return Err(DecodeError::WrongType { field, code }),
        }))
    }

    #[inline]
    pub(crate) fn flag(&mut self, field: &'static str) -> Result<bool, DecodeError> {
        Ok(self.bool(field)?.unwrap_or(false))
    }

    #[inline]
    pub(crate) fn ubyte(&mut self, field: &'static str) -> Result<Option<u8>, DecodeError> {
        match self.code()? {
            None => Ok(None),
            Some(codes::UBYTE) => self.reader.u8().map(Some),
            Some(code) => Err(DecodeError::WrongType { field, code }),
        }
    }

    #[inline]
    pub(crate) fn ushort(&mut self, field: &'static str) -> Result<Option<u16>, DecodeError> {
        match self.code()? {
            None => Ok(None),
            Some(codes::USHORT) => self.reader.u16().map(Some),
            Some(code) => Err(DecodeError::WrongType { field, code }),
        }
    }

    #[inline]
    pub(crate) fn uint(&mut self, field: &'static str) -> Result<Option<u32>, DecodeError> {
        match self.code()? {
            None => Ok(None),
            Some(codes::SMALL_UINT) => Ok(Some(self.reader.u8()?.into())),
            Some(codes::UINT) => self.reader.u32().map(Some),
            Some(codes::UINT_0) => Ok(Some(0)),
            Some(code) => Err(DecodeError::WrongType { field, code }),
        }
    }

    #[inline]
    pub(crate) fn required_uint(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        self.uint(field)?.ok_or(DecodeError::MissingField(field))
    }

    pub(crate) fn ulong(&mut self, field: &'static str) -> Result<Option<u64>, DecodeError> {
        match self.code()? {
            None => Ok(None),
            Some(codes::SMALL_ULONG) => Ok(Some(self.reader.u8()?.into())),
            Some(codes::ULONG) => self.reader.u64().map(Some),
            Some(codes::ULONG_0) => Ok(Some(0)),
            Some(code) => Err(DecodeError::WrongType { field, code }),
        }
    }

    pub(crate) fn timestamp(&mut self, field: &'static str) -> Result<Option<i64>, DecodeError> {
        match self.code()? {
            None => Ok(None),
            Some(codes::TIMESTAMP) => Ok(Some(self.reader.u64()?.cast_signed())),
            Some(code) => Err(DecodeError::WrongType { field, code }),
        }
    }

    #[inline]
    fn variable(
        &mut self,
        field: &'static str,
        narrow: u8,
        wide: u8,
    ) -> Result<Option<&'a [u8]>, DecodeError> {
        let Some(code) = self.code()? else { return Ok(None) };
        if code != narrow && code != wide {
            return Err(DecodeError::WrongType { field, code });
        }
        let len = self.reader.len(code == wide)?;
        self.reader.take(len).map(Some)
    }

    #[inline]
    pub(crate) fn binary(&mut self, field: &'static str) -> Result<Option<&'a [u8]>, DecodeError> {
        self.variable(field, codes::BINARY_8, codes::BINARY_32)
    }

    pub(crate) fn bytes(&mut self, field: &'static str) -> Result<Option<Bytes>, DecodeError> {
        let slice = self.binary(field)?;
        Ok(slice.map(|slice| self.reader.bytes(slice)))
    }

    /// A string that stays where it is.
    pub(crate) fn str(&mut self, field: &'static str) -> Result<Option<&'a str>, DecodeError> {
        self.variable(field, codes::STRING_8, codes::STRING_32)?
            .map(|bytes| core::str::from_utf8(bytes).map_err(|_| DecodeError::BadText))
            .transpose()
    }

    pub(crate) fn string(&mut self, field: &'static str) -> Result<Option<String>, DecodeError> {
        self.variable(field, codes::STRING_8, codes::STRING_32)?.map(text).transpose()
    }

    pub(crate) fn symbol(&mut self, field: &'static str) -> Result<Option<Symbol>, DecodeError> {
        self.variable(field, codes::SYMBOL_8, codes::SYMBOL_32)?.map(symbol).transpose()
    }

    /// A field that may hold several symbols: null, one, or an array.
    pub(crate) fn symbols(&mut self, field: &'static str) -> Result<Vec<Symbol>, DecodeError> {
        let Some(reader) = self.raw()? else { return Ok(Vec::new()) };
        let code = reader.rest().first().copied().unwrap_or(codes::NULL);
        match reader.value(&mut Budget::default())? {
            Value::Symbol(one) => Ok(Vec::from([one])),
            Value::Array(array) => array
                .elements
                .into_iter()
                .map(|element| match element {
                    Value::Symbol(name) => Ok(name),
                    _ => Err(DecodeError::WrongType { field, code: array.code }),
                })
                .collect(),
            _ => Err(DecodeError::WrongType { field, code }),
        }
    }

    /// A map with symbol keys; absent = empty.
    pub(crate) fn symbol_map(&mut self, field: &'static str) -> Result<SymbolMap, DecodeError> {
        let Some(reader) = self.raw()? else { return Ok(SymbolMap::new()) };
        let code = reader.rest().first().copied().unwrap_or(codes::NULL);
        let Value::Map(map) = reader.value(&mut Budget::default())? else {
            return Err(DecodeError::WrongType { field, code });
        };
        map.into_iter()
            .map(|(key, value)| match key {
                Value::Symbol(key) => Ok((key, value)),
                Value::String(key) => Ok((Symbol::from(key), value)),
                _ => Err(DecodeError::WrongType { field, code }),
            })
            .collect()
    }

    /// A map with any keys; absent = empty.
    pub(crate) fn map(&mut self, field: &'static str) -> Result<crate::Map, DecodeError> {
        let Some(reader) = self.raw()? else { return Ok(crate::Map::new()) };
        let code = reader.rest().first().copied().unwrap_or(codes::NULL);
        match reader.value(&mut Budget::default())? {
            Value::Map(map) => Ok(map),
            _ => Err(DecodeError::WrongType { field, code }),
        }
    }

    /// A field of any type.
    pub(crate) fn value(&mut self) -> Result<Option<Value>, DecodeError> {
        self.raw()?.map(|reader| reader.value(&mut Budget::default())).transpose()
    }

    /// An address. The standard lets it be of any type; only strings are in use.
    pub(crate) fn address(&mut self) -> Result<Option<String>, DecodeError> {
        self.string("address")
    }
}
