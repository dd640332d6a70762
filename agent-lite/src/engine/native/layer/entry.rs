//! What one tar entry asks for, judged before anything is touched: names stay inside, kinds are known.

use tar::{EntryType, Header};

/// Longest path and link target that is taken, in bytes.
const MAX_PATH: usize = 4096;
/// Deepest path.
const MAX_DEPTH: usize = 128;
const WHITEOUT: &[u8] = b".wh.";
const OPAQUE_MARK: &[u8] = b".wh..wh..opq";

/// A path below the root of the layer: no empty part, no `.`, no `..`. Empty = the root itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Name(pub Vec<Vec<u8>>);

/// One change of a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Something is there.
    Put(Name, Kind),
    /// What lower layers have there is gone.
    Whiteout(Name),
    /// Nothing of lower layers shows in this folder.
    Opaque(Name),
    /// Means nothing here.
    Skip,
}

/// What is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file; its bytes follow.
    File,
    /// A folder.
    Folder,
    /// A symbolic link, to anything.
    Symlink(Vec<u8>),
    /// Another name of a file of the same layer.
    Hardlink(Name),
    /// A device.
    Device {
        /// Character device, else block device.
        character: bool,
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A named pipe.
    Fifo,
}

/// An entry that is refused, and with it the layer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadEntry {
    /// `..`, or something no file system takes.
    #[error("layer has a name that leads outside or is not valid: {0:?}")]
    Name(String),
    /// Sparse files and other rarities.
    #[error("layer has an entry of unsupported kind {0:?}")]
    Kind(char),
    /// A number field is damaged.
    #[error("layer has a damaged entry")]
    Damaged,
}

// === impl Name ===

impl Name {
    /// Reads a path of an archive.
    ///
    /// # Errors
    /// When it leads outside or is too long.
    pub fn parse(path: &[u8]) -> Result<Self, BadEntry> {
        let refuse =
            || BadEntry::Name(String::from_utf8_lossy(&path[..path.len().min(200)]).into_owned());
        if path.len() > MAX_PATH || path.contains(&0) {
            return Err(refuse());
        }
        let mut parts = Vec::new();
        for part in path.split(|byte| *byte == b'/') {
            match part {
                b"" | b"." => {}
                b".." => return Err(refuse()),
                part if part.len() > 255 || parts.len() >= MAX_DEPTH => return Err(refuse()),
                part => parts.push(part.to_vec()),
            }
        }
        Ok(Self(parts))
    }
}

// === impl Change ===

impl Change {
    /// Reads a header; `path` and `link` are the long forms where the archive has such.
    ///
    /// # Errors
    /// When the entry may not be unpacked.
    pub fn read(header: &Header, path: &[u8], link: &[u8]) -> Result<Self, BadEntry> {
        let mut name = Name::parse(path)?;
        if let Some(last) = name.0.last().filter(|last| last.starts_with(WHITEOUT)) {
            let hidden = last[WHITEOUT.len()..].to_vec();
            let opaque = last == OPAQUE_MARK;
            name.0.pop();
            return match hidden.as_slice() {
                _ if opaque => Ok(Self::Opaque(name)),
                // Bookkeeping of old storage drivers.
                other if other.starts_with(WHITEOUT) => Ok(Self::Skip),
                b"" | b"." | b".." => {
                    Err(BadEntry::Name(String::from_utf8_lossy(path).into_owned()))
                }
                _ => {
                    name.0.push(hidden);
                    Ok(Self::Whiteout(name))
                }
            };
        }
        let kind = match header.entry_type() {
            EntryType::Regular | EntryType::Continuous if path.ends_with(b"/") => Kind::Folder,
            EntryType::Regular | EntryType::Continuous => Kind::File,
            EntryType::Directory => Kind::Folder,
            EntryType::Symlink if link.is_empty() || link.len() > MAX_PATH || link.contains(&0) => {
                return Err(BadEntry::Name(String::from_utf8_lossy(path).into_owned()));
            }
            EntryType::Symlink => Kind::Symlink(link.to_vec()),
            EntryType::Link => Kind::Hardlink(Name::parse(link)?),
            EntryType::Fifo => Kind::Fifo,
            device @ (EntryType::Char | EntryType::Block) => {
                let number = |field: std::io::Result<Option<u32>>| {
                    field.map(Option::unwrap_or_default).map_err(|_| BadEntry::Damaged)
                };
                Kind::Device {
                    character: device == EntryType::Char,
                    major: number(header.device_major())?,
                    minor: number(header.device_minor())?,
                }
            }
            EntryType::XGlobalHeader => return Ok(Self::Skip),
            other => return Err(BadEntry::Kind(char::from(other.as_byte()))),
        };
        // The root is a folder whatever the archive says.
        if name.0.is_empty() && kind != Kind::Folder {
            return Ok(Self::Skip);
        }
        Ok(Self::Put(name, kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str, kind: EntryType, link: &str) -> Result<Change, BadEntry> {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        Change::read(&header, path.as_bytes(), link.as_bytes())
    }

    fn name(path: &str) -> Name {
        Name::parse(path.as_bytes()).unwrap()
    }

    #[test]
    fn names_stay_inside() {
        assert_eq!(name("./a//b/./c"), name("/a/b/c"));
        assert_eq!(name("/"), Name::default());
        for bad in
            ["..", "a/../b", "a\0b", &"x".repeat(256), &"a/".repeat(129), &"ab/".repeat(2000)]
        {
            assert!(Name::parse(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(read("a", EntryType::Link, "../b").is_err());
        assert!(read("../a", EntryType::Regular, "").is_err());
        assert_eq!(
            read("a", EntryType::Symlink, "../../etc"),
            Ok(Change::Put(name("a"), Kind::Symlink(b"../../etc".to_vec()))),
            "a link may say anything: following it is another matter"
        );
    }

    #[test]
    fn whiteouts_are_known_and_cannot_hide_the_folder_itself() {
        assert_eq!(read("a/.wh.b", EntryType::Regular, ""), Ok(Change::Whiteout(name("a/b"))));
        assert_eq!(read("a/.wh..wh..opq", EntryType::Regular, ""), Ok(Change::Opaque(name("a"))));
        assert_eq!(read(".wh..wh.plnk", EntryType::Regular, ""), Ok(Change::Skip));
        for bad in ["a/.wh.", "a/.wh..", "a/.wh..."] {
            assert!(read(bad, EntryType::Regular, "").is_err(), "{bad}");
        }
        assert!(read("a", EntryType::GNUSparse, "").is_err());
        assert_eq!(read("./", EntryType::Symlink, "x"), Ok(Change::Skip));
    }
}
