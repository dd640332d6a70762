//! Packages for distributions and firmware: the files they hold, and the two formats.

pub mod formats;
pub mod tree;
