//! What is known of one other router.

use std::collections::BTreeMap;

use super::path::Bits;
use super::{LinkState, NeighbourLink, RouterNumber};

/// Another router of the network.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// Its bit in sets of routers.
    pub(super) number: RouterNumber,
    /// Start time it told, seconds; 0 = unknown.
    pub(super) instance: u64,
    /// Its link state, with the time it was last confirmed, ms.
    pub(super) state: Option<(LinkState, u64)>,
    /// Version of its addresses that we have.
    pub(super) mobile_sequence: u64,
    /// Its addresses.
    pub(super) addresses: BTreeMap<String, u8>,
    /// Link state has to be asked for.
    pub(super) wants_link_state: bool,
    /// Addresses have to be asked for.
    pub(super) wants_mobile: bool,
    /// When each request was last sent, ms, so that a lost one is repeated.
    pub(super) asked_link_state: Option<u64>,
    /// As above, for addresses.
    pub(super) asked_mobile: Option<u64>,
    /// Next hop and cost, while reachable.
    pub(super) route: Option<Route>,
    /// Since when it cannot be reached, ms.
    pub(super) unreachable_since: Option<u64>,
}

/// How another router is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Connection to the neighbour to send to.
    pub next_hop: NeighbourLink,
    /// Path cost.
    pub cost: u32,
    /// Routers whose own path to this one goes through us.
    pub valid_origins: Bits,
}

/// A router heard directly.
#[derive(Debug, Clone)]
pub(super) struct Neighbour {
    /// Connection.
    pub(super) link: NeighbourLink,
    /// Cost of the connection.
    pub(super) cost: u32,
    /// Last HELLO, ms.
    pub(super) heard: u64,
    /// It hears us too: the link counts.
    pub(super) mutual: bool,
}

impl Node {
    pub(super) fn new(number: RouterNumber) -> Self {
        Self {
            number,
            instance: 0,
            state: None,
            mobile_sequence: 0,
            addresses: BTreeMap::new(),
            wants_link_state: true,
            wants_mobile: false,
            asked_link_state: None,
            asked_mobile: None,
            route: None,
            unreachable_since: None,
        }
    }

    /// Forgets what an earlier run of that router told.
    pub(super) fn restart(&mut self, instance: u64) {
        self.instance = instance;
        self.state = None;
        self.mobile_sequence = 0;
        self.wants_link_state = true;
        self.wants_mobile = false;
        self.asked_link_state = None;
        self.asked_mobile = None;
    }
}
