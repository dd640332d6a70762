//! A whole Edge Compute Network on one machine: what it consists of, bringing it up, taking it down.
//!
//! Several can live side by side: each has its own state folder, its own loopback address for the
//! Controller and the system Agent, and its own container networks for the gateways.

pub mod agent;
pub mod application;
pub mod controller;
pub mod down;
pub mod engine;
pub mod images;
pub mod layout;
pub mod network;
pub mod rest;
pub mod state;
pub mod status;
pub mod up;

pub use down::DownOptions;
pub use layout::Layout;
pub use state::EcnState;
pub use up::{Busy, Ecn, UpOptions};
