//! What follows from a change of the topology: paths, and the requests that became possible.

use super::engine::due;
use super::message::{ControlMessage, Request};
use super::node::Route;
use super::path::{Bits, Links, complete, paths_from, walk};
use super::{Action, Destination, Network, RouterNumber};
use crate::config::RouterId;

impl Network {
    /// Recomputes paths and sends the requests that became possible.
    pub(super) fn settle(&mut self, now: u64) {
        if std::mem::take(&mut self.recompute) {
            self.compute_paths(now);
        }
        if std::mem::take(&mut self.advertise) {
            self.send_advertisement(now);
        }
        let retry = self.settings.retry;
        let mut requests = Vec::new();
        for (id, node) in &mut self.nodes {
            let neighbour = self.neighbours.get(id).map(|neighbour| neighbour.link);
            let Some(link) = node.route.as_ref().map(|route| route.next_hop).or(neighbour) else {
                continue;
            };
            if node.wants_link_state && due(node.asked_link_state, retry, now) {
                node.asked_link_state = Some(now);
                let request = Request { id: self.id.clone(), have: 0 };
                requests.push((id.clone(), link, ControlMessage::LinkStateRequest(request)));
            }
            if node.wants_mobile && node.route.is_some() && due(node.asked_mobile, retry, now) {
                node.asked_mobile = Some(now);
                let request = Request { id: self.id.clone(), have: node.mobile_sequence };
                requests.push((id.clone(), link, ControlMessage::MobileRequest(request)));
            }
        }
        for (id, link, message) in requests {
            self.send(Destination::Router(id, link), message);
        }
    }

    fn compute_paths(&mut self, now: u64) {
        let mut links: Links = self
            .nodes
            .iter()
            .filter_map(|(id, node)| Some((id.clone(), node.state.as_ref()?.0.peers.clone())))
            .collect();
        links.insert(self.id.clone(), self.own.peers.clone());
        complete(&mut links);
        for id in links.keys().filter(|id| **id != self.id).cloned().collect::<Vec<_>>() {
            self.node(&id);
        }
        let own_tree = paths_from(&self.id, &links);
        let trees: Vec<(RouterNumber, RouterId, _)> = self
            .nodes
            .iter()
            .filter(|(id, _)| own_tree.contains_key(*id))
            .map(|(id, node)| (node.number, id.clone(), paths_from(id, &links)))
            .collect();
        let mut changes = Vec::new();
        for (id, node) in &mut self.nodes {
            let route = own_tree.get(id).and_then(|step| {
                let (hop, _) = walk(&own_tree, &self.id, id, &self.id)?;
                let mut valid_origins = Bits::default();
                for (number, root, tree) in &trees {
                    if walk(tree, root, id, &self.id).is_some_and(|(first, through)| {
                        through || (first == self.id && first != *id)
                    }) {
                        valid_origins.insert(*number);
                    }
                }
                Some(Route {
                    next_hop: self.neighbours.get(&hop)?.link,
                    cost: step.cost,
                    valid_origins,
                })
            });
            if route != node.route {
                node.unreachable_since = route.is_none().then_some(now);
                node.route.clone_from(&route);
                changes.push(Action::Route(node.number, route));
            } else if route.is_none() && node.unreachable_since.is_none() {
                node.unreachable_since = Some(now);
            }
        }
        self.actions.extend(changes);
    }
}
