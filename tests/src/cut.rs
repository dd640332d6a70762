//! Cuts a gateway's Router off from the interior by dropping its packets, as a lost link does:
//! nobody is told that the connection is gone.

use std::net::Ipv4Addr;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::scenario::Skip;

/// A cut link; it is whole again once this is dropped.
#[derive(Debug)]
pub struct Cut {
    rules: Vec<Vec<String>>,
}

impl Cut {
    /// Drops every packet between `gateway` and TCP port `port` of `interior`, both ways.
    ///
    /// # Errors
    /// With [`Skip`] when this machine has no usable packet filter.
    pub fn between(gateway: Ipv4Addr, interior: Ipv4Addr, port: u16) -> Result<Self> {
        let (gateway, interior, port) =
            (gateway.to_string(), interior.to_string(), port.to_string());
        let rule = |chain: &str, from: &str, to: &str, side: &str| -> Vec<String> {
            let words =
                [chain, "-p", "tcp", "-s", from, "-d", to, side, port.as_str(), "-j", "DROP"];
            words.iter().map(|word| (*word).to_owned()).collect()
        };
        // The engine masquerades what leaves its networks, so the gateway's own address is seen
        // only before that on the way out and after it is undone on the way in.
        let there = rule("OUTPUT", &gateway, &interior, "--dport");
        let back = rule("INPUT", &interior, &gateway, "--sport");
        let mut cut = Self { rules: Vec::new() };
        for rule in [there, back] {
            if let Err(error) = iptables("-I", &rule) {
                return Err(Skip(format!("no packet filter: {error:#}")).into());
            }
            cut.rules.push(rule);
        }
        Ok(cut)
    }
}

impl Drop for Cut {
    fn drop(&mut self) {
        for rule in &self.rules {
            let _ = iptables("-D", rule);
        }
    }
}

fn iptables(action: &str, rule: &[String]) -> Result<()> {
    let output = Command::new("/usr/sbin/iptables")
        .args(["-w", action])
        .args(rule)
        .output()
        .context("cannot run iptables")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}
