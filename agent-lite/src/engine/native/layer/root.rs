//! A folder treated as the root of a file system: links inside are followed inside, never out.

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::Name;

/// Steps of one walk, links included: more means a circle.
const MAX_STEPS: usize = 1024;
/// Longest file that [`Root::read`] gives.
const MAX_TEXT: u64 = 1 << 20;

/// The folder, held open.
pub struct Root {
    folder: OwnedFd,
    /// The last walk, since neighbours come one after another: the folder and the names that led there.
    last: Option<(Vec<Vec<u8>>, OwnedFd)>,
}

/// Called when a folder is missing: makes it in the folder given, under the last name of the path.
pub(super) type MakeFolder<'a> = &'a mut dyn FnMut(BorrowedFd<'_>, &[Vec<u8>]) -> io::Result<()>;

// === impl Root ===

impl Root {
    /// Opens the folder.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self { folder: fs::open(path, flags, Mode::empty())?, last: None })
    }

    /// The folder itself.
    pub fn folder(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }

    /// Opens the folder that holds `name`; `make` makes those on the way that are missing.
    ///
    /// # Errors
    /// When something on the way is no folder, or links go in circles.
    pub fn parent(&mut self, name: &Name, make: Option<MakeFolder<'_>>) -> io::Result<OwnedFd> {
        let parts = name.0.split_last().map_or(&[][..], |(_, parents)| parents);
        if let Some((known, folder)) = &self.last
            && known == parts
        {
            return folder.try_clone();
        }
        let folder = self.walk(parts, make)?;
        self.last = Some((parts.to_vec(), folder.try_clone()?));
        Ok(folder)
    }

    /// Forgets the last walk; needed after a folder was replaced.
    pub fn forget(&mut self) {
        self.last = None;
    }

    /// The text of a file that may be reached over links; none when it is not there or no file.
    pub fn read(&mut self, path: &str) -> Option<String> {
        let mut name = Name::parse(path.as_bytes()).ok()?;
        for _ in 0..8 {
            let folder = self.parent(&name, None).ok()?;
            let last = name.0.last()?;
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
            match fs::openat(&folder, last.as_slice(), flags, Mode::empty()) {
                Ok(file) => {
                    let stat = fs::fstat(&file).ok()?;
                    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
                        return None;
                    }
                    let mut text = String::new();
                    File::from(file).take(MAX_TEXT).read_to_string(&mut text).ok()?;
                    return Some(text);
                }
                Err(Errno::LOOP) => {
                    let target = fs::readlinkat(&folder, last.as_slice(), Vec::new()).ok()?;
                    let target = target.as_bytes();
                    let mut parts =
                        if target.starts_with(b"/") { Vec::new() } else { name.0.clone() };
                    parts.pop();
                    for part in target.split(|byte| *byte == b'/') {
                        match part {
                            b"" | b"." => {}
                            b".." => drop(parts.pop()),
                            part => parts.push(part.to_vec()),
                        }
                    }
                    name = Name(parts);
                }
                Err(_) => return None,
            }
        }
        None
    }

    /// Opens the folder with these names below the root.
    pub fn walk(&self, parts: &[Vec<u8>], mut make: Option<MakeFolder<'_>>) -> io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut todo: Vec<Vec<u8>> = parts.iter().rev().cloned().collect();
        let mut way: Vec<(Vec<u8>, OwnedFd)> = Vec::new();
        let mut steps = 0;
        while let Some(part) = todo.pop() {
            steps += 1;
            if steps > MAX_STEPS {
                return Err(Errno::LOOP.into());
            }
            if part == b".." {
                way.pop();
                continue;
            }
            let here = way.last().map_or(self.folder.as_fd(), |(_, folder)| folder.as_fd());
            match fs::openat(here, part.as_slice(), flags, Mode::empty()) {
                Ok(folder) => way.push((part, folder)),
                Err(Errno::NOENT) => {
                    let make = make.as_mut().ok_or(Errno::NOENT)?;
                    let mut path: Vec<Vec<u8>> = way.iter().map(|(name, _)| name.clone()).collect();
                    path.push(part.clone());
                    make(here, &path)?;
                    todo.push(part);
                }
                Err(Errno::NOTDIR | Errno::LOOP) => {
                    match fs::readlinkat(here, part.as_slice(), Vec::new()) {
                        Ok(target) => {
                            let target = target.as_bytes();
                            if target.starts_with(b"/") {
                                way.clear();
                            }
                            let new = target
                                .split(|byte| *byte == b'/')
                                .filter(|one| !matches!(*one, b"" | b"."));
                            todo.extend(new.rev().map(<[u8]>::to_vec).collect::<Vec<_>>());
                            if todo.len() > MAX_STEPS {
                                return Err(Errno::LOOP.into());
                            }
                        }
                        // A file, or a whiteout, where a folder must be: the later entry wins.
                        Err(Errno::INVAL) if make.is_some() => {
                            fs::unlinkat(here, part.as_slice(), AtFlags::empty())?;
                            todo.push(part);
                        }
                        Err(_) => return Err(Errno::NOTDIR.into()),
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        match way.pop() {
            Some((_, folder)) => Ok(folder),
            None => self.folder.try_clone(),
        }
    }
}

/// What is at `name` in `folder`, without following a link.
pub(super) fn stat(folder: BorrowedFd<'_>, name: &[u8]) -> io::Result<Option<Stat>> {
    match fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stat)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Removes whatever is at `name`, with all below it; links are removed, not followed.
pub(super) fn remove(folder: BorrowedFd<'_>, name: &[u8]) -> io::Result<()> {
    match stat(folder, name)? {
        None => Ok(()),
        Some(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Directory => {
            // The standard library's removal does not follow links; the path goes over the held folder.
            use std::os::fd::AsRawFd as _;
            let path = format!("/proc/self/fd/{}", folder.as_raw_fd());
            std::fs::remove_dir_all(Path::new(&path).join(std::ffi::OsStr::from_bytes(name)))
        }
        Some(_) => Ok(fs::unlinkat(folder, name, AtFlags::empty())?),
    }
}

/// For calls that want a C string.
pub(super) fn c_string(bytes: &[u8]) -> io::Result<CString> {
    CString::new(bytes).map_err(|_| io::ErrorKind::InvalidInput.into())
}
