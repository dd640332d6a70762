//! Shortest paths over the known link states: next hops, costs and valid origins, the same on
//! every router that knows the same states (router.md 5.3).

use iofog_sorted::{SortedMap, SortedSet};

use crate::config::RouterId;

/// A set of routers by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bits(pub u128);

/// Known links: for each router its peers and the cost to reach them.
pub type Links = SortedMap<RouterId, SortedMap<RouterId, u32>>;

/// One router in a shortest-path tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Router before it on the way from the root.
    pub previous: RouterId,
    /// Cost from the root.
    pub cost: u32,
}

impl Bits {
    /// Adds a router.
    pub fn insert(&mut self, number: super::RouterNumber) {
        self.0 |= 1 << (number.0 & 127);
    }

    /// Whether a router is in the set.
    #[must_use]
    pub fn contains(self, number: super::RouterNumber) -> bool {
        self.0 & (1 << (number.0 & 127)) != 0
    }

    /// Takes a router out.
    pub fn remove(&mut self, number: super::RouterNumber) {
        self.0 &= !(1 << (number.0 & 127));
    }

    /// The members, ascending.
    pub fn iter(self) -> impl Iterator<Item = super::RouterNumber> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let bit = u8::try_from(rest.trailing_zeros()).ok().filter(|bit| *bit < 128)?;
            rest &= rest - 1;
            Some(super::RouterNumber(bit))
        })
    }
}

/// Gives every router that is only known as somebody's peer a link back of cost 1.
pub(super) fn complete(links: &mut Links) {
    let named: SortedSet<(RouterId, RouterId)> = links
        .iter()
        .flat_map(|(from, peers)| peers.keys().map(|to| (to.clone(), from.clone())))
        .collect();
    let known: SortedSet<RouterId> = links.keys().cloned().collect();
    for (peer, back) in named {
        if !known.contains(&peer) {
            links.entry(peer).or_default().insert(back, 1);
        }
    }
}

/// Shortest-path tree from `root`; equal costs are taken in order of id. Unreachable routers and
/// the root itself are left out.
#[must_use]
pub fn paths_from(root: &RouterId, links: &Links) -> SortedMap<RouterId, Step> {
    let mut tree: SortedMap<RouterId, Step> = SortedMap::new();
    let mut open: SortedSet<(u32, RouterId)> = SortedSet::from([(0, root.clone())]);
    let mut done: SortedSet<RouterId> = SortedSet::new();
    while let Some((cost, at)) = open.pop_first() {
        if !done.insert(at.clone()) {
            continue;
        }
        for (to, step) in links.get(&at).into_iter().flatten() {
            let reached = cost.saturating_add(*step);
            let better = to != root
                && !done.contains(to)
                && tree.get(to).is_none_or(|known| reached < known.cost);
            if better {
                open.insert((reached, to.clone()));
                tree.insert(to.clone(), Step { previous: at.clone(), cost: reached });
            }
        }
    }
    tree
}

/// Walks back from `to`: the router just after `root`, and whether `via` lies between.
pub(super) fn walk(
    tree: &SortedMap<RouterId, Step>,
    root: &RouterId,
    to: &RouterId,
    via: &RouterId,
) -> Option<(RouterId, bool)> {
    let (mut at, mut passes) = (to.clone(), false);
    loop {
        let step = tree.get(&at)?;
        if step.previous == *root {
            return Some((at, passes));
        }
        at = step.previous.clone();
        passes |= at == *via;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::RouterNumber;

    fn links(edges: &[(&str, &str, u32)]) -> Links {
        let mut links = Links::new();
        for (a, b, cost) in edges {
            for (from, to) in [(a, b), (b, a)] {
                links.entry(RouterId::new(from)).or_default().insert(RouterId::new(to), *cost);
            }
        }
        links
    }

    #[test]
    fn the_cheaper_way_round_wins() {
        let links = links(&[("A", "B", 1), ("B", "C", 1), ("A", "C", 5)]);
        let tree = paths_from(&"A".into(), &links);
        assert_eq!(tree.get(&"C".into()).unwrap().cost, 2);
        let way = walk(&tree, &"A".into(), &"C".into(), &"B".into());
        assert_eq!(way, Some(("B".into(), true)));
    }

    #[test]
    fn equal_costs_are_taken_in_order_of_id() {
        let links = links(&[("A", "B", 1), ("A", "C", 1), ("B", "D", 1), ("C", "D", 1)]);
        let tree = paths_from(&"A".into(), &links);
        assert_eq!(tree.get(&"D".into()).unwrap().previous, "B".into());
    }

    #[test]
    fn a_silent_peer_gets_a_link_back() {
        let mut links = Links::new();
        links.entry("A".into()).or_default().insert("B".into(), 3);
        complete(&mut links);
        assert_eq!(links.get(&"B".into()).unwrap().get(&"A".into()), Some(&1));
    }

    #[test]
    fn bits_iterate_in_order() {
        let mut bits = Bits::default();
        for number in [127, 0, 5] {
            bits.insert(RouterNumber(number));
        }
        bits.remove(RouterNumber(5));
        let members: Vec<u8> = bits.iter().map(|number| number.0).collect();
        assert_eq!(members, [0, 127]);
    }
}
