//! `transfer`.

use alloc::vec::Vec;

use crate::writer::{self, binary};
use crate::{
    DecodeError, DeliveryState, DeliveryTag, FieldWriter, Fields, Reader, ReceiverSettleMode, codes,
};

/// Carries a piece of a message (2.7.5); the payload follows it in the frame.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Transfer {
    /// The link.
    pub handle: u32,
    /// Number of the delivery on the session; may be absent after the first frame.
    pub delivery_id: Option<u32>,
    /// Tag of the delivery; may be absent after the first frame.
    pub delivery_tag: Option<DeliveryTag>,
    /// Format of the message; may be absent after the first frame.
    pub message_format: Option<u32>,
    /// Settled by the sender; absent = false, or as the frames before said.
    pub settled: Option<bool>,
    /// More frames of this delivery follow.
    pub more: bool,
    /// Receiver settle mode for this delivery.
    pub rcv_settle_mode: Option<ReceiverSettleMode>,
    /// State at the sender.
    pub state: Option<DeliveryState>,
    /// Resumes an unsettled delivery.
    pub resume: bool,
    /// The delivery is given up.
    pub aborted: bool,
    /// The sender may not need an answer at once.
    pub batchable: bool,
}

impl Transfer {
    /// Reads the list that follows the descriptor; the payload is what the reader has left.
    ///
    /// # Errors
    /// [`DecodeError`] when it is malformed.
    #[inline]
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut fields = Fields::enter(reader)?;
        let transfer = Self {
            handle: fields.required_uint("handle")?,
            delivery_id: fields.uint("delivery-id")?,
            delivery_tag: fields.binary("delivery-tag")?.map(DeliveryTag::new).transpose()?,
            message_format: fields.uint("message-format")?,
            settled: fields.bool("settled")?,
            more: fields.flag("more")?,
            rcv_settle_mode: ReceiverSettleMode::read(&mut fields)?,
            state: fields.raw()?.map(DeliveryState::read).transpose()?,
            resume: fields.flag("resume")?,
            aborted: fields.flag("aborted")?,
            batchable: fields.flag("batchable")?,
        };
        fields.finish()?;
        Ok(transfer)
    }

    /// Appends the performative.
    #[inline]
    pub fn encode(&self, out: &mut Vec<u8>) {
        if self.rcv_settle_mode.is_none()
            && self.state.is_none()
            && !(self.resume || self.aborted || self.batchable)
        {
            self.encode_plain(out);
        } else {
            self.encode_any(out);
        }
    }

    /// The six first fields only: what nearly every transfer is. Its list is never above 61 bytes.
    #[inline]
    fn encode_plain(&self, out: &mut Vec<u8>) {
        let at = out.len();
        out.extend_from_slice(&[0, codes::SMALL_ULONG, 0x14, codes::LIST_8, 0, 0]);
        writer::uint(out, self.handle);
        let mut count = 1;
        if self.delivery_id.is_some()
            || self.delivery_tag.is_some()
            || self.message_format.is_some()
            || self.settled.is_some()
            || self.more
        {
            count = 5;
            maybe(out, self.delivery_id, writer::uint);
            maybe(out, self.delivery_tag.as_ref(), |out, tag| binary(out, tag.as_bytes()));
            maybe(out, self.message_format, writer::uint);
            maybe(out, self.settled, |out, settled| {
                out.push(if settled { codes::TRUE } else { codes::FALSE });
            });
            if self.more {
                count = 6;
                out.push(codes::TRUE);
            }
        }
        let size = u8::try_from(out.len() - at - 5).unwrap_or(u8::MAX);
        if let Some(head) = out.get_mut(at + 4..at + 6) {
            head.copy_from_slice(&[size, count]);
        }
    }

    fn encode_any(&self, out: &mut Vec<u8>) {
        let mut fields = FieldWriter::new(out, codes::TRANSFER);
        fields.uint(Some(self.handle)).uint(self.delivery_id);
        fields.binary(self.delivery_tag.as_ref().map(DeliveryTag::as_bytes));
        fields.uint(self.message_format).bool(self.settled).flag(self.more);
        fields.ubyte(self.rcv_settle_mode.map(ReceiverSettleMode::code));
        fields.with(self.state.as_ref(), |out, state| state.encode(out));
        fields.flag(self.resume).flag(self.aborted).flag(self.batchable);
        fields.finish();
    }
}

#[inline]
fn maybe<T>(out: &mut Vec<u8>, value: Option<T>, write: impl FnOnce(&mut Vec<u8>, T)) {
    match value {
        Some(value) => write(out, value),
        None => out.push(codes::NULL),
    }
}
