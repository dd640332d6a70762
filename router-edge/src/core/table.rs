//! The address table: who consumes and produces under each key, here and elsewhere.

use std::collections::HashMap;
use std::rc::Rc;

use super::slab::{AddressKey, LinkKey, Slab};
use crate::address::{Class, Key, Rules};
use crate::config::{Overflow, Treatment};
use crate::network::{Bits, RouterNumber};

/// One address.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    pub(crate) class: Class,
    pub(crate) name: Rc<str>,
    pub(crate) treatment: Treatment,
    /// Policy: pre-settled deliveries that a slow receiver does not take are dropped.
    pub(crate) drops: bool,
    /// Priority of messages that carry none, if configured.
    pub(crate) priority: Option<u8>,
    /// Links to consumers here and on edges below.
    pub(crate) consumers: Vec<LinkKey>,
    /// Links from producers here and on edges below.
    pub(crate) producers: Vec<LinkKey>,
    /// Interior routers that have consumers.
    pub(crate) remotes: Bits,
    /// Deliveries on their way to each of them.
    pub(crate) remote_load: Vec<(RouterNumber, u32)>,
    /// Edge: our sending link to the interior for this address.
    pub(crate) up: Option<LinkKey>,
    /// The interior says that there are destinations beyond.
    pub(crate) up_bound: bool,
    /// Edge: our receiving link from the interior for this address.
    pub(crate) down: Option<LinkKey>,
    /// Edge: the interior refused such a link; not tried again on this uplink.
    pub(crate) refused: bool,
    /// The router itself takes messages.
    pub(crate) in_process: bool,
    /// Turns among equals.
    pub(crate) turn: usize,
    /// Path engine was told that we serve it.
    pub(crate) announced: bool,
    /// Producers had credit when last looked at.
    pub(crate) open: bool,
    pub(crate) ingress: u64,
    pub(crate) egress: u64,
    pub(crate) transit: u64,
    /// Deliveries to the router itself, and of its own.
    pub(crate) to_process: u64,
    pub(crate) from_process: u64,
}

/// All addresses.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    addresses: Slab<AddressKey, Address>,
    by_name: [HashMap<Rc<str>, AddressKey>; 6],
    pub(crate) rules: Rules,
    /// Changes when an address goes, so that remembered keys can be told stale.
    pub(crate) generation: u32,
}

impl Table {
    pub(crate) fn new(rules: Rules) -> Self {
        Self { addresses: Slab::new(), by_name: Default::default(), rules, generation: 0 }
    }

    pub(crate) fn find(&self, key: Key<'_>) -> Option<AddressKey> {
        self.by_name.get(key.class.index())?.get(key.name).copied()
    }

    /// Finds or adds.
    pub(crate) fn intern(&mut self, key: Key<'_>) -> AddressKey {
        if let Some(found) = self.find(key) {
            return found;
        }
        let name: Rc<str> = Rc::from(key.name);
        let rule = (key.class == Class::Mobile).then(|| self.rules.find(key.name)).flatten();
        let treatment = match key.class {
            Class::Mobile => self.rules.treatment(key.name),
            Class::Topological => Treatment::Multicast,
            _ => Treatment::Closest,
        };
        let priority = rule.and_then(|rule| rule.priority);
        let drops = key.class == Class::Mobile && self.rules.overflow(rule) == Overflow::Drop;
        let added = self.addresses.insert(Address {
            class: key.class,
            name: Rc::clone(&name),
            treatment,
            drops,
            priority,
            consumers: Vec::new(),
            producers: Vec::new(),
            remotes: Bits::default(),
            remote_load: Vec::new(),
            up: None,
            up_bound: false,
            down: None,
            refused: false,
            in_process: false,
            turn: 0,
            announced: false,
            open: false,
            ingress: 0,
            egress: 0,
            transit: 0,
            to_process: 0,
            from_process: 0,
        });
        if let Some(names) = self.by_name.get_mut(key.class.index()) {
            names.insert(name, added);
        }
        added
    }

    #[inline]
    pub(crate) fn get(&self, key: AddressKey) -> Option<&Address> {
        self.addresses.get(key)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, key: AddressKey) -> Option<&mut Address> {
        self.addresses.get_mut(key)
    }

    /// Removes the address when nothing refers to it any more; tells whether it is gone.
    pub(crate) fn collect(&mut self, key: AddressKey) -> bool {
        if !self.addresses.get(key).is_some_and(Address::is_unused) {
            return false;
        }
        self.generation = self.generation.wrapping_add(1);
        if let Some(address) = self.addresses.remove(key)
            && let Some(names) = self.by_name.get_mut(address.class.index())
        {
            names.remove(&address.name);
        }
        true
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (AddressKey, &Address)> {
        self.addresses.iter()
    }

    pub(crate) fn keys(&self) -> Vec<AddressKey> {
        self.addresses.keys()
    }
}

impl Address {
    /// As MAU and tracking messages name it (without phase).
    pub(crate) fn wire_key(&self) -> String {
        Key { class: self.class, name: &self.name }.to_wire(false)
    }

    /// Somebody would take a message.
    pub(crate) fn has_path(&self) -> bool {
        !self.consumers.is_empty() || self.up_bound || self.remotes.0 != 0 || self.in_process
    }

    fn is_unused(&self) -> bool {
        !self.has_path()
            && self.producers.is_empty()
            && self.up.is_none()
            && self.down.is_none()
            && self.remote_load.iter().all(|(_, load)| *load == 0)
    }

    pub(crate) fn load(&self, router: RouterNumber) -> u32 {
        let known = self.remote_load.iter().find(|(number, _)| *number == router);
        known.map_or(0, |(_, load)| *load)
    }

    pub(crate) fn add_load(&mut self, router: RouterNumber) {
        match self.remote_load.iter_mut().find(|(number, _)| *number == router) {
            Some((_, load)) => *load += 1,
            None => self.remote_load.push((router, 1)),
        }
    }

    pub(crate) fn drop_load(&mut self, router: RouterNumber) {
        if let Some((_, load)) = self.remote_load.iter_mut().find(|(number, _)| *number == router) {
            *load = load.saturating_sub(1);
        }
    }
}
