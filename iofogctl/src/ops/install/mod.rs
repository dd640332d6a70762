//! Installs our Agent and Controller on machines over SSH: a static binary, a service file for the device's init
//! system, configuration. Needs nothing but POSIX sh over there; repeating it is safe.

mod agent;
mod binary;
mod component;
mod controller;
mod probe;
mod program;
mod provision;
mod scripts;
mod service;

pub use agent::{install, uninstall};
pub use binary::program_path;
pub use controller::{install_controller, rollback_controller, uninstall_controller};
pub use probe::{Device, Init, probe};
pub use provision::{deprovision, provision, wait_online};
