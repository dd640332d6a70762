//! Segments that cannot be used: kept under another name for people to look at, the newest few of them.

use std::fs;
use std::io;
use std::path::Path;

use rustix::io::Errno;

use crate::fault;

/// Flash is small: so many are kept.
const KEPT: usize = 2;
const UNREADABLE: &str = "unreadable";
const DAMAGED: &str = "damaged";

/// Reads a segment. None when it fails twice: it is renamed then, as its numbers are given out anew.
///
/// # Errors
/// When the machine lacks what the next start may well have.
pub(super) fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let once = || fault::at("log.recover", || fs::read(path));
    let error = match once().or_else(|_| once()) {
        Ok(bytes) => return Ok(Some(bytes)),
        Err(error) => error,
    };
    if matches!(Errno::from_io_error(&error), Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM)) {
        return Err(error);
    }
    let (name, aside) = (path.display(), path.with_extension(UNREADABLE));
    log::error!(target: "bus", "{name} cannot be read: {error}; it is set aside as {}", aside.display());
    if let Err(error) = fault::at("log.aside", || fs::rename(path, &aside)) {
        log::error!(target: "bus", "{name} cannot be renamed: {error}");
    }
    thin_out(path, UNREADABLE);
    Ok(None)
}

/// Keeps what a damaged segment holds beyond the time at which its good messages are delivered and it would go.
pub(super) fn keep_damaged(path: &Path, records: u64, bytes: u64) {
    let aside = path.with_extension(DAMAGED);
    log::error!(
        target: "bus",
        "{} is damaged: {records} messages and {bytes} bytes in all are lost; a copy is set aside as {}",
        path.display(),
        aside.display()
    );
    match fault::at("log.aside", || fs::hard_link(path, &aside)) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            log::warn!(target: "bus", "no copy of {}: {error}", path.display());
        }
        _ => thin_out(path, DAMAGED),
    }
}

/// Removes all but the newest of a kind.
fn thin_out(path: &Path, kind: &str) {
    let entries = path.parent().and_then(|folder| fs::read_dir(folder).ok());
    let paths = entries.into_iter().flatten().flatten().map(|entry| entry.path());
    let mut aside: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|it| it == kind)).collect();
    aside.sort();
    for old in aside.iter().rev().skip(KEPT) {
        // Another start tries again.
        let _ = fs::remove_file(old);
    }
}
