//! Writing files so that a crash at any byte leaves the old or the new content, never a mixture.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::fault;

/// Replaces `path` by `bytes`: temporary file, sync, rename, sync of the folder.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace(path, bytes, 0o644)
}

/// The same for a file that holds a token: readable by owner and group only.
pub fn write_secret_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace(path, bytes, 0o640)
}

/// Writes the temporary file of `path` and syncs it; `None` when the name has no parent.
pub fn stage(path: &Path, bytes: &[u8], mode: u32) -> io::Result<PathBuf> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let staged = path.with_file_name(name);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(mode);
    let mut file = fault::at("file.open", || options.open(&staged))?;
    fault::write("file.write", bytes, |bytes| file.write_all(bytes))?;
    fault::at("file.sync", || file.sync_all())?;
    Ok(staged)
}

/// Makes renames in the folder of `path` durable.
pub fn sync_folder_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => {
            fault::at("folder.sync", || File::open(folder)?.sync_all())
        }
        _ => Ok(()),
    }
}

fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    // Flash wears, and a full one cannot take even what is there already.
    if std::fs::read(path).is_ok_and(|present| present == bytes) {
        return Ok(());
    }
    let staged = stage(path, bytes, mode)?;
    fault::at("file.rename", || std::fs::rename(&staged, path))?;
    sync_folder_of(path)
}
