//! Images on disk: one record per name, layers by the digest of what was unpacked, shared between images.
//!
//! A record is written after its layers are complete and synced, so a record can be trusted after a power cut.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use iofog_sorted::{SortedMap, SortedSet};
use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::document::Execution;
use super::reference::Reference;
use crate::disk;
use crate::engine::native::layer::{self, Limits, UnpackError};
use crate::fault;

/// Folder name of a layer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LayerId(String);

/// One layer of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerRecord {
    /// Its folder.
    pub id: LayerId,
    /// Bytes of its files.
    pub bytes: u64,
}

/// What is known of one image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Full name.
    pub name: String,
    /// Digest of the manifest it was made from; none for archives without one.
    pub manifest: Option<Digest>,
    /// Layers, from the lowest.
    pub layers: Vec<LayerRecord>,
    /// How it wants to be run.
    pub execution: Execution,
}

/// The folders.
#[derive(Clone, Debug)]
pub struct ImageStore {
    folder: PathBuf,
}

// === impl LayerId ===

impl LayerId {
    /// The folder of the layer with this digest.
    pub fn of(diff_id: &Digest) -> Self {
        Self(diff_id.short())
    }

    /// The folder's name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

// === impl ImageStore ===

impl ImageStore {
    /// The store below `folder`; made when missing.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let store = Self { folder: folder.to_owned() };
        for part in ["images", "layers", "blobs"] {
            fs::create_dir_all(folder.join(part))?;
        }
        Ok(store)
    }

    /// Removes what an interrupted unpacking left. Call it before any worker runs.
    pub fn tidy(&self) -> io::Result<()> {
        for entry in fs::read_dir(self.folder.join("layers"))?.flatten() {
            if entry.file_name().to_string_lossy().ends_with(".new") {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }

    /// The image of this name.
    pub fn find(&self, reference: &Reference) -> Option<Image> {
        let image: Image = read_json(&self.record(&reference.to_string()))?;
        let complete = image.layers.iter().all(|one| self.layer(&one.id).is_dir());
        complete.then_some(image)
    }

    /// All images.
    pub fn all(&self) -> Vec<Image> {
        let entries = fs::read_dir(self.folder.join("images")).into_iter().flatten().flatten();
        entries.filter_map(|entry| read_json(&entry.path())).collect()
    }

    /// Writes the record; its layers must be there.
    pub fn put(&self, image: &Image) -> io::Result<()> {
        fault::before("native.image");
        disk::write_atomically(&self.record(&image.name), &serde_json::to_vec(image)?)?;
        fault::after("native.image");
        Ok(())
    }

    /// Folder of a layer.
    pub fn layer(&self, id: &LayerId) -> PathBuf {
        self.folder.join("layers").join(id.as_str())
    }

    /// Folder of all layers.
    pub fn layers(&self) -> PathBuf {
        self.folder.join("layers")
    }

    /// A file for the bytes of a blob while they arrive.
    pub fn blob(&self, digest: &Digest) -> PathBuf {
        self.folder.join("blobs").join(digest.hex())
    }

    /// The layer with this digest, when it is complete.
    pub fn layer_record(&self, diff_id: &Digest) -> Option<LayerRecord> {
        let id = LayerId::of(diff_id);
        let bytes = fs::read_to_string(self.size_file(&id)).ok()?.trim().parse().ok()?;
        self.layer(&id).is_dir().then_some(LayerRecord { id, bytes })
    }

    /// Unpacks a layer and checks that it is the one ordered; `below` are those under it, from the lowest.
    pub fn unpack(
        &self,
        source: impl io::Read,
        diff_id: &Digest,
        below: &[LayerRecord],
    ) -> Result<LayerRecord, super::ImageError> {
        let id = LayerId::of(diff_id);
        let staged =
            self.folder.join("layers").join(format!("{}.{}.new", id.as_str(), std::process::id()));
        let lower: Vec<PathBuf> = below.iter().rev().map(|one| self.layer(&one.id)).collect();
        let result = self.unpack_into(&staged, source, diff_id, &lower);
        let bytes = match result {
            Ok(bytes) => bytes,
            Err(error) => {
                let _ = fs::remove_dir_all(&staged);
                return Err(error);
            }
        };
        disk::write_atomically(&self.size_file(&id), bytes.to_string().as_bytes())?;
        fault::before("native.layer");
        match fs::rename(&staged, self.layer(&id)) {
            Ok(()) => disk::sync_folder_of(&self.layer(&id))?,
            // Another worker made the same layer meanwhile.
            Err(_) if self.layer(&id).is_dir() => fs::remove_dir_all(&staged)?,
            Err(error) => return Err(error.into()),
        }
        fault::after("native.layer");
        Ok(LayerRecord { id, bytes })
    }

    fn unpack_into(
        &self,
        staged: &Path,
        source: impl io::Read,
        diff_id: &Digest,
        lower: &[PathBuf],
    ) -> Result<u64, super::ImageError> {
        let _ = fs::remove_dir_all(staged);
        fs::create_dir(staged)?;
        let unpacked = layer::unpack(source, staged, lower, Limits::default())?;
        if unpacked.diff_id != *diff_id {
            let (got, expected) = (unpacked.diff_id, *diff_id);
            return Err(super::ImageError::Digest { what: "unpacked layer", got, expected });
        }
        // One sync for all files instead of one for each.
        rustix::fs::syncfs(fs::File::open(staged)?)
            .map_err(|error| UnpackError::Io(error.into()))?;
        Ok(unpacked.bytes)
    }

    /// Removes records of these names, then layers that neither a record nor `held` needs; says how many bytes went.
    pub fn remove(&self, names: &[String], held: &SortedSet<LayerId>) -> io::Result<u64> {
        for name in names {
            match fs::remove_file(self.record(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        let mut needed = held.clone();
        needed.extend(self.all().into_iter().flat_map(|image| image.layers).map(|one| one.id));
        let mut freed = 0;
        let mut sizes = SortedMap::new();
        for entry in fs::read_dir(self.layers())?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            match name.strip_suffix(".size") {
                Some(id) => {
                    sizes.insert(
                        LayerId(id.to_owned()),
                        fs::read_to_string(entry.path()).unwrap_or_default(),
                    );
                }
                None if name.ends_with(".new") => {}
                None => {
                    sizes.entry(LayerId(name)).or_default();
                }
            }
        }
        for (id, size) in sizes.into_iter().filter(|(id, _)| !needed.contains(id)) {
            // Out of the way first: a half-removed layer must not look complete.
            let gone = self.layers().join(format!("{}.gone.new", id.as_str()));
            if fs::rename(self.layer(&id), &gone).is_ok() {
                fs::remove_dir_all(&gone)?;
            }
            let _ = fs::remove_file(self.size_file(&id));
            freed += size.trim().parse::<u64>().unwrap_or_default();
        }
        Ok(freed)
    }

    fn record(&self, name: &str) -> PathBuf {
        self.folder.join("images").join(format!("{}.json", Digest::of(name.as_bytes()).short()))
    }

    fn size_file(&self, id: &LayerId) -> PathBuf {
        self.folder.join("layers").join(format!("{}.size", id.as_str()))
    }
}

fn read_json<T: for<'a> Deserialize<'a>>(path: &Path) -> Option<T> {
    let bytes = fs::read(path).ok()?;
    serde_json::from_slice(&bytes)
        .inspect_err(|error| log::warn!(target: "engine", "{} is damaged: {error}", path.display()))
        .ok()
}
