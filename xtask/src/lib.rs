//! What the project's one entry point is made of; the black-box tests and benchmarks use the same parts.
//!
//! `tools` reaches the machine (HTTP, the container engine, processes, cargo), `ecn` knows what a whole
//! Edge Compute Network on one machine consists of, `checks` judges the source tree,
//! `cross` builds for other architectures, `hw` runs the result on emulated hardware, `package` packs it,
//! `cmd` holds one file per command.

pub mod checks;
pub mod cmd;
pub mod cross;
pub mod ecn;
pub mod hw;
pub mod package;
pub mod tools;
