//! Emulated hardware: machines that boot a real kernel with the device programs, and what they must survive.

pub mod guest;
pub mod host;
pub mod image;
pub mod machine;
pub mod measure;
pub mod network;
pub mod release;
pub mod scenario;
mod updates;
pub mod workload;
