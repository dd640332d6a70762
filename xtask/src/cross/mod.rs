//! Cross builds: the targets, the tools, the build, and the sizes that are kept.

pub mod build;
pub mod sizes;
pub mod target;
pub mod toolchain;
