//! Lets containers reach what lies beyond the node, with the packet filter that the machine has.

use std::io::{self, Write as _};
use std::process::{Command, Stdio};

use super::Subnet;

/// Switches forwarding on and hides the containers' addresses behind the node's. Doing it again changes nothing.
///
/// # Errors
/// When the machine has neither `nft` nor `iptables`, or both refuse.
pub(crate) fn masquerade(subnet: &Subnet) -> io::Result<()> {
    let switch = "/proc/sys/net/ipv4/ip_forward";
    if std::fs::read_to_string(switch)?.trim() != "1" {
        std::fs::write(switch, "1")?;
    }
    with_nft(subnet).or_else(|first| {
        with_iptables(subnet)
            .map_err(|second| io::Error::other(format!("nft: {first}; iptables: {second}")))
    })
}

fn with_nft(subnet: &Subnet) -> io::Result<()> {
    let cidr = subnet.cidr();
    let chain = format!("c{}", cidr.replace(['.', '/'], "_"));
    let script = format!(
        "add table ip iofog\n\
         add chain ip iofog {chain} {{ type nat hook postrouting priority 100; }}\n\
         flush chain ip iofog {chain}\n\
         add rule ip iofog {chain} ip saddr {cidr} ip daddr != {cidr} masquerade\n"
    );
    let mut child = Command::new("nft")
        .args(["-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(script.as_bytes())?;
    }
    succeeded(child.wait()?)
}

fn with_iptables(subnet: &Subnet) -> io::Result<()> {
    let cidr = subnet.cidr();
    let run = |action: &str| {
        let rule = ["-s", &cidr, "!", "-d", &cidr, "-j", "MASQUERADE"];
        let mut command = Command::new("iptables");
        command.args(["-w", "5", "-t", "nat", action, "POSTROUTING"]).args(rule);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()
    };
    if run("-C")?.success() { Ok(()) } else { succeeded(run("-A")?) }
}

fn succeeded(status: std::process::ExitStatus) -> io::Result<()> {
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("ended with {status}"))) }
}
