//! Finds the binary of a component for a device on this machine.

use std::path::{Path, PathBuf};

use super::component::Component;
use crate::text::{Error, Result};

/// Variable naming the directory with `iofog-agent-<machine>` and `iofog-controller-<machine>` files.
const DIRECTORY_VARIABLE: &str = "IOFOGCTL_PROGRAMS";
/// Where packages put them.
const DIRECTORY: &str = "/usr/share/iofogctl/programs";

/// Machine words that share a binary, under the word files are named with.
fn family(machine: &str) -> &str {
    match machine {
        "amd64" => "x86_64",
        "arm64" | "armv8l" => "aarch64",
        "armv7" | "armv7hl" => "armv7l",
        "armv5tel" | "armv5tejl" => "armv5te",
        other => other,
    }
}

/// Reads the binary for a machine word.
///
/// # Errors
/// [`Error::Plain`] naming the places looked at.
pub(super) fn program_for(component: &Component, machine: &str) -> Result<Vec<u8>> {
    let path = find(component.name, component.word, machine, None)?;
    std::fs::read(&path).map_err(|cause| Error::io("open", &path, &cause))
}

/// Finds the program of a component for a container here: on a machine like this one it may also lie under its plain name.
///
/// # Errors
/// [`Error::Plain`] naming the places looked at.
pub fn program_path(name: &str, word: &str, machine: &str) -> Result<PathBuf> {
    let plain = (family(machine) == family(std::env::consts::ARCH)).then_some(name);
    find(name, word, machine, plain)
}

fn find(name: &str, word: &str, machine: &str, plain: Option<&str>) -> Result<PathBuf> {
    let mut places: Vec<PathBuf> =
        std::env::var_os(DIRECTORY_VARIABLE).map(PathBuf::from).into_iter().collect();
    if places.is_empty() {
        let beside = std::env::current_exe()
            .ok()
            .and_then(|program| program.parent().map(Path::to_path_buf));
        places.extend(beside);
        places.push(PathBuf::from(DIRECTORY));
    }
    let file = format!("{name}-{}", family(machine));
    let names = [Some(file.as_str()), plain];
    for place in &places {
        for name in names.into_iter().flatten() {
            let path = place.join(name);
            match std::fs::metadata(&path) {
                Ok(data) if data.is_file() => return Ok(path),
                Ok(_) => {}
                Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {}
                Err(cause) => return Err(Error::io("open", &path, &cause)),
            }
        }
    }
    let places: Vec<String> = places.iter().map(|place| place.display().to_string()).collect();
    Err(Error::Plain(format!(
        "no {word} binary for {machine} devices: there is no {file} in {} (set {DIRECTORY_VARIABLE} to its directory)",
        places.join(" or ")
    )))
}

#[cfg(test)]
mod tests {
    use super::super::component::AGENT;
    use super::*;

    #[test]
    fn binary_names() {
        assert_eq!(family("arm64"), "aarch64");
        assert_eq!(family("mipsel"), "mipsel");
        let error = program_for(&AGENT, "pdp11").unwrap_err().to_string();
        assert!(error.contains("iofog-agent-pdp11"), "{error}");
    }
}
