//! `cargo xtask package`: deb and ipk of the Agent for the supported targets, checksums and a bill of materials.

use std::fmt::Write as _;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use argh::FromArgs;
use serde_json::{Value, json};

use crate::cross::{build, target, toolchain};
use crate::package::formats::{self, Input};
use crate::package::tree::Format;
use crate::tools::cargo::{self, workspace};
use crate::tools::{archive, say};

/// Builds deb and ipk packages, SHA256SUMS and a CycloneDX bill of materials into out/packages-built.
#[derive(FromArgs)]
#[argh(subcommand, name = "package")]
pub struct Package {
    /// target by short name; none with --all
    #[argh(positional)]
    targets: Vec<String>,
    /// every supported target
    #[argh(switch)]
    all: bool,
    /// take the device programs that are there instead of building them
    #[argh(switch)]
    no_build: bool,
}

impl Package {
    /// Runs the command.
    ///
    /// # Errors
    /// When a build or a packaging tool fails.
    pub fn run(&self) -> Result<()> {
        ensure!(self.all == self.targets.is_empty(), "name one or more targets, or --all");
        let targets: Vec<_> = match self.all {
            true => target::TARGETS.iter().collect(),
            false => self.targets.iter().map(|name| target::find(name)).collect::<Result<_>>()?,
        };
        let version = env!("CARGO_PKG_VERSION");
        let epoch = commit_date()?;
        let mut made = Vec::new();
        for target in targets {
            if !self.no_build {
                build::packages(&toolchain::ensure()?, target, &["iofog-agent"])?;
            }
            let program = build::folder().join(target.triple).join("edge/iofog-agent");
            let input = Input { target, program: &program, version, epoch };
            for format in [Format::Deb, Format::Ipk] {
                let file = formats::build(format, &input)?;
                say::line(&format!("{}", file.display()));
                made.push(file);
            }
        }
        let folder = workspace().join("out/packages-built");
        let materials = folder.join("iofog-agent.cdx.json");
        std::fs::write(&materials, bill_of_materials(version)?)?;
        made.push(materials);
        let mut sums = String::new();
        for file in &made {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            let _ = writeln!(sums, "{}  {name}", archive::hex(&std::fs::read(file)?));
        }
        std::fs::write(folder.join("SHA256SUMS"), sums)?;
        Ok(())
    }
}

/// Date of the commit: packages of one commit are the same bytes whenever they are built.
fn commit_date() -> Result<u64> {
    let output = Command::new("git")
        .args(["log", "-1", "--format=%ct"])
        .current_dir(workspace())
        .output()
        .context("cannot run git")?;
    String::from_utf8_lossy(&output.stdout).trim().parse().context("no commit, no date")
}

/// What the Agent is linked from, in CycloneDX 1.5: normal dependencies only, by the lock file.
fn bill_of_materials(version: &str) -> Result<String> {
    let output = cargo::cargo()
        .args(["tree", "--locked", "--package", "iofog-agent", "--edges", "normal"])
        .args(["--prefix", "none", "--format", "{p}|{l}"])
        .output()?;
    ensure!(output.status.success(), "cargo tree failed");
    let text = String::from_utf8_lossy(&output.stdout);
    let mut lines: Vec<&str> = text.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    lines.sort_unstable();
    lines.dedup();
    let components: Vec<Value> = lines.iter().filter_map(|line| component(line)).collect();
    let document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": { "type": "application", "name": "iofog-agent", "version": version } },
        "components": components,
    });
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

fn component(line: &str) -> Option<Value> {
    let (package, licence) = line.split_once('|')?;
    let mut words = package.split(' ');
    let (name, version) = (words.next()?, words.next()?.trim_start_matches('v'));
    let mut component = json!({
        "type": "library", "name": name, "version": version,
        "licenses": [{ "expression": licence.trim_end_matches(" (*)").replace('/', " OR ") }],
    });
    // A package with a path is one of this workspace; the others come from the crate registry.
    if words.all(|word| !word.starts_with("(/")) {
        component["purl"] = json!(format!("pkg:cargo/{name}@{version}"));
    }
    Some(component)
}

#[cfg(test)]
mod tests {
    use super::component;

    #[test]
    fn registry_packages_have_an_address() {
        let one = component("log v0.4.29|MIT OR Apache-2.0").unwrap();
        assert_eq!(one["purl"], "pkg:cargo/log@0.4.29");
        let own = component("iofog-api v0.1.0 (/somewhere/crates/api)|Apache-2.0").unwrap();
        assert!(own.get("purl").is_none());
    }
}
