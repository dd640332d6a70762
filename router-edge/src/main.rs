//! `iofog-router`: a router as a process of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    iofog_router::program::run()
}
