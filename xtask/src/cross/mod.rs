//! Cross builds: the targets, the tools, the build, and the sizes that are kept.

pub mod build;
pub mod target;
pub mod toolchain;

use crate::tools::record::Form;

/// The sizes that are kept: target and program.
pub const SIZES: Form = Form {
    file: "cross/sizes.txt",
    header: "# Bytes of the static, stripped device programs: target, program, bytes.\n\
        # Written by `cargo xtask cross --all --record`; growth above 2 % fails `cargo xtask cross`.\n",
    words: 2,
    tolerance: 2,
    unit: "bytes",
};
