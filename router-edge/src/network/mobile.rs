//! Who serves which address: MAR and MAU.

use std::collections::BTreeMap;

use super::engine::due;
use super::message::{ControlMessage, MobileChange, MobileUpdate, Request};
use super::{Action, Destination, NeighbourLink, Network};
use crate::config::RouterId;

impl Network {
    pub(super) fn on_mobile_request(&mut self, request: &Request, link: NeighbourLink) {
        if request.have >= self.mobile_sequence && self.mobile_sequence > 0 {
            return;
        }
        // Changes that wait for the next differential are not part of this version yet.
        let list = self
            .mobile
            .iter()
            .filter(|(key, _)| !self.added.contains_key(*key))
            .map(|(key, treatment)| (key.clone(), *treatment))
            .chain(self.deleted.iter().map(|key| (key.clone(), 0)))
            .collect();
        let update = MobileUpdate {
            id: self.id.clone(),
            sequence: self.mobile_sequence,
            change: MobileChange::Absolute(list),
        };
        self.answer(&request.id, link, ControlMessage::MobileUpdate(update));
    }

    pub(super) fn on_mobile_update(&mut self, update: MobileUpdate) {
        let Some(node) = self.nodes.get_mut(&update.id) else {
            return;
        };
        let number = node.number;
        match update.change {
            MobileChange::Absolute(list) => {
                let new: BTreeMap<String, u8> = list.into_iter().collect();
                for key in node.addresses.keys().filter(|key| !new.contains_key(*key)) {
                    self.actions.push_back(Action::Unmapped(number, key.clone()));
                }
                for (key, treatment) in &new {
                    if !node.addresses.contains_key(key) {
                        self.actions.push_back(Action::Mapped(number, key.clone(), *treatment));
                    }
                }
                node.addresses = new;
            }
            MobileChange::Differential { add, del } => {
                if update.sequence <= node.mobile_sequence {
                    return;
                }
                if update.sequence != node.mobile_sequence + 1 {
                    node.wants_mobile = true;
                    return;
                }
                for key in del {
                    if node.addresses.remove(&key).is_some() {
                        self.actions.push_back(Action::Unmapped(number, key));
                    }
                }
                for (key, treatment) in add {
                    if node.addresses.insert(key.clone(), treatment).is_none() {
                        self.actions.push_back(Action::Mapped(number, key, treatment));
                    }
                }
            }
        }
        node.mobile_sequence = update.sequence;
        node.wants_mobile = false;
        node.asked_mobile = None;
    }

    /// Tells the others what changed of the own addresses, unless that was done a moment ago.
    pub fn flush_mobile(&mut self, now: u64) {
        if (self.added.is_empty() && self.deleted.is_empty())
            || !due(self.last_mobile, self.settings.mobile_interval, now)
        {
            return;
        }
        self.last_mobile = Some(now);
        self.mobile_sequence += 1;
        let change = MobileChange::Differential {
            add: std::mem::take(&mut self.added).into_iter().collect(),
            del: std::mem::take(&mut self.deleted).into_iter().collect(),
        };
        let update = MobileUpdate { id: self.id.clone(), sequence: self.mobile_sequence, change };
        self.send(Destination::All, ControlMessage::MobileUpdate(update));
    }

    pub(super) fn drop_addresses(&mut self, id: &RouterId) {
        if let Some(node) = self.nodes.get_mut(id) {
            node.mobile_sequence = 0;
            for key in std::mem::take(&mut node.addresses).into_keys() {
                self.actions.push_back(Action::Unmapped(node.number, key));
            }
        }
    }
}
