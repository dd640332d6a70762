//! Delivery states and outcomes (AMQP 1.0 part 3, 3.4).

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::{DecodeError, Described, Error, FieldWriter, Fields, Map, Reader, Value, codes};

/// State of a delivery at one end of a link. All but `Received` and `Other` are outcomes.
#[derive(Debug, Clone, PartialEq)]
pub enum DeliveryState {
    /// Not an outcome: how much of the message arrived.
    Received {
        /// Index of the section.
        section_number: u32,
        /// Bytes of that section.
        section_offset: u64,
    },
    /// Taken.
    Accepted,
    /// Invalid for the receiver; the reason may be given.
    Rejected(Option<Box<Error>>),
    /// Not processed: may be sent again, here or elsewhere.
    Released,
    /// Not processed, with a change to the message.
    Modified {
        /// Counts as a failed attempt.
        delivery_failed: bool,
        /// Must not be sent to this link again.
        undeliverable_here: bool,
        /// Annotations to merge into the message's.
        annotations: Option<Box<Map>>,
    },
    /// A state that this crate does not know (transactions): passed on as it is.
    Other(Box<Described>),
}

impl DeliveryState {
    /// Whether the state ends the delivery once both sides have settled.
    #[must_use]
    pub fn is_outcome(&self) -> bool {
        !matches!(self, Self::Received { .. } | Self::Other(_))
    }

    /// `modified` without annotations.
    #[must_use]
    pub const fn modified(delivery_failed: bool, undeliverable_here: bool) -> Self {
        Self::Modified { delivery_failed, undeliverable_here, annotations: None }
    }
}

impl DeliveryState {
    /// Reads a state.
    ///
    /// # Errors
    /// [`DecodeError`] when it is malformed.
    #[inline]
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        // Nearly every state is this one.
        if let Some(rest) =
            reader.rest().strip_prefix(&[0, codes::SMALL_ULONG, 0x24, codes::LIST_0])
        {
            let len = reader.rest().len() - rest.len();
            reader.take(len)?;
            return Ok(Self::Accepted);
        }
        Self::read_any(reader)
    }

    fn read_any(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let start = reader.clone();
        let descriptor = reader.descriptor().unwrap_or(0);
        if !(codes::RECEIVED..=codes::MODIFIED).contains(&descriptor) {
            *reader = start;
            return match reader.any()? {
                Value::Described(described) => Ok(Self::Other(described)),
                _ => Err(DecodeError::WrongType { field: "state", code: codes::NULL }),
            };
        }
        let mut fields = Fields::enter(reader)?;
        let state = match descriptor {
            codes::RECEIVED => Self::Received {
                section_number: fields.required_uint("section-number")?,
                section_offset: fields
                    .ulong("section-offset")?
                    .ok_or(DecodeError::MissingField("section-offset"))?,
            },
            codes::REJECTED => Self::Rejected(Error::read_field(&mut fields)?),
            codes::RELEASED => Self::Released,
            codes::MODIFIED => Self::Modified {
                delivery_failed: fields.flag("delivery-failed")?,
                undeliverable_here: fields.flag("undeliverable-here")?,
                annotations: Some(Box::new(fields.map("message-annotations")?))
                    .filter(|map| !map.is_empty()),
            },
            _ => Self::Accepted,
        };
        fields.finish()?;
        Ok(state)
    }

    /// Appends the state.
    #[inline]
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Accepted => out.extend_from_slice(&[0, codes::SMALL_ULONG, 0x24, codes::LIST_0]),
            Self::Released => out.extend_from_slice(&[0, codes::SMALL_ULONG, 0x26, codes::LIST_0]),
            Self::Rejected(error) => {
                let mut fields = FieldWriter::new(out, codes::REJECTED);
                fields.with(error.as_deref(), |out, error| error.encode(out));
                fields.finish();
            }
            Self::Modified { delivery_failed, undeliverable_here, annotations } => {
                let mut fields = FieldWriter::new(out, codes::MODIFIED);
                fields.flag(*delivery_failed).flag(*undeliverable_here);
                fields.with(annotations.as_deref(), |out, map| {
                    Value::Map(map.clone()).encode(out);
                });
                fields.finish();
            }
            Self::Received { section_number, section_offset } => {
                let mut fields = FieldWriter::new(out, codes::RECEIVED);
                fields.uint(Some(*section_number)).ulong(Some(*section_offset));
                fields.finish();
            }
            Self::Other(described) => Value::Described(described.clone()).encode(out),
        }
    }
}
