//! State of one session: windows, handles, unsettled deliveries and gathered dispositions.

use iofog_amqp::{DeliveryState, Disposition, Role, Serial};

use crate::Config;
use crate::unsettled::Unsettled;

/// How far begin and end have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SessionState {
    /// We began; the peer has not answered.
    BeginSent,
    /// Both have begun.
    Mapped,
    /// We ended; frames of the peer are dropped until it has, too.
    EndSent,
}

/// No link at this handle.
pub(crate) const NO_LINK: u32 = u32::MAX;

/// Dispositions that can share a frame.
#[derive(Debug, Clone)]
pub(crate) struct Gathered {
    pub(crate) first: Serial,
    pub(crate) last: Serial,
    pub(crate) settled: bool,
    pub(crate) state: Option<DeliveryState>,
}

/// Frames that may wait however large they are, if the configuration allows as many.
const LEAST_WINDOW: u32 = 16;

/// The window for frames of so many bytes.
fn window_of(config: &Config, each: usize) -> u32 {
    let fitting = u32::try_from(config.incoming_window_bytes / each.max(1)).unwrap_or(u32::MAX);
    fitting.max(LEAST_WINDOW).min(config.incoming_window)
}

#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) state: SessionState,
    pub(crate) remote_channel: Option<u16>,
    pub(crate) next_incoming_id: Serial,
    /// Frames that the peer may still send.
    pub(crate) incoming_window: u32,
    /// What it is refilled to, by the size of frames.
    pub(crate) full_window: u32,
    /// Bytes that came since the frame of this number: what is known of the size of frames.
    pub(crate) measured_from: Serial,
    pub(crate) measured_bytes: usize,
    pub(crate) next_outgoing_id: Serial,
    /// Frames that we may still send.
    pub(crate) remote_incoming_window: u32,
    pub(crate) remote_handle_max: u32,
    pub(crate) next_delivery_id: Serial,
    /// Id of the peer's next delivery, once it sent one.
    pub(crate) expected_delivery: Option<Serial>,
    pub(crate) outgoing: Unsettled,
    pub(crate) incoming: Unsettled,
    pub(crate) gathered_sender: Option<Gathered>,
    pub(crate) gathered_receiver: Option<Gathered>,
    /// Link by the peer's handle.
    pub(crate) remote_handles: Vec<u32>,
    /// Link by our handle.
    pub(crate) handles: Vec<u32>,
    pub(crate) links: u32,
    pub(crate) aborts: Vec<u32>,
    /// The user does not want the window refilled.
    pub(crate) held: bool,
    /// A sender was turned away.
    pub(crate) blocked: bool,
    /// A flow frame of the session is to be written at the next flush.
    pub(crate) flow_due: bool,
    /// Listed for the next flush.
    pub(crate) dirty: bool,
}

impl Session {
    pub(crate) fn new(state: SessionState, config: &Config) -> Self {
        // Until their size is known, frames may be as large as they can be.
        let window = window_of(config, config.max_frame_size as usize);
        let initial = config.initial;
        Self {
            state,
            remote_channel: None,
            next_incoming_id: Serial(0),
            incoming_window: window,
            full_window: window,
            measured_from: Serial(0),
            measured_bytes: 0,
            next_outgoing_id: Serial(initial.transfer_id),
            remote_incoming_window: 0,
            remote_handle_max: u32::MAX,
            next_delivery_id: Serial(initial.delivery_id),
            expected_delivery: None,
            outgoing: Unsettled::default(),
            incoming: Unsettled::default(),
            gathered_sender: None,
            gathered_receiver: None,
            remote_handles: Vec::new(),
            handles: Vec::new(),
            links: 0,
            aborts: Vec::new(),
            held: false,
            blocked: false,
            flow_due: false,
            dirty: false,
        }
    }

    /// Sets what the incoming window is refilled to by the size of the frames that came.
    pub(crate) fn measure(&mut self, config: &Config) {
        let frames = self.next_incoming_id.since(self.measured_from);
        if frames < LEAST_WINDOW {
            return;
        }
        self.full_window = window_of(config, self.measured_bytes / frames as usize);
        (self.measured_from, self.measured_bytes) = (self.next_incoming_id, 0);
    }

    /// The link that the peer calls `handle`.
    #[inline]
    pub(crate) fn link_at(&self, handle: u32) -> Option<u32> {
        self.remote_handles.get(handle as usize).copied().filter(|&link| link != NO_LINK)
    }

    pub(crate) fn map_remote(&mut self, handle: u32, link: u32) {
        let place = handle as usize;
        if self.remote_handles.len() <= place {
            self.remote_handles.resize(place + 1, NO_LINK);
        }
        if let Some(at) = self.remote_handles.get_mut(place) {
            *at = link;
        }
    }

    pub(crate) fn unmap_remote(&mut self, handle: u32) {
        if let Some(at) = self.remote_handles.get_mut(handle as usize) {
            *at = NO_LINK;
        }
        while self.remote_handles.last() == Some(&NO_LINK) {
            self.remote_handles.pop();
        }
    }

    /// The lowest handle of ours that is free.
    pub(crate) fn take_handle(&mut self, link: u32) -> u32 {
        let place = self.handles.iter().position(|&used| used == NO_LINK);
        let place = place.unwrap_or_else(|| {
            self.handles.push(NO_LINK);
            self.handles.len() - 1
        });
        if let Some(at) = self.handles.get_mut(place) {
            *at = link;
        }
        u32::try_from(place).unwrap_or(u32::MAX)
    }

    pub(crate) fn free_handle(&mut self, handle: u32) {
        if let Some(at) = self.handles.get_mut(handle as usize) {
            *at = NO_LINK;
        }
    }

    /// Adds a disposition to the gathered ones: returns those that it cannot share a frame with.
    #[inline]
    pub(crate) fn gather(
        &mut self,
        role: Role,
        id: Serial,
        state: Option<DeliveryState>,
        settled: bool,
    ) -> Option<Gathered> {
        let slot = match role {
            Role::Sender => &mut self.gathered_sender,
            Role::Receiver => &mut self.gathered_receiver,
        };
        if let Some(gathered) = slot
            && gathered.last.plus(1) == id
            && gathered.settled == settled
            && gathered.state == state
        {
            gathered.last = id;
            return None;
        }
        slot.replace(Gathered { first: id, last: id, settled, state })
    }
}

impl Gathered {
    pub(crate) fn into_disposition(self, role: Role) -> Disposition {
        Disposition {
            role,
            first: self.first.0,
            last: Some(self.last.0).filter(|last| *last != self.first.0),
            settled: self.settled,
            state: self.state,
            batchable: false,
        }
    }
}
