//! Copies trees with owners, modes, links and attributes: for kernels without overlay, and to fill new volumes.

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Gid, Mode, Uid, XattrFlags};

use super::OPAQUE;

/// Deepest tree; deeper than any name of a layer may be.
const MAX_DEPTH: u32 = 160;

/// Copies `from` over `to`, which must be a folder. Marks of an overlay in `from` remove what `to` has there.
///
/// # Errors
/// What the file system says; the copy is incomplete then.
pub fn copy_over(from: &Path, to: &Path) -> io::Result<()> {
    let mut links = HashMap::new();
    copy_folder(from, to, &mut links, 0)
}

type Links = HashMap<(u64, u64), PathBuf>;

fn copy_folder(from: &Path, to: &Path, links: &mut Links, depth: u32) -> io::Result<()> {
    if depth > MAX_DEPTH {
        return Err(io::Error::other("folders are nested too deep"));
    }
    if is_opaque(from) {
        for entry in fs::read_dir(to)? {
            remove(&entry?.path())?;
        }
    }
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let data = fs::symlink_metadata(&source)?;
        let there = fs::symlink_metadata(&target).ok();
        if data.is_dir() {
            if !there.is_some_and(|there| there.is_dir()) {
                remove(&target)?;
                fs::create_dir(&target)?;
            }
            copy_folder(&source, &target, links, depth + 1)?;
            dress(&target, &data)?;
            continue;
        }
        remove(&target)?;
        if data.file_type().is_char_device() && data.rdev() == 0 {
            continue;
        }
        copy_one(&source, &target, &data, links)?;
    }
    Ok(())
}

fn copy_one(source: &Path, target: &Path, data: &Metadata, links: &mut Links) -> io::Result<()> {
    let kind = data.file_type();
    if data.nlink() > 1 {
        if let Some(first) = links.get(&(data.dev(), data.ino())) {
            return fs::hard_link(first, target);
        }
        links.insert((data.dev(), data.ino()), target.to_owned());
    }
    if kind.is_symlink() {
        std::os::unix::fs::symlink(fs::read_link(source)?, target)?;
        let owner = (Some(Uid::from_raw(data.uid())), Some(Gid::from_raw(data.gid())));
        rustix::fs::chownat(CWD, target, owner.0, owner.1, AtFlags::SYMLINK_NOFOLLOW)?;
        return Ok(());
    }
    if kind.is_file() {
        fs::copy(source, target)?;
        let mut value = [0; 256];
        if let Ok(count) = rustix::fs::lgetxattr(source, "security.capability", &mut value[..]) {
            // Set after the owner, which would drop it.
            dress(target, data)?;
            let value = value.get(..count).unwrap_or_default();
            let _ =
                rustix::fs::lsetxattr(target, "security.capability", value, XattrFlags::empty());
            return Ok(());
        }
    } else if kind.is_fifo() || kind.is_char_device() || kind.is_block_device() {
        let kind = FileType::from_raw_mode(data.mode());
        rustix::fs::mknodat(CWD, target, kind, Mode::from_raw_mode(0o600), data.rdev())?;
    } else {
        // A socket means nothing without its program.
        return Ok(());
    }
    dress(target, data)
}

fn dress(target: &Path, data: &Metadata) -> io::Result<()> {
    rustix::fs::chown(target, Some(Uid::from_raw(data.uid())), Some(Gid::from_raw(data.gid())))?;
    rustix::fs::chmod(target, Mode::from_raw_mode(data.mode() & 0o7777))?;
    Ok(())
}

fn is_opaque(folder: &Path) -> bool {
    let mut value = [0; 8];
    rustix::fs::lgetxattr(folder, OPAQUE, &mut value[..]).is_ok_and(|count| value[..count] == *b"y")
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(data) if data.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
    }
}
