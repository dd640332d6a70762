//! Chooses where a delivery goes, by the treatment of its address (router.md 4.2).

use bytes::Bytes;

use super::Core;
use super::delivery::Out;
use super::metadata::Metadata;
use super::slab::{AddressKey, ConnId, LinkKey};
use super::table::Address;
use crate::address::Class;
use crate::config::{Role, Treatment};
use crate::network::RouterNumber;

/// Where a delivery came from, as far as choosing depends on it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Origin {
    /// It came over this connection of an edge, or of our own uplink: it must not go back.
    pub(super) edge: Option<ConnId>,
    /// It came from another interior.
    pub(super) transit: bool,
    /// The interior where it entered the network; none = here.
    pub(super) ingress: Option<RouterNumber>,
    /// Priority, 0-9.
    pub(super) priority: u8,
}

/// A way out with its price.
#[derive(Clone, Copy)]
struct Candidate {
    link: LinkKey,
    remote: Option<RouterNumber>,
    value: u32,
    /// Its link holds as much as it should: others come first, whatever they hold.
    full: bool,
}

impl Core {
    /// Where a message came from that arrived over a connection; `start` is its beginning.
    pub(super) fn origin(
        &self,
        conn: ConnId,
        role: Role,
        about: &Metadata,
        address: AddressKey,
        start: &Bytes,
    ) -> Origin {
        Origin {
            edge: (role == Role::Edge).then_some(conn),
            transit: role == Role::InterRouter,
            ingress: about.ingress.as_deref().and_then(|text| self.router_of(text)),
            priority: self.priority(address, start),
        }
    }

    /// The ways out just chosen, as a delivery has them; the list keeps its room.
    pub(super) fn take_chosen(&mut self) -> (Option<Out>, Vec<Out>) {
        let first = self.chosen.pop();
        let more = if self.chosen.is_empty() { Vec::new() } else { self.chosen.split_off(0) };
        (first, more)
    }

    /// Fills `self.chosen` with the ways out; none = no path.
    pub(super) fn choose(&mut self, key: AddressKey, origin: Origin) {
        self.chosen.clear();
        let Some(address) = self.table.get(key) else {
            return;
        };
        match address.treatment {
            Treatment::Multicast => {
                let chosen = self.every(address, origin);
                self.chosen.extend(chosen.into_iter().map(|c| Out::new(c.link, c.remote)));
            }
            Treatment::Closest => {
                let best = self.closest(address, origin);
                self.take(key, best);
            }
            _ => {
                let best = self.balanced(address, origin);
                self.take(key, best);
            }
        }
    }

    fn take(&mut self, key: AddressKey, best: Option<Candidate>) {
        let Some(best) = best else {
            return;
        };
        self.chosen.push(Out::new(best.link, best.remote));
        if let Some(address) = self.table.get_mut(key) {
            address.turn = address.turn.wrapping_add(1);
            if let Some(remote) = best.remote {
                address.add_load(remote);
            }
        }
    }

    fn local(&self, link: LinkKey, origin: Origin) -> Option<Candidate> {
        let state = self.links.get(link)?;
        let echo = origin.edge == Some(state.conn);
        let value = state.outgoing.outstanding;
        let full = value >= state.capacity;
        (state.attached && !echo).then_some(Candidate { link, remote: None, value, full })
    }

    /// Consumers here, beginning with the one whose turn it is.
    fn locals<'a>(
        &'a self,
        address: &'a Address,
        origin: Origin,
    ) -> impl Iterator<Item = Candidate> + 'a {
        let len = address.consumers.len();
        let turn = address.turn.checked_rem(len).unwrap_or(0);
        let (late, early) = address.consumers.split_at(turn);
        early.iter().chain(late).filter_map(move |link| self.local(*link, origin))
    }

    /// The interior above, for an edge.
    fn above(&self, address: &Address, origin: Origin) -> Option<Candidate> {
        let link = address.up.filter(|_| address.up_bound)?;
        let mut candidate = self.local(link, origin)?;
        candidate.value = candidate.value.saturating_add(1);
        Some(candidate)
    }

    /// Remote interiors with consumers.
    fn remotes<'a>(
        &'a self,
        address: &'a Address,
        origin: Origin,
    ) -> impl Iterator<Item = Candidate> + 'a {
        address.remotes.iter().filter_map(move |number| {
            let remote = self.routers.get(usize::from(number.0))?.as_ref()?;
            let route = remote.route.as_ref()?;
            let valid = !origin.transit
                || address.class == Class::Router
                || origin.ingress.is_some_and(|from| route.valid_origins.contains(from));
            let link = self.data_link(route.next_hop, origin.priority).filter(|_| valid)?;
            let value = route.cost.saturating_add(address.load(number));
            let full = self.links.get(link).is_some_and(|link| value >= link.capacity);
            Some(Candidate { link, remote: Some(number), value, full })
        })
    }

    fn balanced(&self, address: &Address, origin: Origin) -> Option<Candidate> {
        let mut best: Option<Candidate> = None;
        let candidates = self.locals(address, origin).chain(self.above(address, origin));
        for candidate in candidates.chain(self.remotes(address, origin)) {
            if candidate.value == 0 {
                return Some(candidate);
            }
            let rank = |candidate: &Candidate| (candidate.full, candidate.value);
            if best.is_none_or(|known| rank(&candidate) < rank(&known)) {
                best = Some(candidate);
            }
        }
        best
    }

    fn closest(&self, address: &Address, origin: Origin) -> Option<Candidate> {
        if let Some(local) = self.locals(address, origin).next() {
            return Some(local);
        }
        if let Some(above) = self.above(address, origin) {
            return Some(above);
        }
        let cost = |candidate: &Candidate| {
            let number = candidate.remote.map_or(0, |number| usize::from(number.0));
            let remote = self.routers.get(number).and_then(Option::as_ref);
            remote.and_then(|remote| remote.route.as_ref()).map_or(u32::MAX, |route| route.cost)
        };
        let lowest = self.remotes(address, origin).map(|c| cost(&c)).min()?;
        let nearest: Vec<Candidate> =
            self.remotes(address, origin).filter(|candidate| cost(candidate) == lowest).collect();
        nearest.get(address.turn.checked_rem(nearest.len())?).copied()
    }

    fn every(&self, address: &Address, origin: Origin) -> Vec<Candidate> {
        let mut all: Vec<Candidate> = self.locals(address, origin).collect();
        all.extend(self.above(address, origin));
        for candidate in self.remotes(address, origin) {
            // Two routers behind one next hop get one copy.
            if !all.iter().any(|known| known.link == candidate.link) {
                all.push(Candidate { remote: None, ..candidate });
            }
        }
        all
    }

    /// The link for a priority on the connection to a neighbour.
    pub(super) fn data_link(
        &self,
        next_hop: crate::network::NeighbourLink,
        priority: u8,
    ) -> Option<LinkKey> {
        let id = <ConnId as super::slab::Id>::from_index(next_hop.0);
        let data = &self.conns.get(id)?.routing.data;
        data.get(usize::from(priority)).or_else(|| data.last()).copied()
    }
}
