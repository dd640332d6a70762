//! Reading of primitives from a borrowed buffer. Declared lengths are checked before use, never trusted.

use alloc::string::String;

use bytes::Bytes;

use crate::codes::{self, descriptor_of};
use crate::{DecodeError, Symbol};

/// Described values within each other, outside of containers, that are stepped over.
const MAX_DESCRIBED: u16 = 256;

/// A position in borrowed bytes.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
    shared: Option<&'a Bytes>,
}

impl<'a> Reader<'a> {
    /// Reads borrowed bytes: binary values are copied out.
    #[must_use]
    #[inline]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, shared: None }
    }

    /// Reads shared bytes: binary values are slices of them.
    #[must_use]
    #[inline]
    pub fn shared(bytes: &'a Bytes) -> Self {
        Self { rest: bytes, shared: Some(bytes) }
    }

    /// What was not read yet.
    #[must_use]
    #[inline]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether all was read.
    #[must_use]
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next `len` bytes.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] when there are fewer.
    #[inline]
    pub fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    /// A reader of the next `len` bytes only.
    #[inline]
    pub(crate) fn sub(&mut self, len: usize) -> Result<Self, DecodeError> {
        Ok(Self { rest: self.take(len)?, shared: self.shared })
    }

    #[inline]
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(*taken)
    }

    #[inline]
    pub(crate) fn u8(&mut self) -> Result<u8, DecodeError> {
        let (first, rest) = self.rest.split_first().ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(*first)
    }

    #[inline]
    pub(crate) fn u16(&mut self) -> Result<u16, DecodeError> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    #[inline]
    pub(crate) fn u32(&mut self) -> Result<u32, DecodeError> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    #[inline]
    pub(crate) fn u64(&mut self) -> Result<u64, DecodeError> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    /// A length of one byte or of four.
    #[inline]
    pub(crate) fn len(&mut self, wide: bool) -> Result<usize, DecodeError> {
        if wide {
            usize::try_from(self.u32()?).map_err(|_| DecodeError::Truncated)
        } else {
            Ok(usize::from(self.u8()?))
        }
    }

    /// Bytes as a slice of the shared buffer, or as a copy.
    pub(crate) fn bytes(&self, slice: &'a [u8]) -> Bytes {
        match self.shared {
            Some(shared) => shared.slice_ref(slice),
            None => Bytes::copy_from_slice(slice),
        }
    }

    /// The descriptor of a described value, `0x00` included, as a number. Symbols of the standard are
    /// translated.
    ///
    /// # Errors
    /// [`DecodeError::WrongType`] when no described value starts here, [`DecodeError::UnknownDescriptor`]
    /// (0) for an unknown symbol.
    #[inline]
    pub fn descriptor(&mut self) -> Result<u64, DecodeError> {
        match self.u8()? {
            codes::DESCRIBED => {}
            code => return Err(DecodeError::WrongType { field: "descriptor", code }),
        }
        match self.u8()? {
            codes::SMALL_ULONG => Ok(self.u8()?.into()),
            codes::ULONG_0 => Ok(0),
            codes::ULONG => self.u64(),
            code @ (codes::SYMBOL_8 | codes::SYMBOL_32) => {
                let len = self.len(code == codes::SYMBOL_32)?;
                descriptor_of(self.take(len)?).ok_or(DecodeError::UnknownDescriptor(0))
            }
            code => Err(DecodeError::WrongType { field: "descriptor", code }),
        }
    }

    /// Steps over one value of any type without looking into containers.
    ///
    /// # Errors
    /// [`DecodeError`] when it is malformed or reaches past the end.
    pub fn skip(&mut self) -> Result<(), DecodeError> {
        let mut pending = 1u16;
        let mut described = 0u16;
        while pending > 0 {
            pending -= 1;
            let code = self.u8()?;
            if code == codes::DESCRIBED {
                described += 1;
                if described > MAX_DESCRIBED {
                    return Err(DecodeError::TooDeep);
                }
                pending += 2;
            } else {
                self.skip_body(code)?;
            }
        }
        Ok(())
    }

    #[inline]
    fn skip_body(&mut self, code: u8) -> Result<(), DecodeError> {
        let len = match code {
            0x40..=0x45 => 0,
            0x50..=0x56 => 1,
            0x60 | 0x61 => 2,
            0x70..=0x74 => 4,
            0x80..=0x84 => 8,
            codes::DECIMAL_128 | codes::UUID => 16,
            0xa0 | 0xa1 | 0xa3 | 0xc0 | 0xc1 | 0xe0 => self.len(false)?,
            0xb0 | 0xb1 | 0xb3 | 0xd0 | 0xd1 | 0xf0 => self.len(true)?,
            _ => return Err(DecodeError::UnknownCode(code)),
        };
        self.take(len).map(drop)
    }
}

/// UTF-8 text.
pub(crate) fn text(bytes: &[u8]) -> Result<String, DecodeError> {
    core::str::from_utf8(bytes).map(String::from).map_err(|_| DecodeError::BadText)
}

/// ASCII name.
pub(crate) fn symbol(bytes: &[u8]) -> Result<Symbol, DecodeError> {
    if !bytes.is_ascii() {
        return Err(DecodeError::BadText);
    }
    text(bytes).map(Symbol::from)
}
