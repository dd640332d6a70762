//! `cargo xtask package`: deb and ipk of the Agent, tarball and bill of materials per program and target; recipes,
//! checksums.

use std::fmt::Write as _;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use argh::FromArgs;

use crate::cross::slim::SYMBOLS;
use crate::cross::{build, target, toolchain};
use crate::package::formats::{self, Input};
use crate::package::recipes::{self, Tarball};
use crate::package::sbom;
use crate::package::tree::Format;
use crate::tools::cargo::{EDGE_PACKAGES, workspace};
use crate::tools::{archive, say};

/// Builds deb, ipk and tarball, a CycloneDX bill of materials, recipes and SHA256SUMS into out/packages-built.
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
        let folder = workspace().join("out/packages-built");
        std::fs::create_dir_all(&folder)?;
        let mut made = Vec::new();
        let mut tarballs = Vec::new();
        for target in targets {
            if !self.no_build {
                build::programs(&toolchain::ensure()?, target, &EDGE_PACKAGES)?;
            }
            for name in EDGE_PACKAGES {
                let program = build::folder().join(target.triple).join("edge").join(name);
                let input = Input { target, name, program: &program, version, epoch };
                let tarball = formats::tarball(&input)?;
                if name == "iofog-agent" {
                    for format in [Format::Deb, Format::Ipk] {
                        made.push(formats::build(format, &input)?);
                    }
                    let sha256 = archive::hex(&std::fs::read(&tarball)?);
                    tarballs.push(Tarball { target: target.name, sha256 });
                }
                made.push(tarball);
                // Of a release only: on the device nobody reads them.
                let known = program.with_extension(SYMBOLS);
                let symbols = folder.join(format!("{name}-{version}-{}.{SYMBOLS}", target.name));
                std::fs::copy(&known, &symbols)
                    .with_context(|| format!("no {} beside the program", known.display()))?;
                made.push(symbols);
                let materials = folder.join(format!("{name}-{version}-{}.cdx.json", target.name));
                std::fs::write(&materials, sbom::document(&input)?)?;
                made.push(materials);
            }
        }
        made.push(recipes::pack(&folder, version, epoch, &tarballs)?);
        let mut sums = String::new();
        for file in &made {
            say::line(&format!("{}", file.display()));
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
