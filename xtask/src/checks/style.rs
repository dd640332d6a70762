//! File style: every source file opens with one to three lines on its role and stays short.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::tools::cargo;

/// No file is longer.
const LONGEST: usize = 800;
/// At most one file in twenty is longer.
const LONG: usize = 450;

/// Checks every tracked or new Rust file. Returns how many there are and the median length.
///
/// # Errors
/// With every violation, one per line.
pub fn check() -> Result<(usize, usize)> {
    let root = cargo::workspace();
    let mut lengths = Vec::new();
    let mut problems = Vec::new();
    for path in source_files(&root)? {
        let text = std::fs::read_to_string(root.join(&path))
            .with_context(|| format!("cannot read {}", path.display()))?;
        let length = text.lines().count();
        problems.extend(judge(&text).into_iter().map(|p| format!("{}: {p}", path.display())));
        lengths.push(length);
    }
    lengths.sort_unstable();
    let long = lengths.iter().filter(|l| **l > LONG).count();
    if long * 20 > lengths.len() {
        problems.push(format!("{long} of {} files exceed {LONG} lines", lengths.len()));
    }
    ensure!(problems.is_empty(), problems.join("\n"));
    let median = lengths.get(lengths.len() / 2).copied().unwrap_or_default();
    Ok((lengths.len(), median))
}

fn judge(text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    // Fuzz targets must open with an attribute; the header follows it.
    let mut lines = text.lines().skip_while(|line| line.starts_with("#!["));
    if !lines.next().is_some_and(|line| line.starts_with("//! ")) {
        problems.push("does not open with a //! line on its role".to_owned());
    }
    let length = text.lines().count();
    if length > LONGEST {
        problems.push(format!("{length} lines, more than {LONGEST}"));
    }
    problems
}

fn source_files(root: &Path) -> Result<Vec<PathBuf>> {
    let output = std::process::Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "--", "*.rs"])
        .current_dir(root)
        .output();
    match output {
        Ok(output) if output.status.success() => {
            let text = String::from_utf8(output.stdout)?;
            let files = text.lines().map(PathBuf::from);
            Ok(files.filter(|path| root.join(path).exists()).collect())
        }
        _ => walk(root),
    }
}

/// For a tree that was unpacked from an archive.
fn walk(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type()?.is_dir() {
                if !name.starts_with('.') && !name.starts_with("target") && name != "out" {
                    folders.push(path);
                }
            } else if name.ends_with(".rs") {
                found.push(path.strip_prefix(root)?.to_path_buf());
            }
        }
    }
    if found.is_empty() {
        bail!("no source files below {}", root.display());
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::judge;

    #[test]
    fn header_and_length() {
        assert!(judge("//! Role.\n").is_empty());
        assert!(judge("#![no_main]\n//! Role.\n").is_empty());
        assert_eq!(judge("use x;\n").len(), 1);
        assert_eq!(judge("").len(), 1);
        let long = format!("//! Role.\n{}", "x\n".repeat(800));
        assert_eq!(judge(&long).len(), 1);
    }
}
