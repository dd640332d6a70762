//! The ipk on the device itself, under opkg with a stand-in for procd: installed, upgraded, removed.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::guest::Power;
use super::image::Placed;
use super::scenario::{AGENT, CONTAINERS, Gateway};
use crate::cross::target::Target;
use crate::package::formats::{self, Input};
use crate::package::tree::Format;
use crate::tools::cargo::workspace;

/// Version that the upgrade brings.
const LATER: &str = "0.0.1";

/// What the scenario needs on the disk: two versions of the ipk, opkg and its settings, OpenWrt's `rc.common`. `given` is a
/// folder of static programs, `opkg-MACHINE`; without one for this machine a script stands in.
///
/// # Errors
/// When a package cannot be built.
pub fn files(
    given: Option<&Path>,
    target: &Target,
    program: &Path,
    folder: &Path,
) -> Result<Vec<Placed>> {
    let mut placed = Vec::new();
    for (version, to) in [("0.0.0", "/root/first.ipk"), (LATER, "/root/second.ipk")] {
        let input = Input { target, name: "iofog-agent", program, version, epoch: 0 };
        placed.push(Placed { from: formats::build(Format::Ipk, &input)?, to: to.into() });
    }
    let tests = workspace().join("hw-tests");
    let from = opkg(given, target).unwrap_or_else(|| tests.join("guest/opkg"));
    placed.push(Placed { from, to: "/usr/sbin/opkg".into() });
    let settings = folder.join("opkg.conf");
    let text = format!("dest root /\nlists_dir ext /var/opkg-lists\narch {} 10\n", target.openwrt);
    fs::write(&settings, text)?;
    placed.push(Placed { from: settings, to: "/etc/opkg.conf".into() });
    placed.push(Placed { from: tests.join("rc.common"), to: "/root/rc.common".into() });
    Ok(placed)
}

fn opkg(given: Option<&Path>, target: &Target) -> Option<std::path::PathBuf> {
    given.map(|folder| folder.join(format!("opkg-{}", target.name))).filter(|path| path.exists())
}

impl Gateway<'_> {
    /// The ipk on the device itself: installed, upgraded, removed; settings of the user's stay, and containers go on.
    ///
    /// # Errors
    /// When a step fails or leaves something behind.
    pub fn takes_the_ipk(&mut self, given: Option<&Path>) -> Result<()> {
        let target = crate::cross::target::find(self.machine.name)?;
        let mut guest = self.power_on(Power::default())?;
        // Whatever was installed another way before is gone, save for what the Agent remembers.
        guest.must(&format!(
            "touch /run/held; kill $({AGENT}) 2>/dev/null; rm -f /usr/sbin/iofog-agent"
        ))?;
        guest.must("rm -f /etc/init.d/iofog-agent /etc/iofog-agent/update.conf")?;
        guest.must("mkdir -p /var/lock /var/opkg-lists /usr/lib/opkg /etc/init.d; cp /root/rc.common /etc/; chmod 755 /etc/rc.common")?;
        guest.must("ln -s /bin/busybox /sbin/procd")?;
        let said = guest.must("opkg install /root/first.ipk")?;
        self.wait_connected(&mut guest)
            .with_context(|| format!("after its installation: {said}"))?;
        guest.must("test -L /etc/rc.d/S95iofog-agent")?;
        guest.wait(CONTAINERS, |out| out.text.trim() == "2")?;
        let before = guest.must(AGENT)?;
        let containers = guest.must("pidof sensor")?;
        guest.must("echo '# mine' >> /etc/iofog-agent/update.conf")?;
        let said = guest.must("opkg install /root/second.ipk")?;
        let listed = guest.must("opkg list-installed")?;
        ensure!(listed.trim() == format!("iofog-agent - {LATER}"), "{said}; installed: {listed}");
        guest.must("grep -qx '# mine' /etc/iofog-agent/update.conf")?;
        guest.wait(AGENT, |out| !out.text.trim().is_empty() && out.text != before)?;
        self.wait_connected(&mut guest).with_context(|| format!("after its upgrade: {said}"))?;
        guest.must("opkg remove iofog-agent")?;
        guest.must(&format!("test -z \"$({AGENT})\" && ! test -e /usr/sbin/iofog-agent"))?;
        guest.must("! test -e /etc/rc.d/S95iofog-agent && test -e /etc/iofog-agent/config.xml")?;
        guest.must(
            "grep -qx '# mine' /etc/iofog-agent/update.conf; test -z \"$(opkg list-installed)\"",
        )?;
        let after = guest.must("pidof sensor")?;
        ensure!(after == containers, "a container did not go on: {containers} {after}");
        let by = if opkg(given, target).is_some() { "opkg" } else { "a script in opkg's place" };
        self.say(&format!(
            "ipk installed, upgraded with settings kept, removed by {by}; containers went on"
        ));
        guest.cut_power()
    }
}
