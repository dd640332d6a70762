//! Figures of one Agent: its start, and what it takes while nothing happens.

pub mod figures;
pub mod idle;
pub mod network;
pub mod relay;
pub mod start;
