//! The user's own install procedure: files of a directory are copied, entry points run.

use super::Device;
use super::program::as_root;
use crate::config::records::{AgentScripts, Entrypoint};
use crate::ssh::Session;
use crate::text::{Error, Result, names};

const DIRECTORY: &str = "/etc/iofog/agent";

/// Copies all files and runs `deps` as the login, `install` as root.
///
/// # Errors
/// The directory cannot be read, or a script fails.
pub(super) fn run(session: &Session, device: &Device, scripts: &AgentScripts) -> Result<()> {
    as_root(session, device, &format!("mkdir -p {DIRECTORY} && chmod -R 0777 {DIRECTORY}"))?;
    let directory = names::expand_path(&scripts.dir)?;
    let directory = std::path::Path::new(&directory);
    let failed = |cause: &std::io::Error| Error::io("open", directory, cause);
    for entry in std::fs::read_dir(directory).map_err(|cause| failed(&cause))? {
        let entry = entry.map_err(|cause| failed(&cause))?;
        if !entry.path().is_file() {
            continue;
        }
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) {
            return Err(Error::Input(format!(
                "Script file name {name} has characters other than letters, digits, '.', '_' and '-'"
            )));
        }
        let content = std::fs::read(entry.path()).map_err(|cause| failed(&cause))?;
        session.upload(&content, &format!("{DIRECTORY}/{name}"), "0775")?;
    }
    if !scripts.deps.entrypoint.is_empty() {
        session.run(&command(&scripts.deps))?.checked()?;
    }
    session.run(&format!("{}{}", device.sudo, command(&scripts.install)))?.checked()?;
    Ok(())
}

fn command(script: &Entrypoint) -> String {
    format!("{DIRECTORY}/{} {}", script.entrypoint, script.args.join(" "))
}
