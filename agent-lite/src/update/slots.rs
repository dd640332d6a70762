//! The files of self-update: boot record and two programs. Everything is synced before something refers to it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use ring::digest::{Context, SHA256};

use super::manifest::Artefact;
use super::record::{Digest, Installed, Program, Record, Slot};
use crate::disk;

/// The folder of self-update.
#[derive(Clone, Debug)]
pub struct Slots {
    folder: PathBuf,
}

/// A program on its way into a slot.
pub struct Incoming {
    file: File,
    part: PathBuf,
    digest: Context,
    written: u32,
    limit: u32,
}

impl Slots {
    /// The folder below the Agent's library folder.
    pub fn new(library: &Path) -> Self {
        Self { folder: library.join("update") }
    }

    /// The boot record; `None` when there is none or it is damaged, which means the installed program.
    pub fn load(&self) -> Option<Record> {
        Record::decode(&fs::read(self.record_path()).ok()?)
    }

    /// Replaces the boot record; when this returns, it survives a power cut.
    pub fn save(&self, record: &Record) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        disk::write_atomically(&self.record_path(), record.encode().as_bytes())
    }

    /// Whether a program is there as the record has it, byte by byte.
    pub fn is_whole(&self, record: &Record, program: Program) -> bool {
        let Program::Slot(slot) = program else { return true };
        record.slot(slot).is_some_and(|installed| {
            digest_of(&self.path(slot), installed.bytes)
                .is_ok_and(|found| found == installed.sha256)
        })
    }

    /// The file of a slot.
    pub fn path(&self, slot: Slot) -> PathBuf {
        self.folder.join(slot.file())
    }

    /// Opens the file that becomes the program of a slot.
    pub fn receive(&self, slot: Slot, artefact: &Artefact) -> io::Result<Incoming> {
        let part = self.path(slot).with_extension("part");
        if let Some(folder) = part.parent() {
            fs::create_dir_all(folder)?;
            disk::sync_folder_of(folder)?;
        }
        let file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o755).open(&part)?;
        Ok(Incoming {
            file,
            part,
            digest: Context::new(&SHA256),
            written: 0,
            limit: artefact.bytes,
        })
    }

    /// Gives the space of a slot back, before its successor is written: flash is small.
    pub fn clear(&self, slot: Slot) {
        let _ = fs::remove_file(self.path(slot));
        let _ = fs::remove_file(self.path(slot).with_extension("part"));
    }

    fn record_path(&self) -> PathBuf {
        self.folder.join("boot")
    }
}

impl Incoming {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// When the disk is full, or more comes than was announced.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let more = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        self.written = self.written.saturating_add(more);
        if self.written > self.limit {
            return Err(io::Error::other("more bytes than the manifest says"));
        }
        self.digest.update(bytes);
        self.file.write_all(bytes)
    }

    /// Checks the whole and puts it in place, synced.
    ///
    /// # Errors
    /// When size or digest differ from what was signed; the slot stays empty then.
    pub fn finish(self, slots: &Slots, slot: Slot, artefact: &Artefact) -> io::Result<()> {
        let found = self.digest.finish();
        if self.written != artefact.bytes || found.as_ref() != artefact.sha256.0 {
            let _ = fs::remove_file(&self.part);
            return Err(io::Error::other("size or digest differ from the manifest"));
        }
        self.file.sync_all()?;
        drop(self.file);
        let place = slots.path(slot);
        fs::rename(&self.part, &place)?;
        disk::sync_folder_of(&place)
    }
}

/// What the record says about an artefact in place.
pub(super) fn installed(version: super::record::Version, artefact: &Artefact) -> Installed {
    Installed { version, bytes: artefact.bytes, sha256: artefact.sha256 }
}

/// Digest of a file of exactly `bytes`.
fn digest_of(path: &Path, bytes: u32) -> io::Result<Digest> {
    let mut file = File::open(path)?;
    if file.metadata()?.len() != u64::from(bytes) {
        return Err(io::Error::other("another size"));
    }
    let mut context = Context::new(&SHA256);
    let mut buffer = [0; 16 * 1024];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        context.update(buffer.get(..count).unwrap_or_default());
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    Ok(Digest(digest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::update::record::Version;

    fn artefact(content: &[u8]) -> Artefact {
        let digest = ring::digest::digest(&SHA256, content);
        Artefact {
            target: "t".into(),
            file: "f".into(),
            bytes: u32::try_from(content.len()).unwrap(),
            sha256: Digest(digest.as_ref().try_into().unwrap()),
        }
    }

    #[test]
    fn a_program_is_taken_whole_or_not_at_all() {
        let folder = std::env::temp_dir().join(format!("iofog-slots-{}", std::process::id()));
        let slots = Slots::new(&folder);
        let wanted = artefact(b"program");
        let record = Record {
            a: Some(installed(Version(2), &wanted)),
            confirmed: Program::Slot(Slot::A),
            ..Record::default()
        };
        slots.save(&record).unwrap();
        assert_eq!(slots.load(), Some(record.clone()));
        for wrong in [&b"progra"[..], b"programs", b"prograM"] {
            let mut incoming = slots.receive(Slot::A, &wanted).unwrap();
            let taken =
                incoming.write(wrong).and_then(|()| incoming.finish(&slots, Slot::A, &wanted));
            assert!(taken.is_err(), "{wrong:?}");
            assert!(!slots.is_whole(&record, Program::Slot(Slot::A)));
        }
        let mut incoming = slots.receive(Slot::A, &wanted).unwrap();
        incoming.write(b"pro").unwrap();
        incoming.write(b"gram").unwrap();
        incoming.finish(&slots, Slot::A, &wanted).unwrap();
        assert!(slots.is_whole(&record, Program::Slot(Slot::A)));
        assert!(!slots.is_whole(&record, Program::Slot(Slot::B)));
        std::fs::write(slots.path(Slot::A), b"prograX").unwrap();
        assert!(!slots.is_whole(&record, Program::Slot(Slot::A)), "damaged later");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
