//! Files of the enrolment: `first-boot` beside the configuration, which the image brings, and what the device remembers, beside its state.

use std::io;
use std::path::{Path, PathBuf};

use ring::digest::{SHA256, digest};

use crate::disk;
use crate::domain::enrolment::Record;
use crate::update::manifest::hex;

/// Largest `first-boot` file that is read.
const LARGEST: u64 = 64 * 1024;

/// Where they lie.
#[derive(Clone, Debug)]
pub struct EnrolmentFiles {
    first_boot: PathBuf,
    record: PathBuf,
    certificate: PathBuf,
}

impl EnrolmentFiles {
    /// Those of an Agent with these folders of configuration and state.
    pub fn new(config: &Path, library: &Path) -> Self {
        Self {
            first_boot: config.join("first-boot"),
            record: library.join("enrolment"),
            certificate: config.join("first-boot.crt"),
        }
    }

    /// Text of `first-boot`; none when there is no such file, or one that was used and could not be removed.
    pub fn first_boot(&self) -> io::Result<Option<String>> {
        match std::fs::metadata(&self.first_boot) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Ok(about) if about.len() > LARGEST => {
                return Err(io::Error::other("first-boot has more than 64 KiB"));
            }
            _ => {}
        }
        let text = std::fs::read_to_string(&self.first_boot)?;
        let done = self.record().and_then(|record| record.done);
        Ok((done.as_ref() != Some(&hash(&text))).then_some(text))
    }

    /// What the device remembers.
    pub fn record(&self) -> Option<Record> {
        let text = std::fs::read_to_string(&self.record).ok()?;
        let record = Record::decode(&text);
        if record.is_none() {
            log::warn!(target: "enrolment", "{} is damaged", self.record.display());
        }
        record
    }

    /// Remembers it; when this returns, it survives a power cut.
    pub fn save_record(&self, record: &Record) -> io::Result<()> {
        let bytes = record.encode();
        disk::write_secret_atomically(&self.record, bytes.as_bytes())
    }

    /// Keeps the certificate of the image; gives its path.
    pub fn save_certificate(&self, pem: &str) -> io::Result<&Path> {
        disk::write_atomically(&self.certificate, pem.as_bytes())?;
        Ok(&self.certificate)
    }

    /// Removes `first-boot`, which was used. Where it cannot be removed, notes that it was used: the error says why.
    pub fn discard(&self, text: &str) -> Result<(), io::Error> {
        let removed = std::fs::remove_file(&self.first_boot);
        let removed = removed.and_then(|()| disk::sync_folder_of(&self.first_boot));
        let Err(error) = removed else { return Ok(()) };
        if let Some(mut record) = self.record() {
            record.done = Some(hash(text));
            self.save_record(&record)?;
        }
        Err(error)
    }
}

fn hash(text: &str) -> String {
    hex(digest(&SHA256, text.as_bytes()).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder =
            std::env::temp_dir().join(format!("iofog-enrol-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn a_file_that_was_used_is_gone_or_counts_as_gone() {
        let folder = folder("used");
        let files = EnrolmentFiles::new(&folder, &folder);
        assert_eq!(files.first_boot().unwrap(), None);
        std::fs::write(folder.join("first-boot"), "text").unwrap();
        let record = Record { device: "d1".into(), proof: "p".repeat(64), done: None };
        files.save_record(&record).unwrap();
        assert_eq!(files.first_boot().unwrap().as_deref(), Some("text"));
        files.discard("text").unwrap();
        assert_eq!(files.first_boot().unwrap(), None);
        assert!(files.record() == Some(record.clone()), "the proof stays");
        // A folder in its place cannot be removed as a file, like one on a file system that is read only.
        std::fs::create_dir(folder.join("first-boot")).unwrap();
        assert!(files.discard("text").is_err());
        std::fs::remove_dir(folder.join("first-boot")).unwrap();
        std::fs::write(folder.join("first-boot"), "text").unwrap();
        assert_eq!(files.first_boot().unwrap(), None, "used once");
        std::fs::write(folder.join("first-boot"), "another").unwrap();
        assert_eq!(files.first_boot().unwrap().as_deref(), Some("another"));
        assert!(files.record().is_some_and(|kept| kept.proof == record.proof));
        let _ = std::fs::remove_dir_all(folder);
    }

    #[test]
    fn a_huge_file_is_not_read() {
        let folder = folder("huge");
        std::fs::write(folder.join("first-boot"), vec![b'#'; 65 * 1024]).unwrap();
        assert!(EnrolmentFiles::new(&folder, &folder).first_boot().is_err());
        let _ = std::fs::remove_dir_all(folder);
    }
}
