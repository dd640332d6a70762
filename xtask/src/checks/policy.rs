//! Dependency policy: licences, banned and duplicate crates, sources, as `deny.toml` lists them.
//! Reads the same file as cargo-deny, which is run as well where it is installed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::spdx;
use crate::tools::cargo;

#[derive(Deserialize)]
struct Deny {
    graph: Graph,
    licenses: Licenses,
    bans: Bans,
    sources: Sources,
}

#[derive(Deserialize)]
struct Graph {
    targets: Vec<String>,
}

#[derive(Deserialize)]
struct Licenses {
    allow: Vec<String>,
    #[serde(default)]
    exceptions: Vec<Exception>,
}

#[derive(Deserialize)]
struct Exception {
    #[serde(rename = "crate")]
    name: String,
    allow: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    #[serde(default)]
    deny: Vec<Ban>,
    #[serde(default)]
    skip: Vec<Ban>,
}

#[derive(Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
    /// Packages that may depend on it all the same.
    #[serde(default)]
    wrappers: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Sources {
    allow_registry: Vec<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    source: Option<String>,
    #[serde(default)]
    dependencies: Vec<Dependency>,
}

/// What a manifest asks for; only the one for builds counts, and only if it is always asked for.
#[derive(Deserialize)]
struct Dependency {
    name: String,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    optional: bool,
}

/// Checks the locked dependency tree. Returns how many packages were judged.
///
/// # Errors
/// With every violation, one per line.
pub fn check() -> Result<usize> {
    let text = std::fs::read_to_string(cargo::workspace().join("deny.toml"))
        .context("cannot read deny.toml")?;
    let deny: Deny = toml::from_str(&text).context("deny.toml")?;
    let output = cargo::cargo()
        .args(["metadata", "--format-version", "1", "--all-features", "--locked"])
        .args(deny.graph.targets.iter().flat_map(|target| ["--filter-platform", target]))
        .output()
        .context("cannot run cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let metadata: Metadata =
        serde_json::from_slice(&output.stdout).context("output of cargo metadata")?;
    let mut problems = judge(&deny, &metadata.packages);
    if installed("cargo-deny") {
        let mut command = cargo::cargo();
        command.args(["deny", "--all-features", "check", "bans", "licenses", "sources"]);
        if let Err(error) = cargo::run(&mut command) {
            problems.push(format!("{error:#}"));
        }
    }
    if problems.is_empty() { Ok(metadata.packages.len()) } else { bail!(problems.join("\n")) }
}

fn judge(deny: &Deny, packages: &[Package]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in packages {
        versions.entry(&package.name).or_default().insert(&package.version);
        let shown = format!("{} {}", package.name, package.version);
        if let Some(ban) = deny.bans.deny.iter().find(|b| b.matches(package))
            && !ban.is_wrapped(packages)
        {
            problems.push(format!("{shown} is banned: {}", ban.reason));
        }
        let Some(source) = &package.source else {
            continue;
        };
        let registry = source.strip_prefix("registry+").or(source.strip_prefix("sparse+"));
        if !registry.is_some_and(|r| deny.sources.allow_registry.iter().any(|a| a == r)) {
            problems.push(format!("{shown} comes from {source}, which is not an allowed source"));
        }
        let exception = deny.licenses.exceptions.iter().find(|e| e.name == package.name);
        let extra = exception.map_or(&[][..], |e| &e.allow);
        let allowed =
            |licence: &str| deny.licenses.allow.iter().chain(extra).any(|known| known == licence);
        let expression = package.license.as_deref().unwrap_or_default();
        if !spdx::satisfied(expression, &allowed) {
            problems.push(format!("{shown} has the licence {expression:?}, which is not allowed"));
        }
    }
    for (name, versions) in versions {
        let left = versions
            .iter()
            .filter(|version| !deny.bans.skip.iter().any(|skip| skip.matches_parts(name, version)));
        if left.count() > 1 {
            let list: Vec<&str> = versions.into_iter().collect();
            problems.push(format!("{name} comes in several versions: {}", list.join(", ")));
        }
    }
    problems
}

impl Ban {
    fn matches(&self, package: &Package) -> bool {
        self.matches_parts(&package.name, &package.version)
    }

    /// Only packages that may depend on it do.
    fn is_wrapped(&self, packages: &[Package]) -> bool {
        let asks = |package: &&Package| {
            let asked = |d: &Dependency| d.name == self.name && d.kind.is_none() && !d.optional;
            package.dependencies.iter().any(asked)
        };
        let mut askers = packages.iter().filter(asks);
        !self.wrappers.is_empty() && askers.all(|asker| self.wrappers.contains(&asker.name))
    }

    /// `name` stands for every version, `name@1.2` for those that begin so.
    fn matches_parts(&self, name: &str, version: &str) -> bool {
        match self.name.split_once('@') {
            None => self.name == name,
            Some((wanted, prefix)) => {
                let rest = version.strip_prefix(prefix);
                wanted == name && rest.is_some_and(|r| r.is_empty() || r.starts_with('.'))
            }
        }
    }
}

fn installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| Path::new(&dir).join(program).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = r#"
        [graph]
        targets = []
        [licenses]
        allow = ["MIT"]
        exceptions = [{ crate = "odd", allow = ["Zlib"] }]
        [bans]
        deny = [{ crate = "openssl-sys", reason = "ring everywhere" }]
        skip = [{ crate = "twice@1", reason = "upstream lags" }]
        [sources]
        allow-registry = ["https://example.org/index"]
    "#;

    fn problems(packages: &[(&str, &str, &str, &str)]) -> Vec<String> {
        let deny: Deny = toml::from_str(POLICY).unwrap();
        let packages: Vec<Package> = packages
            .iter()
            .map(|(name, version, license, source)| Package {
                name: (*name).into(),
                version: (*version).into(),
                license: Some((*license).into()),
                source: Some(format!("registry+{source}")),
                dependencies: Vec::new(),
            })
            .collect();
        judge(&deny, &packages)
    }

    const OK: &str = "https://example.org/index";

    #[test]
    fn clean_tree_passes() {
        let tree = [("a", "1.0.0", "MIT", OK), ("odd", "1.0.0", "Zlib", OK)];
        assert!(problems(&tree).is_empty());
    }

    #[test]
    fn each_rule_bites() {
        assert!(problems(&[("a", "1.0.0", "GPL-3.0", OK)])[0].contains("licence"));
        assert!(problems(&[("b", "1.0.0", "Zlib", OK)])[0].contains("licence"));
        assert!(problems(&[("openssl-sys", "1.0.0", "MIT", OK)])[0].contains("ring everywhere"));
        assert!(problems(&[("a", "1.0.0", "MIT", "https://evil")])[0].contains("source"));
        let twice = [("a", "1.0.0", "MIT", OK), ("a", "2.0.0", "MIT", OK)];
        assert!(problems(&twice)[0].contains("several versions"));
    }

    #[test]
    fn a_ban_lets_its_wrappers_through() {
        let policy =
            POLICY.replace("reason = \"ring everywhere\"", "reason = \"r\", wrappers = [\"a\"]");
        let deny: Deny = toml::from_str(&policy).unwrap();
        let package = |name: &str, asks: &[&str]| Package {
            name: name.into(),
            version: "1.0.0".into(),
            license: Some("MIT".into()),
            source: Some(format!("registry+{OK}")),
            dependencies: asks
                .iter()
                .map(|name| Dependency { name: (*name).into(), kind: None, optional: false })
                .collect(),
        };
        let (banned, a) = (package("openssl-sys", &[]), package("a", &["openssl-sys"]));
        let b = package("b", &["openssl-sys"]);
        assert_eq!(judge(&deny, &[banned, a, b]).len(), 1);
        let (banned, a) = (package("openssl-sys", &[]), package("a", &["openssl-sys"]));
        assert!(judge(&deny, &[banned, a]).is_empty());
    }

    #[test]
    fn skipped_versions_do_not_count() {
        let tree = [("twice", "1.4.0", "MIT", OK), ("twice", "2.0.0", "MIT", OK)];
        assert!(problems(&tree).is_empty());
        let tree = [("twice", "10.0.0", "MIT", OK), ("twice", "2.0.0", "MIT", OK)];
        assert_eq!(problems(&tree).len(), 1);
    }
}
