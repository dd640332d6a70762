//! Ordered maps and sets for tens of entries, in one piece of memory. The standard ones are trees, which are compiled anew
//! for each kind of key and value, about 2.5 KB each time; these take a fifth of that. Names and meaning are the
//! standard ones'. An insertion or removal moves what is behind it: not for thousands of entries in any order.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

mod map;
mod set;
#[cfg(feature = "serde")]
mod wire;

pub use map::{Entry, Iter, SortedMap};
pub use set::SortedSet;
