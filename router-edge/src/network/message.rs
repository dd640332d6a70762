//! The control messages between interior routers (router.md 5.3), without their encoding.

use iofog_sorted::SortedMap;

use crate::config::RouterId;

/// Any control message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ControlMessage {
    /// Who is here and whom it hears; one hop.
    Hello(Hello),
    /// How new the sender's link state and addresses are; to all.
    Advertisement(Advertisement),
    /// Asks for link state.
    LinkStateRequest(Request),
    /// Gives link state.
    LinkStateUpdate(LinkStateUpdate),
    /// Asks for addresses.
    MobileRequest(Request),
    /// Gives addresses.
    MobileUpdate(MobileUpdate),
}

/// HELLO.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// Sender.
    pub id: RouterId,
    /// Start time of the sender, seconds; 0 = not told.
    pub instance: u64,
    /// Neighbours that the sender hears.
    pub seen: Vec<RouterId>,
}

/// RA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advertisement {
    /// Sender.
    pub id: RouterId,
    /// Start time of the sender, seconds.
    pub instance: u64,
    /// Version of its link state.
    pub link_state_sequence: u64,
    /// Version of its addresses.
    pub mobile_sequence: u64,
}

/// LSR or MAR.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Sender.
    pub id: RouterId,
    /// Version the sender has (MAR only; 0 = nothing).
    pub have: u64,
}

/// The neighbours of one router at one version.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LinkState {
    /// Version.
    pub sequence: u64,
    /// Neighbour and cost.
    pub peers: SortedMap<RouterId, u32>,
}

/// LSU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkStateUpdate {
    /// Sender, whose link state it is.
    pub id: RouterId,
    /// Start time of the sender, seconds.
    pub instance: u64,
    /// The link state.
    pub state: LinkState,
}

/// MAU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MobileUpdate {
    /// Sender.
    pub id: RouterId,
    /// Version after the change.
    pub sequence: u64,
    /// All addresses or the difference.
    pub change: MobileChange,
}

/// Content of a MAU. Keys are as in [`crate::address::Key`], without a phase digit, with the
/// number of the treatment where the sender gave one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MobileChange {
    /// Every address of the sender.
    Absolute(Vec<(String, u8)>),
    /// The change from the version before.
    Differential {
        /// New.
        add: Vec<(String, u8)>,
        /// Gone.
        del: Vec<String>,
    },
}

impl ControlMessage {
    /// The router that sent it.
    #[must_use]
    pub fn sender(&self) -> &RouterId {
        match self {
            Self::Hello(message) => &message.id,
            Self::Advertisement(message) => &message.id,
            Self::LinkStateRequest(message) | Self::MobileRequest(message) => &message.id,
            Self::LinkStateUpdate(message) => &message.id,
            Self::MobileUpdate(message) => &message.id,
        }
    }

    /// The `opcode` property.
    #[must_use]
    pub fn opcode(&self) -> &'static str {
        match self {
            Self::Hello(_) => "HELLO",
            Self::Advertisement(_) => "RA",
            Self::LinkStateRequest(_) => "LSR",
            Self::LinkStateUpdate(_) => "LSU",
            Self::MobileRequest(_) => "MAR",
            Self::MobileUpdate(_) => "MAU",
        }
    }

    /// Whether it goes to the address `qdrouter.ma` rather than `qdrouter`.
    #[must_use]
    pub fn is_mobile(&self) -> bool {
        matches!(self, Self::MobileRequest(_) | Self::MobileUpdate(_))
    }
}
