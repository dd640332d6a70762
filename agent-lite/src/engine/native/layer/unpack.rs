//! Unpacks one layer. Entries are applied as they come; the folder counts only when all of them were.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{
    self, AtFlags, FileType, Gid, Mode, OFlags, Timespec, Timestamps, Uid, XattrFlags,
};
use tar::{Archive, Entry, EntryType, Header};

use super::entry::{BadEntry, Change, Kind, Name};
use super::root::{self, Root};
use crate::engine::native::image::{Digest, Hashing};

/// Bounds of one layer.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Entries.
    pub entries: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// Bytes that stay free on the disk.
    pub reserve: u64,
}

/// What came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unpacked {
    /// Digest of the unpacked stream.
    pub diff_id: Digest,
    /// Bytes of all files.
    pub bytes: u64,
}

/// Why a layer could not be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// Disk or damaged stream.
    #[error("layer cannot be unpacked: {0}")]
    Io(#[from] io::Error),
    /// Refused entry.
    #[error(transparent)]
    Entry(#[from] BadEntry),
    /// Beyond a bound.
    #[error("layer has more {0} than allowed")]
    Limit(&'static str),
    /// Not enough room.
    #[error("disk is too full for the image")]
    Full,
}

/// Long names and attributes of one entry together.
const MAX_EXTENSION: u64 = 256 << 10;
/// How often the room on the disk is looked at.
const CHECK_EACH: u64 = 8 << 20;

impl Default for Limits {
    fn default() -> Self {
        Self { entries: 1_000_000, bytes: 64 << 30, reserve: 16 << 20 }
    }
}

/// Names and attributes that an entry before the entry gives.
#[derive(Default)]
struct Extension {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    attributes: Vec<(String, Vec<u8>)>,
}

struct Target<'a> {
    root: Root,
    lower: &'a [PathBuf],
}

/// Unpacks the tar stream `source` into the empty folder `into`. `lower` are the folders of the layers below, the
/// nearest first: folders that the stream only implies look as they do there.
///
/// # Errors
/// On the first entry that is damaged or refused, and when the disk is full.
pub fn unpack(
    source: impl Read,
    into: &Path,
    lower: &[PathBuf],
    limits: Limits,
) -> Result<Unpacked, UnpackError> {
    let mut archive = Archive::new(Hashing::new(source));
    let mut target = Target { root: Root::open(into)?, lower };
    let (mut entries, mut bytes, mut unchecked) = (0, 0_u64, CHECK_EACH);
    let mut extension = Extension::default();
    for entry in archive.entries()?.raw(true) {
        let mut entry = entry?;
        entries += 1;
        if entries > limits.entries {
            return Err(UnpackError::Limit("entries"));
        }
        if extension.take(&mut entry)? {
            continue;
        }
        let given = std::mem::take(&mut extension);
        let path = given.path.unwrap_or_else(|| entry.header().path_bytes().into_owned());
        let link =
            given.link.or_else(|| entry.header().link_name_bytes().map(|link| link.into_owned()));
        let change = Change::read(entry.header(), &path, &link.unwrap_or_default())?;
        if matches!(change, Change::Put(_, Kind::File)) {
            bytes = bytes.saturating_add(entry.size());
            unchecked = unchecked.saturating_add(entry.size());
            if bytes > limits.bytes {
                return Err(UnpackError::Limit("bytes"));
            }
        }
        if unchecked >= CHECK_EACH {
            unchecked = 0;
            let room = fs::fstatvfs(target.root.folder()).map_err(io::Error::from)?;
            if room.f_bavail.saturating_mul(room.f_frsize)
                < limits.reserve.saturating_add(entry.size())
            {
                return Err(UnpackError::Full);
            }
        }
        target.apply(change, &mut entry, &given.attributes)?;
    }
    // The digest counts what follows the end mark as well.
    let mut rest = archive.into_inner();
    io::copy(&mut rest, &mut io::sink())?;
    let (diff_id, _) = rest.finish();
    Ok(Unpacked { diff_id, bytes })
}

// === impl Extension ===

impl Extension {
    /// Takes an entry that only speaks about the next one.
    fn take(&mut self, entry: &mut Entry<'_, impl Read>) -> Result<bool, UnpackError> {
        let kind = entry.header().entry_type();
        if !matches!(kind, EntryType::GNULongName | EntryType::GNULongLink | EntryType::XHeader) {
            return Ok(false);
        }
        if entry.size() > MAX_EXTENSION {
            return Err(UnpackError::Limit("bytes in a name"));
        }
        let mut bytes = Vec::new();
        entry.take(MAX_EXTENSION).read_to_end(&mut bytes)?;
        match kind {
            EntryType::GNULongName => self.path = Some(until_zero(bytes)),
            EntryType::GNULongLink => self.link = Some(until_zero(bytes)),
            _ => self.take_pax(&bytes)?,
        }
        Ok(true)
    }

    fn take_pax(&mut self, bytes: &[u8]) -> Result<(), UnpackError> {
        for record in tar::PaxExtensions::new(bytes) {
            let record = record?;
            let Ok(key) = record.key() else { continue };
            let value = record.value_bytes();
            match key {
                "path" => self.path = Some(value.to_vec()),
                "linkpath" => self.link = Some(value.to_vec()),
                _ if key.starts_with("GNU.sparse.") => return Err(BadEntry::Kind('S').into()),
                _ => {
                    // Overlay marks are not for images to set.
                    let name = key.strip_prefix("SCHILY.xattr.").unwrap_or_default();
                    if name.starts_with("user.") || name == "security.capability" {
                        self.attributes.push((name.to_owned(), value.to_vec()));
                    }
                }
            }
        }
        Ok(())
    }
}

fn until_zero(mut bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    bytes.truncate(end);
    bytes
}

// === impl Target ===

impl Target<'_> {
    fn apply(
        &mut self,
        change: Change,
        entry: &mut Entry<'_, impl Read>,
        attributes: &[(String, Vec<u8>)],
    ) -> Result<(), UnpackError> {
        match change {
            Change::Skip => Ok(()),
            Change::Whiteout(name) => {
                let (folder, last) = self.place(&name)?;
                root::remove(folder.as_fd(), last)?;
                self.root.forget();
                // Character device 0/0 is the overlay's own mark.
                fs::mknodat(&folder, last, FileType::CharacterDevice, Mode::empty(), 0)
                    .map_err(io::Error::from)?;
                Ok(())
            }
            Change::Opaque(mut name) => {
                name.0.push(b".".to_vec());
                let (folder, _) = self.place(&name)?;
                let path = format!("/proc/self/fd/{}", folder.as_raw_fd());
                fs::setxattr(path, super::OPAQUE, b"y", XattrFlags::empty())
                    .map_err(io::Error::from)?;
                Ok(())
            }
            Change::Put(name, kind) if name.0.is_empty() => {
                debug_assert_eq!(kind, Kind::Folder);
                let path = format!("/proc/self/fd/{}", self.root.folder().as_raw_fd());
                let (mode, owner) = (mode(entry.header())?, owner(entry.header())?);
                fs::chown(&*path, Some(owner.0), Some(owner.1)).map_err(io::Error::from)?;
                fs::chmod(&*path, mode).map_err(io::Error::from)?;
                Ok(())
            }
            Change::Put(name, kind) => self.put(&name, kind, entry, attributes),
        }
    }

    fn put(
        &mut self,
        name: &Name,
        kind: Kind,
        entry: &mut Entry<'_, impl Read>,
        attributes: &[(String, Vec<u8>)],
    ) -> Result<(), UnpackError> {
        let (mode, (uid, gid)) = (mode(entry.header())?, owner(entry.header())?);
        let source = match &kind {
            Kind::Hardlink(target) => {
                Some(self.place(target).map(|(folder, last)| (folder, last.to_vec()))?)
            }
            _ => None,
        };
        let (folder, last) = self.place(name)?;
        let there =
            root::stat(folder.as_fd(), last)?.map(|stat| FileType::from_raw_mode(stat.st_mode));
        let stays = kind == Kind::Folder && there == Some(FileType::Directory);
        if there.is_some() && !stays {
            root::remove(folder.as_fd(), last)?;
            self.root.forget();
        }
        let node =
            |kind, device| fs::mknodat(&folder, last, kind, Mode::from_raw_mode(0o600), device);
        match kind {
            Kind::File => {
                let flags = OFlags::WRONLY
                    | OFlags::CREATE
                    | OFlags::EXCL
                    | OFlags::NOFOLLOW
                    | OFlags::CLOEXEC;
                let file = fs::openat(&folder, last, flags, Mode::from_raw_mode(0o600))
                    .map_err(io::Error::from)?;
                let mut file = File::from(file);
                let size = entry.size();
                if io::copy(entry, &mut file)? != size {
                    return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
                }
                file.flush()?;
            }
            Kind::Folder if stays => {}
            Kind::Folder => {
                fs::mkdirat(&folder, last, Mode::from_raw_mode(0o700)).map_err(io::Error::from)?
            }
            Kind::Symlink(target) => {
                fs::symlinkat(root::c_string(&target)?, &folder, last).map_err(io::Error::from)?;
            }
            Kind::Hardlink(_) => {
                let (from, old) = source.ok_or(BadEntry::Damaged)?;
                fs::linkat(&from, &*old, &folder, last, AtFlags::empty())
                    .map_err(io::Error::from)?;
                return Ok(());
            }
            Kind::Fifo => node(FileType::Fifo, 0).map_err(io::Error::from)?,
            Kind::Device { character, major, minor } => {
                let kind =
                    if character { FileType::CharacterDevice } else { FileType::BlockDevice };
                // A device 0/0 would be a whiteout.
                if (character, major, minor) != (true, 0, 0) {
                    node(kind, fs::makedev(major, minor)).map_err(io::Error::from)?;
                } else {
                    return Err(BadEntry::Kind('3').into());
                }
            }
        }
        dress(folder.as_fd(), last, entry.header(), mode, (uid, gid), attributes)?;
        Ok(())
    }

    /// The folder that holds `name`, and its last part.
    fn place<'n>(&mut self, name: &'n Name) -> io::Result<(std::os::fd::OwnedFd, &'n [u8])> {
        let lower = self.lower;
        let mut make = |folder: BorrowedFd<'_>, path: &[Vec<u8>]| make_folder(folder, path, lower);
        let folder = self.root.parent(name, Some(&mut make))?;
        Ok((folder, name.0.last().map_or(b".", Vec::as_slice)))
    }
}

/// Makes a folder that the stream only implies, with the owner and mode of the one it covers.
fn make_folder(folder: BorrowedFd<'_>, path: &[Vec<u8>], lower: &[PathBuf]) -> io::Result<()> {
    let Some(last) = path.last() else { return Ok(()) };
    let relative: PathBuf =
        path.iter().map(|part| Path::new(std::ffi::OsStr::from_bytes(part))).collect();
    let covered = lower.iter().find_map(|one| std::fs::symlink_metadata(one.join(&relative)).ok());
    fs::mkdirat(folder, last.as_slice(), Mode::from_raw_mode(0o755))?;
    if let Some(data) = covered.filter(std::fs::Metadata::is_dir) {
        let owner = (Some(Uid::from_raw(data.uid())), Some(Gid::from_raw(data.gid())));
        fs::chownat(folder, last.as_slice(), owner.0, owner.1, AtFlags::SYMLINK_NOFOLLOW)?;
        fs::chmodat(
            folder,
            last.as_slice(),
            Mode::from_raw_mode(data.mode() & 0o7777),
            AtFlags::empty(),
        )?;
    }
    Ok(())
}

/// Owner, mode, attributes and time; the mode after the owner, which would take its special bits.
fn dress(
    folder: BorrowedFd<'_>,
    name: &[u8],
    header: &Header,
    mode: Mode,
    (uid, gid): (Uid, Gid),
    attributes: &[(String, Vec<u8>)],
) -> io::Result<()> {
    fs::chownat(folder, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
    let link = header.entry_type() == EntryType::Symlink;
    if !link {
        fs::chmodat(folder, name, mode, AtFlags::empty())?;
    }
    if !attributes.is_empty() {
        let held = Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string());
        let path = held.join(std::ffi::OsStr::from_bytes(name));
        for (key, value) in attributes {
            // A file system without attributes still holds the files.
            let _ = fs::lsetxattr(&path, key.as_str(), value, XattrFlags::empty());
        }
    }
    if header.entry_type() != EntryType::Directory {
        let seconds = i64::try_from(header.mtime().unwrap_or_default()).unwrap_or_default();
        let time = Timespec { tv_sec: seconds, tv_nsec: 0 };
        let times = Timestamps { last_access: time, last_modification: time };
        // A time that the file system cannot hold is no reason to refuse the image.
        let _ = fs::utimensat(folder, name, &times, AtFlags::SYMLINK_NOFOLLOW);
    }
    Ok(())
}

fn mode(header: &Header) -> Result<Mode, UnpackError> {
    Ok(Mode::from_raw_mode(header.mode().map_err(|_| BadEntry::Damaged)? & 0o7777))
}

fn owner(header: &Header) -> Result<(Uid, Gid), UnpackError> {
    let number = |field: io::Result<u64>| {
        let number = field.ok().and_then(|number| u32::try_from(number).ok());
        // The highest number means "leave as it is" to the kernel.
        number.filter(|number| *number != u32::MAX).ok_or(BadEntry::Damaged)
    };
    Ok((Uid::from_raw(number(header.uid())?), Gid::from_raw(number(header.gid())?)))
}
