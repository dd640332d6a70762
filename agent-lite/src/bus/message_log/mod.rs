//! Messages that wait, on disk: append-only segments with checksums. Survives a cut at any byte.

mod aside;
mod record;
mod segments;
#[cfg(test)]
mod tests;

pub use record::{Record, Scan};
pub use segments::{Location, MessageLog, Recovered, Recovery};
