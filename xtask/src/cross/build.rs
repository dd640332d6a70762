//! One target's build: the standard library from source, everything static.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::objects;
use super::paths;
use super::slim;
use super::target::Target;
use super::toolchain::Tools;
use crate::tools::cargo::{self, workspace};
use crate::tools::say;

/// A program as built.
#[derive(Debug)]
pub struct Program {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Its size, stripped.
    pub bytes: u64,
}

/// `crt1.o` comes from zig, not from the compiler; a static-pie built this way crashes at start on MIPS; and a program
/// that aborts on a panic unwinds nothing, so that tables for it only take room.
const FLAGS: &str = "-Clink-self-contained=no -Crelocation-model=static -Cforce-unwind-tables=no";

/// A panic of a device program is one instruction that ends it: no texts, nothing to make them with, no places.
/// Symbols stay until they are kept: where a package has a level of its own, cargo asks the linker to take debug information
/// out whatever the profile says, and zig's takes all symbols then.
const DEVICE_FLAGS: &str = "-Zlocation-detail=none -Cstrip=none";

/// What cargo takes flags apart at, where blanks belong to them.
const BETWEEN: &str = "\u{1f}";

/// The packages that have an optimisation of their own in `[profile.edge]`.
const FAST_PACKAGES: [&str; 4] = ["bytes", "iofog-amqp", "iofog-amqp-engine", "iofog-router"];

/// Where the builds go.
pub fn folder() -> PathBuf {
    workspace().join("target-cross")
}

/// Builds programs for a target, of those in [`EDGE_PACKAGES`](cargo::EDGE_PACKAGES), size first, and in
/// [`HOST_PACKAGES`](cargo::HOST_PACKAGES), as releases are.
///
/// # Errors
/// When a build fails or a program is missing after it.
pub fn programs(tools: &Tools, target: &Target, names: &[&str]) -> Result<Vec<Program>> {
    // One at a time, as they are packed: together each would get the features of the others.
    for name in names {
        compile(tools, target, name, &["--package", name, "--bin", name])?;
    }
    let built = folder().join(target.triple);
    names
        .iter()
        .map(|name| {
            let path = built.join(profile(name)).join(name);
            let bytes = std::fs::metadata(&path)
                .with_context(|| format!("no {} after the build", path.display()))?
                .len();
            Ok(Program { name: (*name).to_owned(), path, bytes })
        })
        .collect()
}

/// Builds one program of a package for a target; it lands in `folder()/TRIPLE/edge`.
///
/// # Errors
/// When the build fails.
pub fn program(tools: &Tools, target: &Target, package: &str, name: &str) -> Result<()> {
    compile(tools, target, name, &["--package", package, "--bin", name])
}

fn profile(name: &str) -> &'static str {
    if cargo::HOST_PACKAGES.contains(&name) { "release" } else { "edge" }
}

/// The compiler's flags. A folder named in one may have blanks.
fn flags(tools: &Tools, target: &Target, device: bool) -> Result<OsString> {
    let words = |text: &str| text.split_whitespace().map(OsString::from).collect::<Vec<_>>();
    let named = |flag: &str, path: PathBuf| {
        let mut flag = OsString::from(flag);
        flag.push(path);
        flag
    };
    let mut flags = words(FLAGS);
    if device {
        flags.extend(words(DEVICE_FLAGS));
        flags.extend(words(target.flags));
        flags.push(named("-Clinker=", objects::linker(target)?));
    }
    for object in objects::compiled(tools, target, device)? {
        flags.push(named("-Clink-arg=", object));
    }
    flags.extend(paths::remapped()?.into_iter().map(OsString::from));
    Ok(flags.join(BETWEEN.as_ref()))
}

/// What carries messages has speed before size in the profile, for the Router and the Proxy as programs. In the Agent it
/// carries those of one device, and the size of the program counts.
fn overrides(target: &Target, name: &str) -> Vec<String> {
    if name != "iofog-agent" {
        return Vec::new();
    }
    FAST_PACKAGES
        .iter()
        .map(|package| format!("profile.edge.package.{package}.opt-level=\"{}\"", target.messages))
        .collect()
}

fn shouted(target: &Target) -> String {
    target.triple.to_uppercase().replace('-', "_")
}

fn compile(tools: &Tools, target: &Target, name: &str, what: &[&str]) -> Result<()> {
    let profile = profile(name);
    say::step("cross", &format!("{} for {}", what.join(" "), target.triple));
    // What is fetched has to be in its place before it can be named in the flags.
    cargo::run(cargo::cargo().args(["fetch", "--quiet", "--locked"]))?;
    let device = profile == "edge";
    let mut command = cargo::cargo();
    command
        .args(["zigbuild", "--quiet", "--locked", "-Zbuild-std=std,panic_abort"])
        // Without the default features: names of functions are stripped, so there is nothing a backtrace could show.
        .arg("-Zbuild-std-features=optimize_for_size")
        .args(["--target", target.triple, "--profile", profile])
        .args(what)
        .args(overrides(target, name).iter().flat_map(|set| ["--config", set.as_str()]))
        .env("PATH", tools.path())
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_ENCODED_RUSTFLAGS", flags(tools, target, device)?)
        .env("IOFOG_TARGET", target.name)
        .env("CARGO_TARGET_DIR", folder());
    if device {
        command
            .arg("-Zpanic-immediate-abort")
            .env("IOFOG_LINKER", format!("CARGO_TARGET_{}_LINKER", shouted(target)))
            .env("IOFOG_FOLDERS", paths::linked())
            .env("IOFOG_LLD", slim::tool("rust-lld")?)
            .env("CARGO_PROFILE_EDGE_PANIC", "immediate-abort");
    }
    cargo::run(&mut command)?;
    if device { slim::strip(&folder().join(target.triple).join(profile)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cross::target::find;

    #[test]
    fn the_agent_overrides_what_the_profile_makes_fast() {
        let manifest = std::fs::read_to_string(workspace().join("Cargo.toml")).unwrap();
        let manifest: toml::Table = toml::from_str(&manifest).unwrap();
        let fast = manifest["profile"]["edge"]["package"].as_table().unwrap();
        let named: Vec<_> = fast.keys().map(String::as_str).collect();
        assert_eq!(named, FAST_PACKAGES);
        let mips = find("mips").unwrap();
        assert_eq!(overrides(mips, "iofog-agent").len(), FAST_PACKAGES.len());
        assert!(overrides(mips, "iofog-agent")[0].ends_with("package.bytes.opt-level=\"z\""));
        assert!(overrides(mips, "iofog-router").is_empty());
    }
}
