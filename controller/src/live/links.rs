//! Open device links by agent: at most one each, the newest.

use std::collections::HashMap;
use std::sync::Mutex;

use iofog_api::FogUuid;
use iofog_link::{Bye, ControllerSession};
use iofog_link_io::Link;

use super::lock;

/// Handle on a link of the Controller.
pub type AgentLink = Link<ControllerSession>;

/// Open links.
#[derive(Default)]
pub struct Links(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    open: HashMap<FogUuid, (u64, AgentLink)>,
    given: u64,
}

impl std::fmt::Debug for Links {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Links({})", lock(&self.0).open.len())
    }
}

impl Links {
    /// Adds an agent's link; an older one of the same agent ends. Gives the number to remove it with.
    pub fn add(&self, fog: &FogUuid, link: AgentLink) -> u64 {
        let mut inner = lock(&self.0);
        inner.given += 1;
        let number = inner.given;
        if let Some((_, old)) = inner.open.insert(fog.clone(), (number, link)) {
            old.with(|session| session.bye(Bye::Superseded));
            old.leave();
        }
        number
    }

    /// Removes a link, unless a newer one took its place.
    pub fn remove(&self, fog: &FogUuid, number: u64) -> bool {
        let mut inner = lock(&self.0);
        let is_own = inner.open.get(fog).is_some_and(|(own, _)| *own == number);
        if is_own {
            inner.open.remove(fog);
        }
        is_own
    }

    /// An agent's open link at this Controller.
    pub fn get(&self, fog: &FogUuid) -> Option<AgentLink> {
        lock(&self.0).open.get(fog).map(|(_, link)| link.clone())
    }

    /// Number of open links.
    pub fn count(&self) -> usize {
        lock(&self.0).open.len()
    }
}
