//! A node whose network comes up, and changes, long after its start (agent contract 5.2): in a network namespace of its own.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may fail, and says what it skips"
)]

#[cfg(test)]
mod support;

use std::path::Path;
use std::process::{Child, Command, Stdio};

use support::daemon::{PROGRAM, command};
use support::{eventually, folder};

/// A daemon without any network, not even loopback.
struct Cut(Child);

impl Cut {
    fn start(folder: &Path) -> Option<Self> {
        let mut trial = Command::new("unshare");
        trial.args(["-n", "ip", "link"]).stdout(Stdio::null());
        if !trial.status().is_ok_and(|status| status.success()) {
            eprintln!("skipped: no network namespace can be made (root, unshare and ip)");
            return None;
        }
        let config = "<config>\n<docker_url>unix:///nonexistent/engine</docker_url>\n</config>\n";
        std::fs::write(folder.join("config.xml"), config).unwrap();
        let mut unshare = Command::new("unshare");
        unshare.args(["-n", PROGRAM, "--state-dir", folder.to_str().unwrap(), "daemon"]);
        let log = std::fs::File::create(folder.join("stderr.log")).unwrap();
        Some(Self(unshare.stdin(Stdio::null()).stderr(log).spawn().unwrap()))
    }

    /// `ip` where the daemon is.
    fn ip(&self, words: &str) {
        let pid = self.0.id().to_string();
        let mut nsenter = Command::new("nsenter");
        nsenter.args(["-t", &pid, "-n", "ip"]).args(words.split(' '));
        assert!(nsenter.status().unwrap().success(), "{words}");
    }
}

impl Drop for Cut {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn line(folder: &Path, label: &str) -> String {
    let text = String::from_utf8(command(folder, &["info"]).stdout).unwrap();
    let line = text.lines().find(|line| line.starts_with(label)).unwrap_or_default();
    line.split_once(" : ").map_or("", |(_, value)| value).trim().to_owned()
}

#[test]
fn an_address_that_comes_late_or_changes_is_the_nodes() {
    let folder = folder("late-network");
    let Some(daemon) = Cut::start(&folder) else { return };
    let interface = |value: &str| {
        eventually(&format!("its interface is {value}"), || {
            (line(&folder, "Network Interface") == value).then_some(())
        });
        line(&folder, "IP Address")
    };
    assert_eq!(interface("not found(dynamic)"), "");
    daemon.ip("link add name first type veth peer name far");
    daemon.ip("link set far up");
    daemon.ip("addr add 198.51.100.7/24 dev first");
    daemon.ip("link set first up");
    daemon.ip("route add default dev first");
    assert_eq!(interface("first(dynamic)"), "198.51.100.7");
    daemon.ip("link add name second type veth peer name further");
    daemon.ip("link set further up");
    daemon.ip("addr add 203.0.113.9/24 dev second");
    daemon.ip("link set second up");
    daemon.ip("route replace default dev second");
    assert_eq!(interface("second(dynamic)"), "203.0.113.9");
    let _ = std::fs::remove_dir_all(folder);
}
