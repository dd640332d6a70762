//! TCP mode: byte streams carried as messages, over routed links or between two dynamic addresses
//! (proxy.md section 4).

mod blocks;
mod copy;
mod down;
pub(crate) mod egress;
mod gone;
pub(crate) mod ingress;
mod route;
mod sessions;
#[cfg(test)]
mod tests;
mod up;
