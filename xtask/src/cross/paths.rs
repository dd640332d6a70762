//! Where sources lie on the machine that builds is no part of a program: the same commit gives the same bytes in any
//! folder, and messages of panics are short.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::tools::cargo::workspace;
use crate::tools::rust_src;

/// The compiler's flags that take the folders of the workspace, of fetched packages and of the standard library out.
///
/// # Errors
/// When a folder is not known, or has a = in its name: what follows it would be what its place is taken by.
pub(super) fn remapped() -> Result<Vec<String>> {
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

fn flags<'a>(pairs: impl Iterator<Item = (&'a Path, &'a str)>) -> Result<Vec<String>> {
    let flag = |(from, to): (&'a Path, &'a str)| {
        let from = from.to_str().with_context(|| format!("{} is no text", from.display()))?;
        ensure!(!from.contains('='), "{from}: a folder of a cross build has no = in its name");
        Ok(format!("--remap-path-prefix={from}={to}"))
    };
    pairs.map(flag).collect()
}

/// The folders that what is linked may lie in, a line each, for `cross/fold`: it is told their names in a line where only
/// a known name tells its own blanks from those between words. The longest first, as one may begin another.
pub(super) fn linked() -> OsString {
    let variables = [
        "HOME",
        "CARGO_HOME",
        "TMPDIR",
        "XDG_CACHE_HOME",
        "CARGO_ZIGBUILD_CACHE_DIR",
        "ZIG_GLOBAL_CACHE_DIR",
    ];
    let mut folders: Vec<OsString> = variables.iter().filter_map(std::env::var_os).collect();
    folders.push(workspace().into_os_string());
    lines(folders)
}

fn lines(mut folders: Vec<OsString>) -> OsString {
    folders.sort_by_key(|folder| std::cmp::Reverse(folder.len()));
    folders.join("\n".as_ref())
}

fn cargo_home() -> Result<PathBuf> {
    let given = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    given
        .or_else(|| Some(std::env::home_dir()?.join(".cargo")))
        .context("no CARGO_HOME and no HOME")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::process::Command;

    use super::*;

    #[test]
    fn a_folder_is_named_whole_or_refused() {
        let made = |from| flags([(Path::new(from), "x")].into_iter());
        assert_eq!(made("/a b/c").unwrap(), ["--remap-path-prefix=/a b/c=x"]);
        assert!(made("/a=b").is_err());
    }

    /// The script itself, with a linker that tells what zig tells and an lld that writes down what it is given.
    #[test]
    fn the_link_is_done_again_in_a_folder_with_a_blank() {
        let home = std::env::temp_dir().join(format!("xtask fold {}", std::process::id()));
        let place = home.join("a  check out");
        std::fs::create_dir_all(&place).unwrap();
        let tool = |name: &str, text: &str| {
            let path = place.join(name);
            std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
            path
        };
        std::fs::write(place.join("one.o"), "").unwrap();
        let fold = place.join("fold");
        std::fs::copy(workspace().join("cross/fold"), &fold).unwrap();
        let zig = tool("zig", "shift; echo noise >&2; echo ld.lld --eh-frame-hdr \"$@\" >&2");
        let lld = tool("lld", "printf '%s\\n' \"$@\" > \"${0%/*}/given\"");
        let words = ["-o", "program", "cache/crt1.o", "*.o", "-z", "now"];
        let words = words.map(|word| match word {
            "program" => place.join(word).into_os_string(),
            "cache/crt1.o" => home.join(word).into_os_string(),
            word => word.into(),
        });
        let done = Command::new(&fold)
            .args(&words)
            .env("IOFOG_LINKER", "ZIG_OF_THE_TEST")
            .env("ZIG_OF_THE_TEST", zig)
            .env("IOFOG_LLD", lld)
            .env("IOFOG_FOLDERS", lines(vec![home.clone().into(), place.clone().into()]))
            .current_dir(&place)
            .status()
            .unwrap();
        assert!(done.success());
        let mut expected: Vec<OsString> = vec!["-flavor".into(), "gnu".into()];
        expected.extend(words);
        expected.extend(["--icf=all".into(), "-T".into(), place.join("device.ld").into()]);
        let given = std::fs::read_to_string(place.join("given")).unwrap();
        assert_eq!(given.lines().map(OsString::from).collect::<Vec<_>>(), expected);
        std::fs::remove_dir_all(&home).unwrap();
    }
}
