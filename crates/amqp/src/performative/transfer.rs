//! `transfer`.

use crate::{DeliveryState, DeliveryTag, ReceiverSettleMode};

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
