//! The `iofogctl` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    iofogctl::run(std::env::args_os().skip(1).collect())
}
