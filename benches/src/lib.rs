//! Figures of a whole network on this machine, and load for a Controller: recorded, never judged by a test.

pub mod agent;
pub mod controller;
pub mod deploy;
pub mod figures;
pub mod messages;
pub mod process;
