//! `iofog-agent`: the daemon and its command line.

use std::io::{self, Write as _};
use std::process::ExitCode;

use iofog_agent::cli::{self, Arguments, Call};
use iofog_agent::engine::native;
use iofog_agent::{app, commandline, remote, update};

fn main() -> ExitCode {
    // Helpers of the native engine are this same program.
    match std::env::args().nth(1).as_deref() {
        Some(native::shim::VERB) => return native::shim::main(),
        Some(native::image::worker::VERB) => return native::image::worker::main(),
        _ => {}
    }
    // The client of the tunnel asks for its password.
    if let Ok(password) = std::env::var(remote::PASSWORD) {
        let _ = writeln!(io::stdout().lock(), "{password}");
        return ExitCode::SUCCESS;
    }
    iofog_heap::keep_reserve();
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(error) => return fail(&error.to_string()),
    };
    match &arguments.call {
        Call::Daemon => daemon(&arguments),
        Call::Command(line) => command(&arguments, line),
    }
}

/// Runs the daemon; after an update it starts over in place.
fn daemon(arguments: &Arguments) -> ExitCode {
    let paths = arguments.paths();
    let launch = update::launch(&paths.library, &paths.config);
    let factory = launch.factory.clone();
    match app::run(arguments, launch) {
        Ok(app::End::Stop) => ExitCode::SUCCESS,
        Ok(app::End::StartOver) => fail(&update::relaunch(&factory).to_string()),
        Err(error) => fail(&error.to_string()),
    }
}

/// Everything goes to standard output, and most failures end with 0: scripts of the field rely on it
/// (agent contract 11.1).
fn command(arguments: &Arguments, line: &str) -> ExitCode {
    let reply = match cli::send(&arguments.paths().socket(), line) {
        Ok(reply) => reply,
        Err(_) => commandline::without_daemon(line),
    };
    let mut out = io::stdout().lock();
    // A closed pipe is the reader's choice.
    let _ = writeln!(out, "{}", reply.text);
    if reply.succeeded { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn fail(message: &str) -> ExitCode {
    let _ = writeln!(io::stderr(), "iofog-agent: {message}");
    ExitCode::FAILURE
}
