//! Packages of the distribution for any architecture, fetched and unpacked but never installed: the machine's
//! own package lists stay as they are. What was fetched once is not asked for again.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::cargo::workspace;
use super::{archive, interrupt, say};

const ATTEMPTS: u32 = 4;
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// A package list of its own: one suite, some architectures, nothing installed.
#[derive(Debug)]
pub struct Mirror {
    folder: PathBuf,
    suite: &'static str,
    architectures: &'static [&'static str],
}

/// How much of what a package needs is fetched too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// The package alone.
    Nothing,
    /// Everything it depends on.
    Everything,
}

impl Mirror {
    /// A mirror of `suite` whose files are below `out/packages`; nothing is fetched yet.
    pub fn new(suite: &'static str, architectures: &'static [&'static str]) -> Self {
        Self { folder: workspace().join("out/packages").join(suite), suite, architectures }
    }

    /// The archives of `packages` (`name:architecture`, or `name:architecture=version`).
    ///
    /// # Errors
    /// When there is no apt, or the archives cannot be had after four attempts.
    pub fn fetch(&self, packages: &[String], needs: Needs) -> Result<Vec<PathBuf>> {
        let key = archive::hex(format!("{needs:?} {}", packages.join(" ")).as_bytes());
        let into = self.folder.join("archives").join(&key[..16]);
        let complete = into.join("complete");
        if !complete.exists() {
            say::step("packages", &packages.join(" "));
            fs::create_dir_all(into.join("partial"))?;
            self.retry(|| {
                self.update()?;
                self.download(packages, needs, &into)
            })?;
            fs::write(&complete, packages.join("\n"))?;
        }
        let mut found: Vec<PathBuf> = fs::read_dir(&into)?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "deb"))
            .collect();
        found.sort();
        ensure!(!found.is_empty(), "no archive of {} came", packages.join(", "));
        Ok(found)
    }

    /// The package that a package without content stands for, such as the newest kernel.
    ///
    /// # Errors
    /// When the list has no such package.
    pub fn stands_for(&self, package: &str, architecture: &str) -> Result<String> {
        let note = self.folder.join(format!("{package}-{architecture}"));
        if let Ok(known) = fs::read_to_string(&note) {
            return Ok(known);
        }
        self.retry(|| self.update())?;
        let shown = self.text("apt-cache", &["show", &format!("{package}:{architecture}")])?;
        let found = shown
            .lines()
            .find_map(|line| line.strip_prefix("Depends: ")?.split([' ', ',']).next())
            .with_context(|| format!("{package} for {architecture} stands for nothing"))?;
        fs::write(&note, found)?;
        Ok(found.to_owned())
    }

    fn download(&self, packages: &[String], needs: Needs, into: &Path) -> Result<()> {
        match needs {
            Needs::Nothing => {
                let mut command = self.apt("apt-get");
                run(command.arg("download").args(packages).current_dir(into))
            }
            Needs::Everything => {
                let archives = format!("Dir::Cache::Archives={}", into.display());
                let mut command = self.apt("apt-get");
                run(command
                    .args(["install", "--yes", "--download-only", "--no-install-recommends"])
                    .args(["-o", &archives])
                    .args(packages))
            }
        }
    }

    /// Fetches the lists unless they are less than a day old.
    fn update(&self) -> Result<()> {
        let stamp = self.folder.join("updated");
        let fresh = fs::metadata(&stamp)
            .and_then(|data| data.modified())
            .is_ok_and(|time| time.elapsed().is_ok_and(|age| age < Duration::from_secs(86_400)));
        if fresh {
            return Ok(());
        }
        ensure!(Path::new("/usr/bin/apt-get").exists(), "this system has no apt-get");
        for folder in ["lists/partial", "state", "cache", "etc"] {
            fs::create_dir_all(self.folder.join(folder))?;
        }
        fs::write(self.folder.join("status"), "")?;
        fs::write(self.folder.join("apt.conf"), self.configuration())?;
        let source =
            format!("deb [signed-by={KEYRING}] http://deb.debian.org/debian {} main\n", self.suite);
        fs::write(self.folder.join("sources.list"), source)?;
        let _ = fs::remove_file(&stamp);
        run(self.apt("apt-get").arg("update"))?;
        fs::write(&stamp, "")?;
        Ok(())
    }

    fn configuration(&self) -> String {
        let at = |name: &str| self.folder.join(name).display().to_string();
        let mut text = String::new();
        for (key, value) in [
            ("Dir::State", at("state")),
            ("Dir::State::lists", at("lists")),
            ("Dir::State::status", at("status")),
            ("Dir::Cache", at("cache")),
            ("Dir::Etc", at("etc")),
            ("Dir::Etc::sourcelist", at("sources.list")),
            ("Dir::Etc::sourceparts", "-".into()),
            ("APT::Architecture", self.architectures[0].into()),
            ("APT::Install-Recommends", "false".into()),
            ("APT::Sandbox::User", "root".into()),
            ("Acquire::Languages", "none".into()),
        ] {
            let _ = writeln!(text, "{key} \"{value}\";");
        }
        let all: Vec<String> = self.architectures.iter().map(|one| format!("\"{one}\";")).collect();
        let _ = writeln!(text, "APT::Architectures {{ {} }};", all.join(" "));
        text
    }

    fn apt(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.args(["-qq"]).env("APT_CONFIG", self.folder.join("apt.conf"));
        command
    }

    fn text(&self, program: &str, arguments: &[&str]) -> Result<String> {
        let output = self.apt(program).args(arguments).output()?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// An index caught mid-update is asked again, after its stamp was removed.
    fn retry(&self, mut attempt: impl FnMut() -> Result<()>) -> Result<()> {
        let mut last = None;
        for count in 1..=ATTEMPTS {
            match attempt() {
                Ok(()) => return Ok(()),
                Err(error) => last = Some(error),
            }
            let _ = fs::remove_file(self.folder.join("updated"));
            if count < ATTEMPTS {
                interrupt::sleep(Duration::from_secs(u64::from(5 * count)))?;
            }
        }
        Err(last.unwrap_or_else(|| anyhow::anyhow!("not tried")))
    }
}

/// Unpacks archives below a folder; no script of theirs runs.
///
/// # Errors
/// When an archive is damaged or the folder cannot be written.
pub fn unpack(archives: &[PathBuf], into: &Path) -> Result<()> {
    fs::create_dir_all(into)?;
    for one in archives {
        run(Command::new("dpkg-deb").arg("-x").arg(one).arg(into))?;
    }
    Ok(())
}

/// Runs a command quietly; its last words are in the error.
fn run(command: &mut Command) -> Result<()> {
    let shown = super::cargo::describe(command);
    let output =
        command.stdin(Stdio::null()).output().with_context(|| format!("cannot run {shown}"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let end: Vec<&str> = text.lines().rev().take(3).collect();
    bail!("{shown}: {}", end.into_iter().rev().collect::<Vec<_>>().join(" / "))
}
