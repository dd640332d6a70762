//! `cargo xtask cross`: static, stripped device programs for the supported targets, and the check of their sizes.

use anyhow::{Result, bail};
use argh::FromArgs;

use crate::cross::{SIZES, build, target, toolchain};
use crate::tools::cargo::{EDGE_PACKAGES, HOST_PACKAGES};
use crate::tools::record::Record;
use crate::tools::say;
use crate::tools::table;

/// Builds static programs for other architectures and checks their sizes.
#[derive(FromArgs)]
#[argh(subcommand, name = "cross")]
pub struct Cross {
    /// target by short name (armv7, mipsel ...) or by triple; none with --all
    #[argh(positional)]
    targets: Vec<String>,
    /// every supported target
    #[argh(switch)]
    all: bool,
    /// only this program (iofog-agent, iofog-router, iofog-proxy; iofogctl and iofog-controller are built only when they
    /// are named); may be repeated
    #[argh(option)]
    program: Vec<String>,
    /// write the sizes of this build into cross/sizes.txt instead of checking against it
    #[argh(switch)]
    record: bool,
    /// only list the targets
    #[argh(switch)]
    list: bool,
}

impl Cross {
    /// Runs the command.
    ///
    /// # Errors
    /// When a target is unknown, a build fails, or a program has grown beyond the recorded size.
    pub fn run(&self) -> Result<()> {
        if self.list {
            let rows: Vec<_> = target::TARGETS
                .iter()
                .map(|known| [known.name, known.triple, known.devices].map(str::to_owned).to_vec())
                .collect();
            say::line(&table::layout(&["target", "triple", "devices"], &rows));
            return Ok(());
        }
        let targets = self.chosen()?;
        let programs = self.programs()?;
        let tools = toolchain::ensure()?;
        let mut grown = Vec::new();
        let mut recorded = Record::read(SIZES)?;
        let mut rows = Vec::new();
        for chosen in targets {
            for program in build::programs(&tools, chosen, &programs)? {
                let name = format!("{} {}", chosen.name, program.name);
                let before = recorded.get(&name);
                rows.push(vec![
                    chosen.name.to_owned(),
                    program.name.clone(),
                    program.bytes.to_string(),
                    before.map_or_else(|| "-".to_owned(), |bytes| bytes.to_string()),
                ]);
                if self.record {
                    recorded.set(&name, program.bytes);
                } else {
                    grown.extend(recorded.judge(&name, program.bytes));
                }
            }
        }
        say::line(&table::layout(&["target", "program", "bytes", "recorded"], &rows));
        if self.record {
            recorded.write()?;
        }
        if grown.is_empty() { Ok(()) } else { bail!("{}", grown.join("\n")) }
    }

    fn chosen(&self) -> Result<Vec<&'static target::Target>> {
        match (self.all, self.targets.is_empty()) {
            (true, true) => Ok(target::TARGETS.iter().collect()),
            (false, false) => self.targets.iter().map(|name| target::find(name)).collect(),
            _ => bail!("name one or more targets, or --all; --list shows them"),
        }
    }

    fn programs(&self) -> Result<Vec<&str>> {
        let known = [&EDGE_PACKAGES[..], &HOST_PACKAGES[..]].concat();
        if let Some(name) = self.program.iter().find(|name| !known.contains(&name.as_str())) {
            bail!("no program {name}: they are {}", known.join(", "));
        }
        match self.program.is_empty() {
            true => Ok(EDGE_PACKAGES.to_vec()),
            false => Ok(self.program.iter().map(String::as_str).collect()),
        }
    }
}
