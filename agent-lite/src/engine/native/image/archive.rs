//! Images in files: archives of `docker save`, OCI archives (gzip or not), OCI layout folders.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use iofog_sorted::SortedMap;
use serde::Deserialize;
use tar::{Archive, EntryType};

use super::digest::Digest;
use super::document::{Descriptor, Document, ImageConfig, MAX_DOCUMENT, Manifest, choose};
use super::reference::Reference;
use super::store::{Image, ImageStore, LayerRecord};
use super::{BadDocument, ImageError};
use crate::gzip::Unpacking;

/// All small files of one archive together.
const MAX_DOCUMENTS: usize = 32 << 20;
/// Where standard tools write the full name of an image in an index.
const NAME_KEYS: [&str; 2] = ["io.containerd.image.name", "org.opencontainers.image.ref.name"];

/// One image of a source: how it is called, and where its parts lie.
struct Listed {
    names: Vec<Reference>,
    config: ImageConfig,
    manifest: Option<Digest>,
    layers: Vec<PathBuf>,
}

/// `manifest.json` of `docker save`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: PathBuf,
    repo_tags: Option<Vec<String>>,
    layers: Vec<PathBuf>,
}

/// A file or folder with images.
struct Source {
    path: PathBuf,
    documents: SortedMap<PathBuf, Vec<u8>>,
    /// Layers that are other names of layers (older `docker save`).
    links: SortedMap<PathBuf, PathBuf>,
}

/// Looks for `wanted` in the images of `folder` and puts it into the store. Damaged files are skipped and told.
///
/// # Errors
/// When the image is there and cannot be unpacked.
pub(super) fn import_from(
    folder: &Path,
    wanted: &Reference,
    store: &ImageStore,
) -> Result<bool, ImageError> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(false) };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let listed = match Source::open(&path).and_then(|source| Ok((source.list()?, source))) {
            Ok(listed) => listed,
            Err(error) => {
                log::warn!(target: "engine", "{}: {error}", path.display());
                continue;
            }
        };
        let (images, source) = listed;
        if let Some(image) = images.into_iter().find(|image| image.names.contains(wanted)) {
            source.import(image, wanted, store)?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// A stream of an archive, unpacked when it is compressed.
pub(super) fn decompressed<'a>(mut file: impl Read + 'a) -> Result<Box<dyn Read + 'a>, ImageError> {
    let mut start = [0; 4];
    let mut filled = 0;
    while filled < start.len() {
        match file.read(&mut start[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    // Boxed, so that the unpacking is compiled once.
    let file: Box<dyn Read + 'a> = Box::new(io::Cursor::new(start[..filled].to_vec()).chain(file));
    match start {
        [0x1f, 0x8b, ..] => Ok(Box::new(Unpacking::new(file))),
        [0x28, 0xb5, 0x2f, 0xfd] => Err(ImageError::Compression("zstd")),
        _ => Ok(file),
    }
}

// === impl Source ===

impl Source {
    /// Reads all small files.
    fn open(path: &Path) -> Result<Self, ImageError> {
        let mut source =
            Self { path: path.to_owned(), documents: SortedMap::new(), links: SortedMap::new() };
        if path.is_dir() {
            source.read_folder()?;
        } else {
            source.read_archive()?;
        }
        Ok(source)
    }

    fn read_folder(&mut self) -> Result<(), ImageError> {
        let index = PathBuf::from("index.json");
        let bytes = std::fs::read(self.path.join(&index))?;
        self.documents.insert(index, bytes);
        for entry in std::fs::read_dir(self.path.join("blobs/sha256"))?.flatten() {
            if entry.metadata()?.len() <= MAX_DOCUMENT as u64 {
                let mut start = [0; 1];
                let opening = File::open(entry.path())?.read(&mut start)?;
                if opening == 1 && start[0] == b'{' {
                    let name = Path::new("blobs/sha256").join(entry.file_name());
                    self.documents.insert(name, std::fs::read(entry.path())?);
                }
            }
        }
        Ok(())
    }

    fn read_archive(&mut self) -> Result<(), ImageError> {
        let mut file = BufReader::new(File::open(&self.path)?);
        let mut start = [0; 2];
        let plain = file.read_exact(&mut start).is_ok() && start != [0x1f, 0x8b];
        file.seek(SeekFrom::Start(0))?;
        if plain {
            // Without compression the large entries are passed over by seeking.
            let mut archive = Archive::new(file);
            return self.take_documents(archive.entries_with_seek()?);
        }
        let mut archive = Archive::new(decompressed(file)?);
        self.take_documents(archive.entries()?)
    }

    fn take_documents<'a, R: Read + 'a>(
        &mut self,
        entries: tar::Entries<'a, R>,
    ) -> Result<(), ImageError> {
        let mut total = 0;
        for entry in entries.raw(true) {
            let mut entry = entry?;
            let path = clean(&entry.path()?);
            match entry.header().entry_type() {
                EntryType::Symlink | EntryType::Link => {
                    let target = entry.link_name()?.unwrap_or_default().into_owned();
                    let target = match entry.header().entry_type() {
                        EntryType::Symlink => path.parent().unwrap_or(Path::new("")).join(target),
                        _ => target,
                    };
                    self.links.insert(path, clean(&target));
                }
                EntryType::Regular if entry.size() <= MAX_DOCUMENT as u64 => {
                    let mut start = [0; 1];
                    if entry.read(&mut start)? == 0 || !matches!(start[0], b'{' | b'[') {
                        continue;
                    }
                    let mut bytes = start.to_vec();
                    entry.read_to_end(&mut bytes)?;
                    total += bytes.len();
                    if total > MAX_DOCUMENTS {
                        return Err(ImageError::Archive("its documents are too large".to_owned()));
                    }
                    self.documents.insert(path, bytes);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// All images in it, by either of the two ways of saying so.
    fn list(&self) -> Result<Vec<Listed>, ImageError> {
        if let Some(bytes) = self.documents.get(Path::new("manifest.json")) {
            return self.list_saved(bytes);
        }
        let index = self.document(Path::new("index.json"))?;
        let Document::Index(entries) = Document::parse(index)? else {
            return Err(BadDocument::Kind.into());
        };
        entries.iter().map(|entry| self.list_entry(entry)).collect()
    }

    fn list_saved(&self, bytes: &[u8]) -> Result<Vec<Listed>, ImageError> {
        let all: Vec<Saved> = serde_json::from_slice(bytes).map_err(BadDocument::from)?;
        let one = |saved: Saved| {
            let config =
                ImageConfig::parse(self.document(&clean(&saved.config))?, saved.layers.len())?;
            let names = saved.repo_tags.unwrap_or_default();
            let names = names.iter().filter_map(|name| Reference::parse(name).ok()).collect();
            let layers = saved.layers.iter().map(|path| clean(path)).collect();
            Ok(Listed { names, config, manifest: None, layers })
        };
        all.into_iter().map(one).collect()
    }

    fn list_entry(&self, entry: &Descriptor) -> Result<Listed, ImageError> {
        let name = NAME_KEYS.iter().find_map(|key| entry.annotations.get(*key));
        let names = name.and_then(|name| Reference::parse(name).ok()).into_iter().collect();
        let (digest, manifest) = self.manifest(entry, 0)?;
        let bytes = self.blob(&manifest.config.digest)?;
        let config = ImageConfig::parse(bytes, manifest.layers.len())?;
        let layers = manifest.layers.iter().map(|one| blob_path(&one.digest)).collect();
        Ok(Listed { names, config, manifest: Some(digest), layers })
    }

    /// The manifest of an entry, for this machine.
    fn manifest(&self, entry: &Descriptor, depth: u8) -> Result<(Digest, Manifest), ImageError> {
        match Document::parse(self.blob(&entry.digest)?)? {
            Document::Image(manifest) => Ok((entry.digest, manifest)),
            Document::Index(inner) if depth < 2 => self.manifest(choose(&inner)?, depth + 1),
            Document::Index(_) => Err(BadDocument::Kind.into()),
        }
    }

    /// A document by digest, checked.
    fn blob(&self, digest: &Digest) -> Result<&[u8], ImageError> {
        let bytes = self.document(&blob_path(digest))?;
        let got = Digest::of(bytes);
        if got == *digest {
            return Ok(bytes);
        }
        Err(ImageError::Digest { what: "image document", got, expected: *digest })
    }

    fn document(&self, path: &Path) -> Result<&[u8], ImageError> {
        let found = self.documents.get(path).map(Vec::as_slice);
        found.ok_or_else(|| ImageError::Archive(format!("{} is missing", path.display())))
    }

    /// Unpacks the layers that the store lacks, then writes the record.
    fn import(
        &self,
        listed: Listed,
        name: &Reference,
        store: &ImageStore,
    ) -> Result<(), ImageError> {
        let diff_ids = &listed.config.rootfs.diff_ids;
        let mut layers: Vec<LayerRecord> = Vec::with_capacity(diff_ids.len());
        for (path, diff_id) in listed.layers.iter().zip(diff_ids) {
            let record = match store.layer_record(diff_id) {
                Some(record) => record,
                None => {
                    let path = self.links.get(path).unwrap_or(path);
                    self.with_layer(path, |stream| store.unpack(stream, diff_id, &layers))?
                }
            };
            layers.push(record);
        }
        let execution = listed.config.config;
        store.put(&Image {
            name: name.to_string(),
            manifest: listed.manifest,
            layers,
            execution,
        })?;
        Ok(())
    }

    fn with_layer<T>(
        &self,
        path: &Path,
        work: impl FnOnce(Box<dyn Read + '_>) -> Result<T, ImageError>,
    ) -> Result<T, ImageError> {
        if self.path.is_dir() {
            return work(decompressed(BufReader::new(File::open(self.path.join(path))?))?);
        }
        let mut archive = Archive::new(decompressed(BufReader::new(File::open(&self.path)?))?);
        for entry in archive.entries()?.raw(true) {
            let entry = entry?;
            if clean(&entry.path()?) == path {
                // A layer inside may be compressed by itself.
                return work(decompressed(entry)?);
            }
        }
        Err(ImageError::Archive(format!("{} is missing", path.display())))
    }
}

fn blob_path(digest: &Digest) -> PathBuf {
    Path::new("blobs/sha256").join(digest.hex())
}

/// The path without `.` and with `..` resolved by its text: keys of maps, never opened outside a folder.
fn clean(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::Normal(part) => clean.push(part),
            std::path::Component::ParentDir => drop(clean.pop()),
            _ => {}
        }
    }
    clean
}
