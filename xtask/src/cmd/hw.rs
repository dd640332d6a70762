//! `cargo xtask hw`: the device programs on emulated hardware, against a Controller and a Router on this machine.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use argh::{FromArgValue, FromArgs};

use crate::cross::toolchain::{self, Tools};
use crate::cross::{build, target};
use crate::hw::host::{CERTIFICATE, Host};
use crate::hw::image::{self, Placed};
use crate::hw::machine::{MACHINES, Machine, find};
use crate::hw::measure::Figures;
use crate::hw::network;
use crate::hw::opkg;
use crate::hw::release::Releases;
use crate::hw::scenario::Gateway;
use crate::hw::tally::{Attempt, Tally};
use crate::hw::workload;
use crate::package::formats::{self, Input};
use crate::package::tree::Format;
use crate::tools::cargo::{self, Profile, workspace};
use crate::tools::{apt, files, say};

/// Boots real kernels in QEMU with the device programs; needs root. Without arguments: one ARM and one MIPS machine.
#[derive(FromArgs)]
#[argh(subcommand, name = "hw")]
pub struct Hw {
    /// machine by name (armv7, aarch64, mipsel)
    #[argh(positional)]
    machines: Vec<String>,
    /// every machine and every scenario
    #[argh(switch)]
    all: bool,
    /// the least that shows a device works: joining, no network, power cuts, without the minute of idling
    #[argh(switch)]
    small: bool,
    /// power cuts while state is written, and as many during updates (default 5)
    #[argh(option, default = "5")]
    cuts: u32,
    /// one scenario after joining instead of all, may be repeated: power-cuts, no-network, clock, updates, full-disk,
    /// bad-link, package, ipk or enrolment
    #[argh(option)]
    only: Vec<Scenario>,
    /// folder of static programs opkg-MACHINE for the ipk; without one for the machine a script stands in
    #[argh(option)]
    opkg: Option<PathBuf>,
    /// take the programs that are there instead of building them
    #[argh(switch)]
    no_build: bool,
    /// report as the test harness does, as one part of `cargo xtask test`: a gateway that fails is tried once more, and what
    /// this machine lacks is skipped
    #[argh(switch)]
    counted: bool,
}

/// What a gateway is put through once it has joined, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scenario {
    PowerCuts,
    NoNetwork,
    Clock,
    Updates,
    FullDisk,
    BadLink,
    Package,
    Ipk,
    Enrolment,
}

const SCENARIOS: [(&str, Scenario); 9] = [
    ("power-cuts", Scenario::PowerCuts),
    ("no-network", Scenario::NoNetwork),
    ("clock", Scenario::Clock),
    ("updates", Scenario::Updates),
    ("full-disk", Scenario::FullDisk),
    ("bad-link", Scenario::BadLink),
    ("package", Scenario::Package),
    ("ipk", Scenario::Ipk),
    ("enrolment", Scenario::Enrolment),
];

impl FromArgValue for Scenario {
    fn from_arg_value(value: &str) -> Result<Self, String> {
        let found = SCENARIOS.iter().find(|(name, _)| *name == value);
        found.map(|(_, scenario)| *scenario).ok_or_else(|| {
            format!("no scenario {value}: known are {}", SCENARIOS.map(|(name, _)| name).join(", "))
        })
    }
}

/// The scenarios of `--small`.
const SMALL: [Scenario; 2] = [Scenario::PowerCuts, Scenario::NoNetwork];

/// Packages of this machine that the emulation needs.
const PACKAGES: &[&str] =
    &["qemu-system-arm", "qemu-system-mips", "cpio", "kmod", "e2fsprogs", "iproute2", "ipxe-qemu"];

/// Programs of these.
const TOOLS: [&str; 6] =
    ["qemu-system-arm", "qemu-system-mipsel", "cpio", "modprobe", "mke2fs", "ip"];

impl Hw {
    /// Runs the command.
    ///
    /// # Errors
    /// When a scenario fails.
    pub fn run(&self) -> Result<()> {
        ensure!(!(self.small && self.all), "--small and --all contradict each other");
        let machines = self.chosen()?;
        if network::is_inside() {
            network::enter()?;
            return self.inside(&machines);
        }
        match fetch(&machines) {
            Err(lacking) if self.counted => {
                say::line(&format!(
                    "{} scenarios cannot run here: {lacking:#}",
                    self.names().len()
                ));
                let left_out = machines.len() * self.names().len();
                say::line(&Tally { left_out, ..Tally::default() }.to_string());
                return Ok(());
            }
            fetched => self.build(&fetched?, &machines)?,
        }
        let status = network::enter()?.context("still outside of the namespaces")?;
        ensure!(status.success(), "emulated hardware: {status}");
        Ok(())
    }

    /// Only what the guests and their network use.
    fn build(&self, tools: &Tools, machines: &[&'static Machine]) -> Result<()> {
        if self.no_build {
            return Ok(());
        }
        for machine in machines {
            let target = target::find(machine.name)?;
            build::program(tools, target, "iofog-agent", "iofog-agent")?;
            build::program(tools, target, "iofog-samples", "sensor")?;
        }
        cargo::build(Profile::Debug).map(drop)
    }

    /// All machines, one after the other, in the namespaces.
    fn inside(&self, machines: &[&'static Machine]) -> Result<()> {
        let mut all = Vec::new();
        let mut tally = Tally::default();
        let wanted = self.names().len();
        for machine in machines {
            let (mut attempt, mut figures) = self.attempt(machine);
            let mut before = None;
            if let Some((name, why)) = attempt.failure.as_ref().filter(|_| self.counted) {
                say::line(&format!("{name}: {why}; the gateway once more, from a new disk"));
                before = Some(attempt);
                (attempt, figures) = self.attempt(machine);
            }
            if let Some((name, why)) = attempt.failure.as_ref().filter(|_| !self.counted) {
                bail!("{name}: {why}");
            }
            tally.add(wanted, &attempt, before.as_ref());
            all.push(figures);
        }
        files::write_json(&workspace().join("out/hw/figures.json"), &all)?;
        if self.counted {
            say::line(&tally.to_string());
        }
        ensure!(tally.failed.is_empty(), "{} scenarios failed", tally.failed.len());
        Ok(())
    }

    /// A gateway's way from a fresh disk, as far as it comes.
    fn attempt(&self, machine: &'static Machine) -> (Attempt, Figures) {
        let mut attempt = Attempt::default();
        let mut figures = Figures {
            machine: machine.name.into(),
            memory_mb: machine.memory,
            ..Figures::default()
        };
        if let Err(error) = self.machine(machine, &mut attempt.passed, &mut figures) {
            let at = self.names().get(attempt.passed).copied().unwrap_or("its end");
            attempt.failure = Some((format!("{}: {at}", machine.name), format!("{error:#}")));
        }
        (attempt, figures)
    }

    fn machine(
        &self,
        machine: &'static Machine,
        passed: &mut usize,
        figures: &mut Figures,
    ) -> Result<()> {
        let start = Instant::now();
        let boot = image::prepare(machine)?;
        let folder = workspace().join("out/hw").join(machine.name);
        let programs = cargo::programs(Profile::Debug)?;
        let mut host = Host::start(&folder.join("host"), programs)?;
        let disk = folder.join("disk.img");
        let releases = Releases::serve(&folder.join("releases"))?;
        let settings = folder.join("update.conf");
        std::fs::write(&settings, releases.settings())?;
        let mut files = placed(machine);
        let program = files[0].from.clone();
        let target = target::find(machine.name)?;
        let input =
            Input { target, name: "iofog-agent", program: &program, version: "0.0.0", epoch: 0 };
        let package = formats::build(Format::Deb, &input)?;
        files.push(Placed { from: package, to: "/root/iofog-agent.deb".into() });
        files.extend(opkg::files(self.opkg.as_deref(), target, &program, &folder)?);
        let certificate = host.certificate()?;
        files.push(Placed { from: certificate, to: format!("/etc/iofog-agent/{CERTIFICATE}") });
        files.extend(workload::images(machine, &boot, &built(machine, "sensor"), &folder)?);
        files.push(Placed { from: settings, to: "/etc/iofog-agent/update.conf".into() });
        image::disk(machine, &boot, &files, &disk)?;
        let log = folder.join("console.log");
        let _ = std::fs::remove_file(&log);
        let mut gateway =
            Gateway { machine, boot, disk, log, host: &mut host, figures, deployed: None };
        gateway.joins_the_network(!self.small)?;
        *passed += 1;
        for (_, scenario) in SCENARIOS.iter().filter(|(_, scenario)| self.wants(*scenario)) {
            match scenario {
                Scenario::PowerCuts => gateway.survives_power_cuts(self.cuts)?,
                Scenario::NoNetwork => gateway.starts_without_network()?,
                Scenario::Clock => gateway.starts_in_1970()?,
                Scenario::Updates => gateway.survives_updates(self.cuts, &releases)?,
                Scenario::FullDisk => gateway.survives_a_full_disk()?,
                Scenario::BadLink => gateway.works_over_a_bad_link()?,
                Scenario::Package => gateway.takes_the_package()?,
                Scenario::Ipk => gateway.takes_the_ipk(self.opkg.as_deref())?,
                Scenario::Enrolment => gateway.enrols_by_the_batch(&files)?,
            }
            *passed += 1;
        }
        host.stop()?;
        say::step(
            "hw",
            &format!("{}: done in {:.0} s", machine.name, start.elapsed().as_secs_f32()),
        );
        Ok(())
    }

    /// What a gateway is put through, by name.
    fn names(&self) -> Vec<&'static str> {
        let chosen = SCENARIOS.iter().filter(|(_, scenario)| self.wants(*scenario));
        std::iter::once("joins").chain(chosen.map(|(name, _)| *name)).collect()
    }

    /// Without a choice all but the bad link, which belongs to the full matrix.
    fn wants(&self, scenario: Scenario) -> bool {
        match (self.only.is_empty(), self.small) {
            (false, _) => self.only.contains(&scenario),
            (true, true) => SMALL.contains(&scenario),
            (true, false) => self.all || scenario != Scenario::BadLink,
        }
    }

    fn chosen(&self) -> Result<Vec<&'static Machine>> {
        match (self.all, self.machines.is_empty()) {
            (true, true) => Ok(MACHINES.iter().collect()),
            (false, true) => ["armv7", "mipsel"].into_iter().map(find).collect(),
            (_, false) => self.machines.iter().map(|name| find(name)).collect(),
        }
    }
}

/// What comes from elsewhere: emulators, compiler, kernels.
fn fetch(machines: &[&'static Machine]) -> Result<Tools> {
    ensure!(rustix::process::geteuid().is_root(), "not root: no namespaces can be made");
    if !TOOLS.iter().all(|tool| has(tool)) {
        apt::install(PACKAGES)?;
    }
    let allowed =
        Command::new("unshare").args(["--net", "--mount", "--pid", "--fork", "true"]).status();
    ensure!(allowed.is_ok_and(|status| status.success()), "namespaces are refused here");
    let tools = toolchain::ensure()?;
    for machine in machines {
        image::prepare(machine)?;
    }
    Ok(tools)
}

/// The files of ours on the disk.
fn placed(machine: &Machine) -> Vec<Placed> {
    let guest = workspace().join("hw-tests/guest");
    vec![
        Placed { from: built(machine, "iofog-agent"), to: "/usr/sbin/iofog-agent".into() },
        Placed { from: guest.join("page.html"), to: "/usr/lib/page/index.html".into() },
    ]
}

/// A program as built for the machine.
fn built(machine: &Machine, name: &str) -> PathBuf {
    let triple = target::find(machine.name).map(|target| target.triple).unwrap_or_default();
    build::folder().join(triple).join("edge").join(name)
}

fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(system).any(|folder| folder.join(program).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenarios(words: &[&str]) -> Vec<&'static str> {
        let hw = Hw::from_args(&["hw"], words).unwrap();
        hw.names()
    }

    #[test]
    fn scenarios_are_chosen() {
        assert_eq!(scenarios(&["--small"]), ["joins", "power-cuts", "no-network"]);
        assert_eq!(scenarios(&["--small", "--only", "clock"]), ["joins", "clock"]);
        assert!(!scenarios(&[]).contains(&"bad-link"));
        assert_eq!(scenarios(&["--all"]).len(), SCENARIOS.len() + 1);
        assert!(Hw::from_args(&["hw"], &["--small", "--all"]).unwrap().run().is_err());
    }
}
