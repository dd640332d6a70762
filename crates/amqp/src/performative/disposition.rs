//! `disposition`.

use crate::{DeliveryState, Role};

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
