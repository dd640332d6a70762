//! One TCP connection carried by two links: who has ended, what has to be told to the other side
//! (proxy.md sections 4.1 to 4.3).

use super::envelope::{CorrelationId, Envelope, HeaderField};
use bytes::Bytes;

/// Application property by which a proxy of ours makes itself known.
const MARK: &str = "iofog-tcp";

/// Bytes of a message that fits into one of the frames of 16 KiB that routers take, with the sections around the bytes and
/// what routers write on it.
pub const ONE_FRAME: usize = 15 << 10;

/// What a tunnel may have under way in each direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Bytes of a message, for which it counts once.
    pub chunk: usize,
    /// Chunks that one message may hold; it counts for each.
    pub joined: u32,
    /// Messages that are sent and not yet written to the far socket.
    pub messages: u32,
}

/// What a message of a tunnel stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Piece {
    /// Bytes; may be none.
    #[default]
    Data,
    /// The tunnel begins, or the far end is ready.
    Open,
    /// The far socket sends no more.
    Fin,
    /// The far socket failed.
    Abort,
}

/// What happened to a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The peer turned out to be a proxy of ours.
    PeerIsOurs,
    /// The local socket sends no more.
    LocalEnd,
    /// The local socket failed.
    LocalError,
    /// The peer's socket sends no more.
    RemoteFin,
    /// The peer's socket failed, or a link or the connection is gone.
    RemoteGone,
}

/// What has to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Carry on.
    Continue,
    /// Tell the peer that no more bytes follow, and carry on the other way.
    SendFin,
    /// Tell the local socket that no more bytes follow, and carry on the other way.
    ShutdownLocal,
    /// Tell the peer with a `fin`, wait until it has everything, then close.
    FinAndClose,
    /// Wait until the peer has everything, then close links and socket.
    FlushAndClose,
    /// Tell the peer with an `abort`, then close.
    AbortAndClose,
    /// Close links and socket at once.
    Close,
}

/// State of one tunnel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tunnel {
    peer_is_ours: bool,
    local_ended: bool,
    remote_ended: bool,
}

// === impl Window ===

impl Default for Window {
    /// 64 messages of at most 32 KiB, or fewer that are longer, up to eight times: 2 MiB per socket and direction. Of
    /// each 32 KiB, 1 KiB is left to the sections around the bytes and to what routers write on a message, so that
    /// it fills two frames (or sixteen) of the 16 KiB that routers take, and needs no further one.
    fn default() -> Self {
        Self { chunk: 31 << 10, joined: 8, messages: 64 }
    }
}

impl Window {
    /// Longest message, in bytes, that counts as at most `room`.
    pub fn bytes(self, room: u32) -> usize {
        let chunks = usize::try_from(room.min(self.joined)).unwrap_or(usize::MAX);
        self.chunk.saturating_mul(chunks)
    }

    /// What a message of so many bytes counts.
    pub fn count(self, bytes: usize) -> u32 {
        u32::try_from(bytes.div_ceil(self.chunk.max(1))).unwrap_or(u32::MAX).max(1)
    }

    /// Longest messages that fill it.
    pub fn blocks(self) -> usize {
        usize::try_from(self.messages / self.joined.max(1)).unwrap_or(usize::MAX)
    }

    /// For messages that routers route one by one: each fits into a frame. Some lead a message that they do not have whole
    /// over a link of its own, where later ones pass it (decision 0131).
    #[must_use]
    pub fn of_single_frames(self) -> Self {
        Self { chunk: self.chunk.min(ONE_FRAME), joined: 1, ..self }
    }

    /// Credit for the messages under way and for those whose credit is on its way back: a message without
    /// credit would wait in a router, before those of other tunnels.
    pub const fn credit(self) -> u32 {
        self.messages + self.messages / 2
    }
}

// === impl Piece ===

impl Piece {
    /// Reads what a message stands for.
    pub fn of(message: &Envelope) -> Self {
        match message.subject.as_deref() {
            _ if !is_marked(message) => Self::Data,
            Some("open") => Self::Open,
            Some("fin") => Self::Fin,
            Some("abort") => Self::Abort,
            _ => Self::Data,
        }
    }

    const fn subject(self) -> Option<&'static str> {
        match self {
            Self::Data => None,
            Self::Open => Some("open"),
            Self::Fin => Some("fin"),
            Self::Abort => Some("abort"),
        }
    }

    /// A message with this meaning; the mark tells a peer of ours who sent it, others ignore it.
    pub fn message(self, reply_to: Option<&str>, body: Bytes) -> Envelope {
        Envelope {
            subject: self.subject().map(str::to_owned),
            reply_to: reply_to.map(str::to_owned),
            headers: vec![(MARK.to_owned(), HeaderField::One("1".to_owned()))],
            body,
            raw: true,
            ..Envelope::default()
        }
    }

    /// The first message of a tunnel without a routed link: asks the far proxy to open its socket.
    pub fn open(reply_to: &str, connection: u64) -> Envelope {
        let correlation_id = Some(CorrelationId::Number(connection));
        Envelope { correlation_id, ..Self::Open.message(Some(reply_to), Bytes::new()) }
    }
}

/// True for a message of a proxy of ours.
pub fn is_marked(message: &Envelope) -> bool {
    message.headers.iter().any(|(name, _)| name == MARK)
}

// === impl Tunnel ===

impl Tunnel {
    /// A tunnel to a peer that is known to be ours, or not known yet.
    pub const fn new(peer_is_ours: bool) -> Self {
        Self { peer_is_ours, local_ended: false, remote_ended: false }
    }

    /// True when the peer understands `fin`.
    pub const fn half_closes(&self) -> bool {
        self.peer_is_ours
    }

    /// True once the local socket sends no more.
    pub const fn has_ended_here(&self) -> bool {
        self.local_ended
    }

    /// Takes note of an event.
    pub const fn on(&mut self, event: Event) -> Action {
        match event {
            Event::PeerIsOurs => {
                self.peer_is_ours = true;
                Action::Continue
            }
            Event::LocalEnd => {
                self.local_ended = true;
                match (self.peer_is_ours, self.remote_ended) {
                    (true, true) => Action::FinAndClose,
                    (true, false) => Action::SendFin,
                    // The reference knows no half: the end of one direction ends both.
                    (false, _) => Action::FlushAndClose,
                }
            }
            Event::LocalError => {
                if self.peer_is_ours {
                    Action::AbortAndClose
                } else {
                    Action::Close
                }
            }
            Event::RemoteFin => {
                self.remote_ended = true;
                if self.local_ended { Action::FlushAndClose } else { Action::ShutdownLocal }
            }
            Event::RemoteGone => Action::Close,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn play(ours: bool, events: &[Event]) -> Vec<Action> {
        let mut tunnel = Tunnel::new(ours);
        events.iter().map(|&event| tunnel.on(event)).collect()
    }

    #[test]
    fn window_of_single_frames_never_makes_a_longer_message() {
        let window = Window::default().of_single_frames();
        assert_eq!(
            [0, 1, 2, 64].map(|room| window.bytes(room)),
            [0, ONE_FRAME, ONE_FRAME, ONE_FRAME]
        );
        assert_eq!(window.count(ONE_FRAME), 1);
        assert_eq!(window.credit(), Window::default().credit());
    }

    #[test]
    fn window_counts_long_messages_more_than_once() {
        let window = Window::default();
        assert_eq!([0, 1, 2, 8, 64].map(|room| window.bytes(room) >> 10), [0, 31, 62, 248, 248]);
        assert_eq!(
            [0, 1, 31 << 10, (31 << 10) + 1, 248 << 10].map(|n| window.count(n)),
            [1, 1, 1, 2, 8]
        );
    }

    #[test]
    fn tunnel_between_two_of_ours_closes_by_halves() {
        use {Action::*, Event::*};
        assert_eq!(play(true, &[LocalEnd, RemoteFin]), [SendFin, FlushAndClose]);
        assert_eq!(play(true, &[RemoteFin, LocalEnd]), [ShutdownLocal, FinAndClose]);
        assert_eq!(play(true, &[LocalEnd, LocalError]), [SendFin, AbortAndClose]);
        assert_eq!(play(true, &[RemoteFin, LocalError]), [ShutdownLocal, AbortAndClose]);
        assert_eq!(play(true, &[RemoteGone]), [Close]);
    }

    #[test]
    fn tunnel_to_a_reference_peer_closes_whole() {
        use {Action::*, Event::*};
        assert_eq!(play(false, &[LocalEnd]), [FlushAndClose]);
        assert_eq!(play(false, &[LocalError]), [Close]);
        assert_eq!(play(false, &[PeerIsOurs, LocalEnd]), [Continue, SendFin]);
    }

    #[test]
    fn piece_round_trip_and_unmarked_subjects_are_data() {
        for piece in [Piece::Data, Piece::Open, Piece::Fin, Piece::Abort] {
            let message = piece.message(Some("r"), Bytes::from_static(b"x"));
            assert_eq!(Piece::of(&message), piece);
            assert!(is_marked(&message));
        }
        let foreign = Envelope { subject: Some("fin".to_owned()), ..Envelope::default() };
        assert_eq!(Piece::of(&foreign), Piece::Data);
        let open = Piece::open("a", 7);
        assert_eq!(open.correlation_id, Some(CorrelationId::Number(7)));
        assert_eq!(Piece::of(&open), Piece::Open);
    }
}
