//! Emulated hardware: machines that boot a real kernel with the device programs, and what they must survive.

mod enrolment;
pub mod guest;
pub mod host;
pub mod image;
pub mod machine;
pub mod measure;
pub mod network;
pub mod opkg;
pub mod release;
pub mod scenario;
pub mod tally;
mod updates;
pub mod workload;
