//! What every emulated gateway must do and survive. Each scenario works on the disk that the one before left.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::guest::{Guest, Power};
use super::host::{Deployed, Host};
use super::image::Boot;
use super::machine::Machine;
use super::measure::{self, Figures, Idle};
use crate::tools::{interrupt, say};

/// An emulated gateway between power cuts.
pub struct Gateway<'a> {
    /// Board.
    pub machine: &'static Machine,
    /// Kernel and first stage.
    pub boot: Boot,
    /// Its disk.
    pub disk: PathBuf,
    /// Copy of its console.
    pub log: PathBuf,
    /// What it talks to.
    pub host: &'a mut Host,
    /// Figures so far.
    pub figures: &'a mut Figures,
    /// Identity that it must keep.
    pub deployed: Option<Deployed>,
}

const AGENT_UP: &str = "iofog-agent status | head -1";
const CONNECTED: &str = "iofog-agent status";
/// Number of the Agent's process, by its command line: shims of containers, which stay when it ends, may be the same program.
pub(super) const AGENT: &str = "ps w | grep '[i]ofog-agent daemon' | cut -c1-5";
/// Containers that run.
pub(super) const CONTAINERS: &str =
    "crun --root /run/iofog-agent/native/runtime list | grep -c running";

impl Gateway<'_> {
    pub(super) fn power_on(&self, power: Power) -> Result<Guest> {
        Guest::start(self.machine, &self.boot, &self.disk, &self.log, power)
    }

    pub(super) fn say(&self, text: &str) {
        say::step("hw", &format!("{}: {text}", self.machine.name));
    }

    /// From a fresh disk to messages at another gateway and a page through the public port; `idles` says whether
    /// memory and writes are read over a minute of idling.
    ///
    /// # Errors
    /// When a step does not happen.
    pub fn joins_the_network(&mut self, idles: bool) -> Result<()> {
        let mut guest = self.power_on(Power::default())?;
        self.figures.boot_s = Some(guest.ready_after);
        self.say(&format!(
            "prompt after {:.1} s of its own clock, {:.1} s here",
            guest.ready_after,
            guest.age()
        ));
        guest.wait(AGENT_UP, |out| out.text.contains("RUNNING"))?;
        guest.must(&format!("iofog-agent config -a {} -sf 2", self.host.url()))?;
        let key = self.host.rest.provisioning_key(&self.host.edge)?;
        let answer = guest.must(&format!("iofog-agent provision {key}"))?;
        ensure!(answer.contains(&self.host.edge), "not provisioned: {answer}");
        self.say("provisioned");
        self.deployed = Some(self.host.deploy()?);
        self.wait_workload(&mut guest, 20)?;
        self.say("its containers run, readings arrive at the far gateway");
        let page = self.host.wait_page()?;
        ensure!(page.contains("served by the gateway"), "another page: {page}");
        self.say("its page opens through the public port");
        if idles {
            self.measure(&mut guest)?;
        }
        guest.shut_down()
    }

    /// Memory and writes of a gateway that does its ordinary work.
    fn measure(&mut self, guest: &mut Guest) -> Result<()> {
        // Stopped where it stands: with nothing to send, the rest is idle.
        guest.must("kill -STOP $(pidof sensor)")?;
        interrupt::sleep(Duration::from_secs(5))?;
        let memory = measure::agent(guest)?;
        let before = measure::written(guest)?;
        interrupt::sleep(Duration::from_secs(60))?;
        let written = measure::written(guest)? - before;
        let idle = Idle {
            available_kb: measure::available(guest)?,
            rss_kb: memory.rss_kb,
            peak_kb: memory.peak_kb,
            threads: memory.threads,
            shims_kb: measure::shims(guest)?,
            idle_written_per_minute: written,
        };
        self.say(&format!(
            "agent {} kB resident, {} kB at its peak, {} thread, {} kB of two shims; {written} bytes written in a \
             minute of idling",
            idle.rss_kb, idle.peak_kb, idle.threads, idle.shims_kb
        ));
        self.figures.idle = Some(idle);
        Ok(())
    }

    /// Power cuts while desired state is written down; after each the gateway must be what it was.
    ///
    /// # Errors
    /// When identity, state or connection is lost.
    pub fn survives_power_cuts(&mut self, cuts: u32) -> Result<()> {
        let sensor = self.deployed.as_ref().context("nothing is deployed")?.sensor.clone();
        for cut in 1..=cuts {
            let mut guest = self.power_on(Power::default())?;
            self.wait_connected(&mut guest)?;
            // Each change is fetched and written by the Agent at once; the cut comes somewhere in a run of them.
            let moment = random_below(1500)?;
            let end = std::time::Instant::now() + Duration::from_millis(u64::from(moment));
            let mut number = cut * 1000;
            while std::time::Instant::now() < end {
                number += 1;
                self.host.change_config(&sensor, number)?;
            }
            guest.cut_power()?;
            *self.figures.cuts_state.get_or_insert(0) += 1;
        }
        let mut guest = self.power_on(Power::default())?;
        guest.wait(CONTAINERS, |out| out.text.trim() != "0")?;
        let workload = measure::uptime(&mut guest)?;
        self.figures.boot_to_workload_s = Some(workload);
        self.wait_connected(&mut guest)?;
        let connected = measure::uptime(&mut guest)?;
        self.figures.boot_to_connected_s = Some(connected);
        self.wait_workload(&mut guest, 10)?;
        let check = guest.must("ls -la /var/lib/iofog-agent /etc/iofog-agent")?;
        ensure!(check.contains("state.json"), "no state: {check}");
        self.say(&format!(
            "{cuts} power cuts while state was written: identity, state and messages are there; first container \
             {workload:.1} s after the kernel's start, connected {connected:.1} s"
        ));
        guest.shut_down()
    }

    /// A start without any network: the Agent runs with what it remembers.
    ///
    /// # Errors
    /// When it does not start or forgot who it is.
    pub fn starts_without_network(&mut self) -> Result<()> {
        let mut guest = self.power_on(Power { no_network: true, ..Power::default() })?;
        guest.wait(AGENT_UP, |out| out.text.contains("RUNNING"))?;
        let info = guest.must("iofog-agent info")?;
        ensure!(info.contains(&self.host.edge), "identity lost without network: {info}");
        let sensor = &self.deployed.as_ref().context("nothing is deployed")?.sensor;
        let state = guest.must("cat /var/lib/iofog-agent/state.json")?;
        ensure!(state.contains(sensor.as_str()), "desired state lost without network");
        self.say("starts without network");
        guest.cut_power()
    }

    /// A board without a battery starts in 1970 and works.
    ///
    /// # Errors
    /// When it does not connect.
    pub fn starts_in_1970(&mut self) -> Result<()> {
        let mut guest = self.power_on(Power { epoch_clock: true, ..Power::default() })?;
        let date = guest.must("date +%Y")?;
        self.wait_connected(&mut guest)?;
        self.wait_workload(&mut guest, 10)?;
        self.say(&format!("connects and sends with its clock in {}", date.trim()));
        guest.cut_power()
    }

    /// A full disk: the Agent stays, and works again once there is room.
    ///
    /// # Errors
    /// When it ends, or stays deaf afterwards.
    pub fn survives_a_full_disk(&mut self) -> Result<()> {
        let sensor = self.deployed.as_ref().context("nothing is deployed")?.sensor.clone();
        let mut guest = self.power_on(Power::default())?;
        self.wait_connected(&mut guest)?;
        let before = guest.must(AGENT)?;
        guest.run(
            "dd if=/dev/zero of=/data/full bs=64k; dd if=/dev/zero of=/data/full2 bs=1k; sync",
        )?;
        for number in 0..20 {
            self.host.change_config(&sensor, 50_000 + number)?;
        }
        interrupt::sleep(Duration::from_secs(3))?;
        let after = guest.must(AGENT)?;
        ensure!(before == after, "the agent ended on a full disk: {before} {after}");
        guest.cut_power()?;
        let mut guest = self.power_on(Power::default())?;
        self.wait_connected(&mut guest)?;
        guest.must("rm -f /data/full /data/full2; sync")?;
        self.host.change_config(&sensor, 60_000)?;
        let path = "cat /var/lib/iofog-agent/state.json";
        guest.wait(path, |out| out.text.contains("60000"))?;
        self.wait_workload(&mut guest, 10)?;
        self.say("survives a full disk and a power cut on it");
        guest.shut_down()
    }

    /// The Debian package on the device itself: installed, upgraded, removed; settings of the user's stay.
    ///
    /// # Errors
    /// When a step fails or leaves something behind.
    pub fn takes_the_package(&mut self) -> Result<()> {
        let mut guest = self.power_on(Power::default())?;
        self.wait_connected(&mut guest)?;
        guest.must(&format!("touch /run/held; kill $({AGENT}); rm -f /usr/sbin/iofog-agent"))?;
        guest.must("mkdir -p /var/lib/dpkg/info; touch /var/lib/dpkg/status")?;
        guest.must("mv /etc/iofog-agent/update.conf /root/")?;
        let install = "dpkg -i /root/iofog-agent.deb";
        let said = guest.must(install)?;
        self.wait_connected(&mut guest).with_context(|| format!("after {install}: {said}"))?;
        guest.must("echo '# mine' >> /etc/iofog-agent/update.conf")?;
        guest.must(install)?;
        guest.must("grep -q '# mine' /etc/iofog-agent/update.conf")?;
        self.wait_connected(&mut guest)?;
        guest.must("dpkg -r iofog-agent")?;
        guest.must(&format!("test -z \"$({AGENT})\" && ! test -e /usr/sbin/iofog-agent"))?;
        guest.must("test -e /etc/iofog-agent/config.xml")?;
        self.say("package installed, upgraded with settings kept, removed");
        guest.cut_power()
    }

    /// A link with half a second of delay and a tenth of the packets lost.
    ///
    /// # Errors
    /// When readings do not arrive, or not all of them.
    pub fn works_over_a_bad_link(&mut self) -> Result<()> {
        let mut guest = self.power_on(Power::default())?;
        self.wait_connected(&mut guest)?;
        guest.must("for m in /lib/extras/sch_netem/*.ko; do insmod $m; done; /sbin/tc qdisc add dev eth0 root netem delay 300ms 50ms loss 10%")?;
        self.wait_workload(&mut guest, 50)?;
        let ledger = self.host.received()?;
        let missing: u64 = ledger["sources"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|one| one["missing"].as_u64())
            .sum();
        self.say(&format!(
            "works over a bad link; {missing} readings missing over all runs so far"
        ));
        guest.shut_down()
    }

    pub(super) fn wait_connected(&self, guest: &mut Guest) -> Result<()> {
        guest.wait(CONNECTED, |out| out.text.contains(": ok")).map(drop)
    }

    /// Waits until the containers of both microservices run and readings arrive at the other gateway. Nothing but
    /// the Agent starts them: what was deployed once comes back by itself.
    fn wait_workload(&self, guest: &mut Guest, readings: u64) -> Result<()> {
        guest.wait(CONTAINERS, |out| out.text.trim() == "2")?;
        self.host.wait_messages(readings).map(drop)
    }
}

/// A random number below `limit`.
pub(super) fn random_below(limit: u32) -> Result<u32> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    Ok(u32::from_le_bytes(bytes) % limit)
}
