//! Delivery tags: up to 32 opaque bytes, kept in place so that a transfer needs no allocation.

use core::fmt;

use crate::DecodeError;

/// Identifies a delivery on its link (AMQP 1.0 part 2, 2.8.7): at most 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct DeliveryTag {
    len: u8,
    bytes: [u8; Self::MAX],
}

impl DeliveryTag {
    /// Longest tag that the protocol allows, in bytes.
    pub const MAX: usize = 32;

    /// A tag from its bytes.
    ///
    /// # Errors
    /// [`DecodeError::TagTooLong`] above 32 bytes.
    #[inline]
    pub fn new(tag: &[u8]) -> Result<Self, DecodeError> {
        let len = u8::try_from(tag.len()).map_err(|_| DecodeError::TagTooLong)?;
        let mut bytes = [0; Self::MAX];
        bytes.get_mut(..tag.len()).ok_or(DecodeError::TagTooLong)?.copy_from_slice(tag);
        Ok(Self { len, bytes })
    }

    /// The form routers send: an 8-byte little-endian counter (router.md section 3).
    #[must_use]
    #[inline]
    pub fn from_counter(counter: u64) -> Self {
        let mut bytes = [0; Self::MAX];
        bytes[..8].copy_from_slice(&counter.to_le_bytes());
        Self { len: 8, bytes }
    }

    /// The bytes of the tag.
    #[must_use]
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl fmt::Debug for DeliveryTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.as_bytes() {
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}
