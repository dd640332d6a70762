//! Checks of the source tree that no compiler does: dependency policy and file style; and the report of a run.

pub(crate) mod again;
pub(crate) mod harness;
pub mod policy;
pub(crate) mod report;
pub mod spdx;
pub mod style;
