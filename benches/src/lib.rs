//! Figures of a whole network on this machine: recorded, never judged by a test.

pub mod deploy;
pub mod figures;
pub mod messages;
pub mod process;
