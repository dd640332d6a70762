//! State of one link.

use iofog_amqp::{ReceiverSettleMode, Role, Serial};

/// How far attach and detach have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinkState {
    /// We attached; the peer has not answered.
    AttachSent,
    /// The peer attached; the user has not answered.
    Offered,
    /// Both have.
    Attached,
    /// We detached; the peer has not answered.
    DetachSent,
}

/// A delivery whose last frame is still to come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unfinished {
    pub(crate) id: Serial,
    pub(crate) settled: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) name: String,
    pub(crate) session: u16,
    /// Our role.
    pub(crate) role: Role,
    pub(crate) state: LinkState,
    pub(crate) handle: u32,
    pub(crate) remote_handle: Option<u32>,
    pub(crate) rcv_settle_mode: ReceiverSettleMode,
    pub(crate) delivery_count: Serial,
    pub(crate) credit: u32,
    /// Receivers: credit that was taken back; messages that used it may be on their way.
    pub(crate) taken_back: u32,
    pub(crate) drain: bool,
    pub(crate) available: u32,
    /// The delivery in progress, outgoing or incoming by role.
    pub(crate) unfinished: Option<Unfinished>,
    /// The delivery in progress is to be aborted when the window opens.
    pub(crate) abort: bool,
    /// Counter of our own delivery tags.
    pub(crate) next_tag: u64,
    /// Bytes of the incoming delivery so far.
    pub(crate) received: u64,
    /// Largest incoming message; 0 = no limit.
    pub(crate) max_message_size: u64,
    /// A flow frame is to be written at the next flush.
    pub(crate) flow_due: bool,
}

impl Link {
    pub(crate) fn new(name: String, session: u16, role: Role, state: LinkState) -> Self {
        Self {
            name,
            session,
            role,
            state,
            handle: u32::MAX,
            remote_handle: None,
            rcv_settle_mode: ReceiverSettleMode::First,
            delivery_count: Serial(0),
            credit: 0,
            taken_back: 0,
            drain: false,
            available: 0,
            unfinished: None,
            abort: false,
            next_tag: 0,
            received: 0,
            max_message_size: 0,
            flow_due: false,
        }
    }

    /// Receivers: the credit from now on. The peer may have used what it had before it hears of less.
    pub(crate) fn grant(&mut self, credit: u32) {
        let before = std::mem::replace(&mut self.credit, credit);
        self.taken_back = self.taken_back.saturating_add(before).saturating_sub(credit);
    }

    /// Receivers: a delivery begins; gives the credit left, none when it was not allowed.
    #[inline]
    pub(crate) fn use_credit(&mut self) -> Option<u32> {
        match self.credit.checked_sub(1) {
            Some(left) => self.credit = left,
            None => self.taken_back = self.taken_back.checked_sub(1)?,
        }
        Some(self.credit)
    }
}
