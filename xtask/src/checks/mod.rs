//! Checks of the source tree that no compiler does: dependency policy and file style.

pub mod policy;
pub mod spdx;
pub mod style;
