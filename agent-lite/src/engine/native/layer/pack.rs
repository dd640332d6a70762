//! A layer's folder as a tar stream: what was unpacked, packed again. The same folder always gives the same bytes.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use tar::{Builder, EntryType, Header};

use super::OPAQUE;

/// Deepest tree; deeper than any name of a layer may be.
const MAX_DEPTH: u32 = 160;
/// Longest link target that a header holds by itself.
const SHORT_LINK: usize = 100;
const CAPABILITY: &str = "security.capability";

/// Writes the tar stream of `folder`, names in order; marks of an overlay become the names that images have for them.
///
/// # Errors
/// What the file system says, or the other side.
pub fn pack(folder: &Path, to: impl Write) -> io::Result<()> {
    let mut packer = Packer { archive: Builder::new(to), links: HashMap::new() };
    packer.folder(folder, Path::new(""), 0)?;
    packer.archive.finish()
}

struct Packer<W: Write> {
    archive: Builder<W>,
    /// First names of files that have several.
    links: HashMap<(u64, u64), PathBuf>,
}

impl<W: Write> Packer<W> {
    fn folder(&mut self, from: &Path, name: &Path, depth: u32) -> io::Result<()> {
        if depth > MAX_DEPTH {
            return Err(io::Error::other("folders are nested too deep"));
        }
        if attribute(from, OPAQUE).as_deref() == Some(b"y") {
            self.mark(name, OsStr::new(".wh..wh..opq"))?;
        }
        let entries = fs::read_dir(from)?.map(|entry| entry.map(|entry| entry.file_name()));
        let mut names: Vec<OsString> = entries.collect::<io::Result<_>>()?;
        names.sort();
        for last in names {
            let (source, inside) = (from.join(&last), name.join(&last));
            let data = fs::symlink_metadata(&source)?;
            if data.is_dir() {
                self.put(&inside, header(&data, EntryType::Directory), io::empty())?;
                self.folder(&source, &inside, depth + 1)?;
            } else if data.file_type().is_char_device() && data.rdev() == 0 {
                let mut mark = OsString::from(".wh.");
                mark.push(&last);
                self.mark(name, &mark)?;
            } else {
                self.one(&source, &inside, &data)?;
            }
        }
        Ok(())
    }

    fn one(&mut self, source: &Path, name: &Path, data: &Metadata) -> io::Result<()> {
        let kind = data.file_type();
        if data.nlink() > 1 {
            if let Some(first) = self.links.get(&(data.dev(), data.ino())) {
                let first = first.clone();
                return self.link(name, header(data, EntryType::Link), first.as_os_str());
            }
            self.links.insert((data.dev(), data.ino()), name.to_owned());
        }
        if kind.is_symlink() {
            let target = fs::read_link(source)?;
            return self.link(name, header(data, EntryType::Symlink), target.as_os_str());
        }
        if kind.is_file() {
            if let Some(value) = attribute(source, CAPABILITY) {
                self.extension(&value)?;
            }
            let mut header = header(data, EntryType::Regular);
            header.set_size(data.len());
            return self.put(name, header, File::open(source)?);
        }
        let kind = match kind {
            kind if kind.is_fifo() => EntryType::Fifo,
            kind if kind.is_char_device() => EntryType::Char,
            kind if kind.is_block_device() => EntryType::Block,
            // A socket means nothing without its program.
            _ => return Ok(()),
        };
        let mut header = header(data, kind);
        if kind != EntryType::Fifo {
            header.set_device_major(rustix::fs::major(data.rdev()))?;
            header.set_device_minor(rustix::fs::minor(data.rdev()))?;
        }
        self.put(name, header, io::empty())
    }

    fn put(&mut self, name: &Path, mut header: Header, bytes: impl io::Read) -> io::Result<()> {
        self.archive.append_data(&mut header, name, bytes)
    }

    /// Links are written as they are, not tidied up.
    fn link(&mut self, name: &Path, mut header: Header, target: &OsStr) -> io::Result<()> {
        if target.len() >= SHORT_LINK {
            return self.archive.append_link(&mut header, name, target);
        }
        header.set_link_name_literal(target.as_bytes())?;
        self.put(name, header, io::empty())
    }

    fn mark(&mut self, folder: &Path, name: &OsStr) -> io::Result<()> {
        let mut header = Header::new_gnu();
        header.set_mode(0o600);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(0);
        self.put(&folder.join(name), header, io::empty())
    }

    /// Speaks about the next entry.
    fn extension(&mut self, value: &[u8]) -> io::Result<()> {
        let mut record = format!(" SCHILY.xattr.{CAPABILITY}=").into_bytes();
        record.extend_from_slice(value);
        record.push(b'\n');
        // The length counts its own digits.
        let mut length = record.len() + 1;
        while length != record.len() + length.to_string().len() {
            length = record.len() + length.to_string().len();
        }
        let record = [length.to_string().as_bytes(), &record].concat();
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::XHeader);
        header.set_size(record.len() as u64);
        self.put(Path::new("attributes"), header, &record[..])
    }
}

fn header(data: &Metadata, kind: EntryType) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(data.mode() & 0o7777);
    header.set_uid(data.uid().into());
    header.set_gid(data.gid().into());
    header.set_mtime(u64::try_from(data.mtime()).unwrap_or_default());
    header.set_size(0);
    header
}

fn attribute(path: &Path, name: &str) -> Option<Vec<u8>> {
    let mut value = [0; 256];
    let count = rustix::fs::lgetxattr(path, name, &mut value[..]).ok()?;
    value.get(..count).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::process::Command;

    use super::super::{Limits, unpack};
    use super::*;

    fn packed(folder: &Path) -> Vec<u8> {
        let mut bytes = Vec::new();
        pack(folder, &mut bytes).unwrap();
        bytes
    }

    /// What stands in a folder, one line each.
    fn listing(folder: &Path) -> String {
        let words = ["-mindepth", "1", "-printf", "%P %y %m %U:%G %s %n %l\\n"];
        let found = Command::new("find").arg(folder).args(words).output().unwrap();
        let text = String::from_utf8(found.stdout).unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        lines.join("\n")
    }

    #[test]
    fn what_is_packed_unpacks_to_the_same() {
        let place = std::env::temp_dir().join(format!("iofog-pack-{}", std::process::id()));
        let _ = fs::remove_dir_all(&place);
        let (from, to) = (place.join("from"), place.join("to"));
        let deep = from.join("d".repeat(90)).join("e".repeat(90));
        fs::create_dir_all(&deep).unwrap();
        fs::create_dir_all(&to).unwrap();
        fs::write(from.join("file"), "bytes").unwrap();
        fs::set_permissions(from.join("file"), fs::Permissions::from_mode(0o4751)).unwrap();
        fs::hard_link(from.join("file"), deep.join("again")).unwrap();
        symlink("./../odd//way/", from.join("link")).unwrap();
        symlink("f".repeat(150), from.join("long")).unwrap();
        std::os::unix::fs::chown(deep.join("again"), Some(3_000_000), Some(7)).unwrap();
        let node = |name: &str, kind, mode, device| {
            let mode = Mode::from_raw_mode(mode);
            rustix::fs::mknodat(rustix::fs::CWD, from.join(name), kind, mode, device).unwrap();
        };
        use rustix::fs::{FileType, Mode, XattrFlags, makedev};
        node("pipe", FileType::Fifo, 0o640, 0);
        node("null", FileType::CharacterDevice, 0o666, makedev(1, 3));
        node("gone", FileType::CharacterDevice, 0, 0);
        rustix::fs::lsetxattr(&deep, OPAQUE, b"y", XattrFlags::empty()).unwrap();
        let capability = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        fs::write(from.join("able"), "x").unwrap();
        rustix::fs::lsetxattr(from.join("able"), CAPABILITY, &capability, XattrFlags::empty())
            .unwrap();
        let bytes = packed(&from);
        unpack(&bytes[..], &to, &[], Limits::default()).unwrap();
        assert_eq!(listing(&to), listing(&from));
        assert_eq!(attribute(&to.join("able"), CAPABILITY), Some(capability.to_vec()));
        let inner = to.join("d".repeat(90)).join("e".repeat(90));
        assert_eq!(attribute(&inner, OPAQUE).as_deref(), Some(&b"y"[..]));
        // Twice the same, and again from what came out, as far as times are kept.
        assert_eq!(packed(&from), bytes);
        fs::remove_dir_all(&place).unwrap();
    }
}
