//! Addresses: the forms clients write, the keys routers route by, and the rules of treatment
//! (router.md 4.1 and 4.2).

mod parse;
mod pattern;

pub use parse::{AREA, Address, Resolved, resolve};
pub use pattern::{Pattern, Rules};

use std::fmt;

/// Which table an address key lives in; the letter starts the key on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// This router only.
    Local,
    /// One given other router.
    Router,
    /// Another area.
    Area,
    /// Every interior router.
    Topological,
    /// One given edge router, seen from its interior.
    EdgeHost,
    /// Anything else: where its consumers are.
    Mobile,
}

/// A routing key: class and name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key<'a> {
    /// Class.
    pub class: Class,
    /// Name within the class.
    pub name: &'a str,
}

impl Class {
    /// Every class, in the order of [`Class::index`].
    pub const ALL: [Self; 6] =
        [Self::Local, Self::Router, Self::Area, Self::Topological, Self::EdgeHost, Self::Mobile];

    /// Position in [`Class::ALL`].
    #[must_use]
    pub fn index(self) -> usize {
        match self {
            Self::Local => 0,
            Self::Router => 1,
            Self::Area => 2,
            Self::Topological => 3,
            Self::EdgeHost => 4,
            Self::Mobile => 5,
        }
    }

    /// The letter that starts a key of this class.
    #[must_use]
    pub fn letter(self) -> char {
        match self {
            Self::Local => 'L',
            Self::Router => 'R',
            Self::Area => 'A',
            Self::Topological => 'T',
            Self::EdgeHost => 'H',
            Self::Mobile => 'M',
        }
    }
}

impl<'a> Key<'a> {
    /// Reads a key as it stands in MAU and tracking messages. `phased`: mobile keys carry a
    /// phase digit after the letter (Dispatch).
    #[must_use]
    pub fn from_wire(text: &'a str, phased: bool) -> Option<Self> {
        let mut chars = text.chars();
        let letter = chars.next()?;
        let class = Class::ALL.into_iter().find(|class| class.letter() == letter)?;
        if phased && class == Class::Mobile {
            chars.next().filter(char::is_ascii_digit)?;
        }
        Some(Self { class, name: chars.as_str() })
    }

    /// The key as it stands in MAU and tracking messages.
    #[must_use]
    pub fn to_wire(self, phased: bool) -> String {
        let mut out = String::with_capacity(self.name.len() + 2);
        out.push(self.class.letter());
        if phased && self.class == Class::Mobile {
            out.push('0');
        }
        out.push_str(self.name);
        out
    }
}

impl fmt::Display for Key<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}{}", self.class.letter(), self.name)
    }
}
