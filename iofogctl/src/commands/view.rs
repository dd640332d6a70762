//! `view`: opens the web console.

use std::process::{Command as Process, Stdio};

use crate::cli::Command;
use crate::ops::Context;
use crate::output::line;
use crate::rest::endpoint_host;
use crate::text::{Error, Result, names};

pub(super) const COMMAND: Command = Command {
    name: "view",
    usage: "view",
    short: "Open ECN Viewer",
    long: "Opens the web console of the Controller in a browser, or prints its address.",
    example: "iofogctl view",
    run: Some(|call| {
        let mut context = Context::open(call)?;
        let missing =
            || Error::plain("You must deploy a Control Plane to a namespace to see an ECN Viewer");
        let plane = context.record()?.control_plane().map_err(|_| missing())?;
        let controllers = plane.controllers();
        let url = address(controllers.first().ok_or_else(missing)?.endpoint);
        if open(&url).is_err() {
            line("To see the ECN Viewer, open your browser and go to:");
            line(&url);
        }
        Result::Ok(())
    }),
    ..Command::EMPTY
};

/// The console's address: the API port is dropped, local ones are on 8008.
fn address(endpoint: &str) -> String {
    let scheme = endpoint.split_once("://").map_or("http", |(scheme, _)| scheme);
    let host = endpoint_host(endpoint);
    let port = if names::is_local_host(host) { ":8008" } else { "" };
    format!("{scheme}://{host}{port}")
}

fn open(url: &str) -> std::result::Result<(), ()> {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let status = Process::new(opener).arg(url).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.ok().filter(|status| status.success()).map(|_| ()).ok_or(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn console_address() {
        assert_eq!(super::address("http://10.0.0.1:51121"), "http://10.0.0.1");
        assert_eq!(super::address("http://localhost:51121"), "http://localhost:8008");
        assert_eq!(super::address("https://ecn.example/api/v3"), "https://ecn.example");
    }
}
