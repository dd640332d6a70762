//! `disposition`.

use alloc::vec::Vec;

use crate::{DecodeError, DeliveryState, FieldWriter, Fields, Reader, Role, codes};

/// Tells the state of a range of deliveries (2.7.6).
#[derive(Debug, Clone, PartialEq)]
pub struct Disposition {
    /// Which deliveries: those that the sender of this frame sent, or received.
    pub role: Role,
    /// First delivery id.
    pub first: u32,
    /// Last delivery id; absent = `first`.
    pub last: Option<u32>,
    /// The sender of the frame has settled.
    pub settled: bool,
    /// The state at the sender of the frame.
    pub state: Option<DeliveryState>,
    /// No answer is needed at once.
    pub batchable: bool,
}

impl Disposition {
    /// Reads the list that follows the descriptor.
    ///
    /// # Errors
    /// [`DecodeError`] when it is malformed.
    #[inline]
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut fields = Fields::enter(reader)?;
        let disposition = Self {
            role: Role::read(&mut fields)?,
            first: fields.required_uint("first")?,
            last: fields.uint("last")?,
            settled: fields.flag("settled")?,
            state: fields.raw()?.map(DeliveryState::read).transpose()?,
            batchable: fields.flag("batchable")?,
        };
        fields.finish()?;
        Ok(disposition)
    }

    /// Appends the performative.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut fields = FieldWriter::new(out, codes::DISPOSITION);
        fields.bool(Some(self.role.is_receiver())).uint(Some(self.first)).uint(self.last);
        fields.flag(self.settled);
        fields.with(self.state.as_ref(), |out, state| state.encode(out));
        fields.flag(self.batchable);
        fields.finish();
    }
}
