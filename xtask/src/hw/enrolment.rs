//! Devices of one image: each gets an agent of its own with the key of the batch (decision 0130).

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::guest::{Guest, Power};
use super::host::CERTIFICATE;
use super::image::{self, Placed};
use super::scenario::{Gateway, random_below};

const FIRST_BOOT: &str = "/etc/iofog-agent/first-boot";
const DEVICES: [&str; 2] = ["52:54:00:10:f0:01", "52:54:00:10:f0:02"];

impl Gateway<'_> {
    /// Flashes one image on two devices and switches them on, the first of them with its power cut while it enrols: both
    /// connect, as two agents, and stay these.
    ///
    /// # Errors
    /// When one does not enrol, or both are the same agent.
    pub fn enrols_by_the_batch(&mut self, files: &[Placed]) -> Result<()> {
        let own = self.disk.clone();
        let flashed = self.flash(files)?;
        let mut agents = Vec::new();
        for (mac, disk) in DEVICES.into_iter().zip(&flashed) {
            self.disk.clone_from(disk);
            let power = Power { mac: Some(mac), ..Power::default() };
            if agents.is_empty() {
                let guest = self.power_on(power)?;
                std::thread::sleep(Duration::from_millis(u64::from(random_below(3000)?)));
                guest.cut_power()?;
            }
            let mut guest = self.power_on(power)?;
            self.wait_connected(&mut guest)?;
            let agent = identity(&mut guest)?;
            guest.must(&format!("! test -e {FIRST_BOOT}"))?;
            guest.cut_power()?;
            let mut guest = self.power_on(power)?;
            self.wait_connected(&mut guest)?;
            ensure!(identity(&mut guest)? == agent, "another agent after a power cut");
            guest.cut_power()?;
            agents.push(agent);
        }
        self.disk = own;
        ensure!(agents[0] != agents[1], "two devices are one agent: {}", agents[0]);
        let keys: Value =
            self.host.rest.call("GET", "/enrolment-keys", None)?.expect(&[200])?.json()?;
        let enrolled = &keys["enrolmentKeys"][0]["enrolled"];
        ensure!(*enrolled == 2, "the Controller counts {enrolled} devices");
        self.say("two devices of one image enrolled as agents of their own, one over a power cut");
        Ok(())
    }

    /// The image with a key of the batch, on the disks of two devices; nothing else in it tells them where they belong.
    fn flash(&self, files: &[Placed]) -> Result<[std::path::PathBuf; 2]> {
        let body = json!({
            "name": "hw", "devices": 2, "validHours": 1, "perMinute": 60, "agentName": "batch-{device}",
            "agent": { "routerMode": "edge", "messagingPort": 5672 },
        });
        let made = self.host.rest.call("POST", "/enrolment-keys", Some(&body))?.expect(&[201])?;
        let made: Value = made.json()?;
        let key = made["key"].as_str().context("no key")?;
        let certificate = fs::read_to_string(self.host.certificate()?)?;
        let text = format!(
            "controller = {}\nkey = {key}\ndevice = mac\n{}\nend\n",
            self.host.url(),
            certificate.trim()
        );
        let first = self.disk.with_file_name("device-1.img");
        let from = first.with_extension("first-boot");
        fs::write(&from, text)?;
        let mut files: Vec<Placed> =
            files.iter().filter(|one| !one.to.ends_with(CERTIFICATE)).cloned().collect();
        files.push(Placed { from, to: FIRST_BOOT.into() });
        image::disk(self.machine, &self.boot, &files, &first)?;
        let second = self.disk.with_file_name("device-2.img");
        copy(&first, &second)?;
        Ok([first, second])
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    Ok(())
}

fn identity(guest: &mut Guest) -> Result<String> {
    let info = guest.must("iofog-agent info")?;
    let line = info.lines().find(|line| line.to_lowercase().contains("uuid"));
    line.map(str::to_owned).with_context(|| format!("no identity: {info}"))
}
