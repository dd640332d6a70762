//! What a Controller may ask of a device beside its workloads: system call traces, a tunnel, its hardware
//! (agent contract 12).

pub mod local_http;
mod trace;
mod tunnel;

pub use trace::Traces;
pub use tunnel::{PASSWORD, Tunnel, TunnelOrder};
