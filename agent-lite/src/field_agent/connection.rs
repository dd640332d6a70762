//! The connection to the Controller: how it is, who it is with, and from which address.

use std::path::PathBuf;

use super::FieldAgent;
use crate::config::{Config, Setting};
use crate::controller_client::{Access, ControllerError};
use crate::usage::NetworkInterface;

/// State of the link to the Controller (agent contract 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Provisioned, but the last call failed.
    NotConnected,
    /// The Controller's certificate is refused.
    BrokenCertificate,
    /// No identity.
    NotProvisioned,
    /// The last call succeeded.
    Ok,
}

impl Link {
    /// The text of `status`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotConnected => "not connected",
            Self::BrokenCertificate => "broken certificate",
            Self::NotProvisioned => "not provisioned",
            Self::Ok => "ok",
        }
    }
}

impl FieldAgent {
    /// Sets the state of the link; says what it was before.
    pub(super) fn set_link(&self, link: Link) -> Link {
        let before = self.core.link.replace(link);
        if before != link {
            self.core.link_since.set(self.core.clock.mono());
        }
        before
    }

    pub(super) fn note_success(&self) {
        self.core.link_error.borrow_mut().clear();
        if self.core.config.borrow().is_provisioned() && self.set_link(Link::Ok) != Link::Ok {
            log::info!(target: "field-agent", "connected to the controller");
        }
    }

    pub(super) fn note_failure(&self, doing: &str, error: &ControllerError) {
        let text = format!("{doing}: {error}");
        if *self.core.link_error.borrow() != text {
            log::warn!(target: "field-agent", "{text}");
            *self.core.link_error.borrow_mut() = text;
        }
        if self.core.config.borrow().is_provisioned() {
            self.set_link(match error {
                ControllerError::Certificate(_) => Link::BrokenCertificate,
                _ => Link::NotConnected,
            });
        }
    }

    /// Looks which address this node has by now: a network may come up, or become another, long after the start.
    pub(super) fn look_for_address(&self) {
        let found = detect_interface(&self.core.config.borrow());
        // While there is none, the last one is the best guess.
        if found.address.is_none() || *self.core.interface.borrow() == found {
            return;
        }
        let address = |one: &NetworkInterface| match one.address {
            Some(address) => format!("{address} ({})", one.name),
            None => "not known".to_owned(),
        };
        let (now, before) = (address(&found), address(&self.core.interface.borrow()));
        log::info!(target: "field-agent", "the address of this node is {now}; it was {before}");
        *self.core.interface.borrow_mut() = found;
        self.spread_identity();
        self.core.status_due.notify_one();
    }
}

pub(super) fn access(config: &Config) -> Access {
    Access {
        url: config.controller_url(),
        token: config.token().to_owned(),
        source: config.bind_address(),
        certificate: PathBuf::from(config.get(Setting::ControllerCert)),
        secure: config.get(Setting::SecureMode) == "on",
    }
}

pub(super) fn detect_interface(config: &Config) -> NetworkInterface {
    let url = config.controller_url();
    let authority =
        url.split_once("://").map_or("", |(_, rest)| rest).split('/').next().unwrap_or_default();
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    let wanted = Some(config.get(Setting::NetworkInterface)).filter(|name| *name != "dynamic");
    NetworkInterface::detect(config.bind_address(), wanted, host)
}
