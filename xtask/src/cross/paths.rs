//! Where sources lie on the machine that builds is no part of a program: the same commit gives the same bytes in any
//! folder, and messages of panics are short.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::tools::cargo::workspace;
use crate::tools::rust_src;

/// The compiler's flags that take the folders of the workspace, of fetched packages and of the standard library out.
///
/// # Errors
/// When a folder is not known, or has a blank in its name: the compiler takes its flags apart at blanks.
pub(super) fn remapped() -> Result<String> {
    // Named by a link, as toolchains are at times, it is still found by its own name.
    let library = rust_src::library()?.canonicalize().context("no standard library's source")?;
    let registry = cargo_home()?.join("registry/src");
    // The last one that fits is taken.
    let mut pairs = vec![(workspace(), "."), (library, "library"), (registry.clone(), "registry")];
    let mut indexes: Vec<PathBuf> = std::fs::read_dir(&registry)
        .with_context(|| format!("cannot read {}", registry.display()))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<_>>()?;
    indexes.sort();
    pairs.extend(indexes.into_iter().map(|index| (index, "")));
    flags(pairs.iter().map(|(from, to)| (from.as_path(), *to)))
}

fn flags<'a>(pairs: impl Iterator<Item = (&'a Path, &'a str)>) -> Result<String> {
    let mut flags = String::new();
    for (from, to) in pairs {
        let from = from.to_str().with_context(|| format!("{} is no text", from.display()))?;
        ensure!(
            !from.contains([' ', '=']),
            "{from}: a folder of a cross build has no blank and no = in its name"
        );
        write!(flags, " --remap-path-prefix={from}={to}")?;
    }
    Ok(flags)
}

fn cargo_home() -> Result<PathBuf> {
    let given = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    given
        .or_else(|| Some(std::env::home_dir()?.join(".cargo")))
        .context("no CARGO_HOME and no HOME")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_with_blanks_are_refused() {
        let made = |from| flags([(Path::new(from), "x")].into_iter());
        assert_eq!(made("/a/b").unwrap(), " --remap-path-prefix=/a/b=x");
        assert!(made("/a b").is_err());
        assert!(made("/a=b").is_err());
    }
}
