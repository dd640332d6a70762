//! One file per command: its arguments and what it prints. The work is in `ecn` and `tools`.

pub mod bench;
pub mod build;
pub mod check32;
pub mod ci;
pub mod cross;
pub mod down;
pub mod hw;
pub mod instructions;
pub mod lint;
pub mod package;
pub mod status;
pub mod test;
pub mod up;

use std::path::PathBuf;

/// State folder unless `--dir` names another.
fn default_folder() -> PathBuf {
    crate::tools::cargo::workspace().join("out/ecn")
}
