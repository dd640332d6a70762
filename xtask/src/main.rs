//! The one entry point: `cargo xtask help` lists the commands.

use std::process::ExitCode;

use argh::FromArgs;
use xtask::cmd;
use xtask::tools::say;

/// Brings up an Edge Compute Network, builds, tests, measures.
#[derive(FromArgs)]
struct Arguments {
    #[argh(subcommand)]
    command: Command,
}

#[derive(FromArgs)]
#[argh(subcommand)]
enum Command {
    Up(cmd::up::Up),
    Down(cmd::down::Down),
    Status(cmd::status::Status),
    Build(cmd::build::Build),
    Test(cmd::test::Test),
    Lint(cmd::lint::Lint),
    Check32(cmd::check32::Check32),
    Bench(cmd::bench::Bench),
    Cross(cmd::cross::Cross),
    Hw(cmd::hw::Hw),
    Instructions(cmd::instructions::Instructions),
    Package(cmd::package::Package),
    Ci(cmd::ci::Ci),
}

fn main() -> ExitCode {
    let arguments: Arguments = argh::from_env();
    let result = match &arguments.command {
        Command::Up(command) => command.run(),
        Command::Down(command) => command.run(),
        Command::Status(command) => command.run(),
        Command::Build(command) => command.run(),
        Command::Test(command) => command.run(),
        Command::Lint(command) => command.run(),
        Command::Check32(command) => command.run(),
        Command::Bench(command) => command.run(),
        Command::Cross(command) => command.run(),
        Command::Hw(command) => command.run(),
        Command::Instructions(command) => command.run(),
        Command::Package(command) => command.run(),
        Command::Ci(command) => command.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say::line(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
