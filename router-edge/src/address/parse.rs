//! From the text of an address to its form, and from the form to the key it has on this router.

use super::{Class, Key};
use crate::config::Mode;

/// The only area that exists.
pub const AREA: &str = "0";

/// The form of an address, before it is known which router reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address<'a> {
    /// `_local/<rest>`.
    Local(&'a str),
    /// `_topo/<area>/<router>/<rest>`.
    Topo {
        /// Area.
        area: &'a str,
        /// Router id.
        router: &'a str,
        /// What is behind.
        rest: &'a str,
    },
    /// `_topo/0/all/<rest>` and `_topo/all/all/<rest>`.
    All(&'a str),
    /// `_edge/<router>/<rest>`.
    Edge {
        /// Edge router id.
        router: &'a str,
        /// What is behind.
        rest: &'a str,
    },
    /// Anything else.
    Mobile(&'a str),
}

/// Where an address leads on this router.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolved<'a> {
    /// A key of the own table.
    Key(Key<'a>),
    /// Of another router, which an edge reaches through its uplink only.
    Uplink,
}

impl<'a> Address<'a> {
    /// The text without scheme and host.
    #[must_use]
    pub fn plain(text: &'a str) -> &'a str {
        strip_host(text)
    }

    /// Recognises the form. Every text is an address.
    #[must_use]
    pub fn parse(text: &'a str) -> Self {
        let path = strip_host(text);
        let Some((head, tail)) = path.split_once('/') else {
            return Self::Mobile(path);
        };
        match head {
            "_local" => Self::Local(tail),
            "_topo" => topo(tail).unwrap_or(Self::Mobile(path)),
            "_edge" => edge(tail).unwrap_or(Self::Mobile(path)),
            // No network id is ever set here, so that the network element matches.
            "_xtopo" => skip_one(tail).and_then(topo).unwrap_or(Self::Mobile(path)),
            "_xedge" => skip_one(tail).and_then(edge).unwrap_or(Self::Mobile(path)),
            _ => Self::Mobile(path),
        }
    }
}

/// The key of an address on the router `own` of mode `mode`.
#[must_use]
pub fn resolve<'a>(text: &'a str, own: &str, mode: Mode) -> Resolved<'a> {
    let key = |class, name| Resolved::Key(Key { class, name });
    match Address::parse(text) {
        Address::Mobile(name) => key(Class::Mobile, name),
        Address::Local(name) => key(Class::Local, name),
        Address::Topo { area, router, rest } if area == AREA && router == own => {
            key(Class::Local, rest)
        }
        Address::Edge { router, rest } if router == own => key(Class::Local, rest),
        _ if mode == Mode::Edge => Resolved::Uplink,
        Address::Topo { area, router, .. } if area == AREA => key(Class::Router, router),
        Address::Topo { area, .. } => key(Class::Area, area),
        Address::All(rest) => key(Class::Topological, rest),
        Address::Edge { router, .. } => key(Class::EdgeHost, router),
    }
}

/// `amqp://host:port/x`, `amqp:/x`, `/x` and `x` all mean `x`.
fn strip_host(text: &str) -> &str {
    let after_scheme = match text.split_once(':') {
        Some((scheme, rest))
            if rest.starts_with('/')
                && !scheme.is_empty()
                && scheme.chars().all(|c| c.is_ascii_alphanumeric()) =>
        {
            rest
        }
        _ => text,
    };
    if let Some(rest) = after_scheme.strip_prefix("//") {
        // A host without a path has no address behind it: keep the host itself.
        return rest.split_once('/').map_or(rest, |(_, path)| path);
    }
    after_scheme.strip_prefix('/').unwrap_or(after_scheme)
}

fn topo(tail: &str) -> Option<Address<'_>> {
    let (area, tail) = tail.split_once('/')?;
    let (router, rest) = tail.split_once('/')?;
    if router == "all" {
        return Some(Address::All(rest));
    }
    Some(Address::Topo { area, router, rest })
}

fn edge(tail: &str) -> Option<Address<'_>> {
    let (router, rest) = tail.split_once('/')?;
    Some(Address::Edge { router, rest })
}

fn skip_one(tail: &str) -> Option<&str> {
    tail.split_once('/').map(|(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str, mode: Mode) -> String {
        match resolve(text, "me", mode) {
            Resolved::Key(key) => key.to_string(),
            Resolved::Uplink => "up".to_owned(),
        }
    }

    #[test]
    fn scheme_and_host_are_skipped() {
        for text in ["amqp://host:5672/q/x", "amqp:/q/x", "/q/x", "q/x"] {
            assert_eq!(key(text, Mode::Interior), "Mq/x", "{text}");
        }
        assert_eq!(key("urn:x", Mode::Interior), "Murn:x");
        assert_eq!(key("amqp://host", Mode::Interior), "Mhost");
        assert_eq!(key("", Mode::Interior), "M");
    }

    #[test]
    fn forms_have_their_keys() {
        for (text, interior, edge) in [
            ("_local/qdhello", "Lqdhello", "Lqdhello"),
            ("_topo/0/me/$management", "L$management", "L$management"),
            ("amqp:/_topo/0/other/temp.x", "Rother", "up"),
            ("_topo/1/other/x", "A1", "up"),
            ("_topo/0/all/qdrouter", "Tqdrouter", "up"),
            ("_topo/all/all/qdrouter", "Tqdrouter", "up"),
            ("amqp:/_edge/me/temp.x", "Ltemp.x", "Ltemp.x"),
            ("amqp:/_edge/other/temp.x", "Hother", "up"),
            ("_xtopo/net/0/other/x", "Rother", "up"),
            ("_xedge/net/other/x", "Hother", "up"),
            ("_topo", "M_topo", "M_topo"),
            ("_topo/0", "M_topo/0", "M_topo/0"),
            ("_edge/x", "M_edge/x", "M_edge/x"),
            ("$management", "M$management", "M$management"),
        ] {
            assert_eq!(key(text, Mode::Interior), interior, "{text}");
            assert_eq!(key(text, Mode::Edge), edge, "{text}");
        }
    }

    #[test]
    fn wire_keys_with_and_without_phase() {
        let read = |text, phased| Key::from_wire(text, phased).map(|k| k.to_string());
        assert_eq!(read("M0orders", true).as_deref(), Some("Morders"));
        assert_eq!(read("Morders", false).as_deref(), Some("Morders"));
        assert_eq!(read("He1", true).as_deref(), Some("He1"));
        assert_eq!(read("Mx", true), None);
        assert_eq!(read("", false), None);
        assert_eq!(read("Zx", false), None);
        let key = Key { class: Class::Mobile, name: "a" };
        assert_eq!((key.to_wire(true), key.to_wire(false)), ("M0a".into(), "Ma".into()));
    }
}
