//! Black-box tests over real processes, and the helpers they share.

pub mod cut;
pub mod scenario;
pub mod wait;
pub mod world;

/// What a scenario returns.
pub type Outcome = anyhow::Result<()>;
