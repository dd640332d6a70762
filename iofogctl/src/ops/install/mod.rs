//! Installs our Agent on devices over SSH: a static binary, a service file for the device's init
//! system, configuration. Needs nothing but POSIX sh over there; repeating it is safe.

mod agent;
mod binary;
mod probe;
mod provision;
mod scripts;
mod service;

pub use agent::{install, uninstall};
pub use probe::{Device, Init, probe};
pub use provision::{deprovision, provision, wait_online};
