//! Pulls images from registries (distribution specification, version 2 of the API): layers one by one, each
//! continued where it stopped, checked by digest, unpacked, and its packed bytes dropped.

mod challenge;
mod client;
mod http;

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read as _, Write as _};
use std::path::Path;
use std::time::Duration;

use rustix::fs::FlockOperation;
use tokio::task::LocalSet;

pub use challenge::Challenge;

use self::client::Client;
use super::digest::{Digest, Hashing};
use super::document::{Descriptor, Document, ImageConfig, Manifest, choose};
use super::reference::Reference;
use super::store::{Image, ImageStore, LayerRecord};
use super::worker::Login;
use super::{BadDocument, ImageError, archive};

/// How often a broken transfer is taken up again without any progress.
const ATTEMPTS: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Pulls `reference` into the store; false when the store has exactly that already.
///
/// # Errors
/// When the registry, the bytes or the disk do not serve.
pub(super) fn pull(
    reference: &Reference,
    login: Option<&Login>,
    store: &ImageStore,
    progress: &dyn Fn(u8),
) -> Result<bool, ImageError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        let client = Client::connect(reference, login).await?;
        let pull = Pull { client, store, progress };
        pull.run(reference).await
    })
}

struct Pull<'a> {
    client: Client<'a>,
    store: &'a ImageStore,
    progress: &'a dyn Fn(u8),
}

/// Bytes of all layers, for the percentage.
struct Total {
    wanted: u64,
    done: u64,
}

// === impl Pull ===

impl Pull<'_> {
    async fn run(&self, reference: &Reference) -> Result<bool, ImageError> {
        let known = self.store.find(reference).and_then(|image| image.manifest);
        if let (Some(known), Ok(Some(digest))) =
            (known, self.client.manifest_digest(&reference.version()).await)
            && known == digest
        {
            return Ok(false);
        }
        let (digest, manifest) = self.manifest(&reference.version()).await?;
        let bytes = self.client.document(&manifest.config.digest).await?;
        let config = ImageConfig::parse(&bytes, manifest.layers.len())?;
        let mut total = Total { wanted: manifest.layers.iter().map(|one| one.size).sum(), done: 0 };
        let mut layers = Vec::with_capacity(manifest.layers.len());
        for (layer, diff_id) in manifest.layers.iter().zip(&config.rootfs.diff_ids) {
            let record = self.layer(layer, diff_id, &layers, &mut total).await?;
            layers.push(record);
        }
        let execution = config.config;
        self.store.put(&Image {
            name: reference.to_string(),
            manifest: Some(digest),
            layers,
            execution,
        })?;
        (self.progress)(100);
        Ok(true)
    }

    /// The manifest for this machine, with the digest of what the name stands for.
    async fn manifest(&self, version: &str) -> Result<(Digest, Manifest), ImageError> {
        let (named, bytes) = self.client.manifest(version).await?;
        let mut document = Document::parse(&bytes)?;
        for _ in 0..3 {
            match document {
                Document::Image(manifest) => return Ok((named, manifest)),
                Document::Index(all) => {
                    let (_, bytes) =
                        self.client.manifest(&choose(&all)?.digest.to_string()).await?;
                    document = Document::parse(&bytes)?;
                }
            }
        }
        Err(BadDocument::Kind.into())
    }

    async fn layer(
        &self,
        layer: &Descriptor,
        diff_id: &Digest,
        below: &[LayerRecord],
        total: &mut Total,
    ) -> Result<LayerRecord, ImageError> {
        let path = self.store.blob(&layer.digest);
        // Two images with one layer: the second waits, and then finds it done.
        let lock = File::create(path.with_extension("lock"))?;
        rustix::fs::flock(&lock, FlockOperation::LockExclusive).map_err(io::Error::from)?;
        let start = total.done;
        let record = match self.store.layer_record(diff_id) {
            Some(record) => record,
            None => {
                self.fetch(layer, &path, total).await?;
                let packed = archive::decompressed(BufReader::new(File::open(&path)?))?;
                self.store.unpack(packed, diff_id, below)?
            }
        };
        let _ = std::fs::remove_file(&path);
        let _ = std::fs::remove_file(path.with_extension("lock"));
        total.done = start + layer.size;
        Ok(record)
    }

    /// Fetches the packed bytes, over as many connections as it takes.
    async fn fetch(
        &self,
        layer: &Descriptor,
        path: &Path,
        total: &mut Total,
    ) -> Result<(), ImageError> {
        let start = total.done;
        let (mut failures, mut before) = (0, 0);
        loop {
            let error = match self.fetch_on(layer, path, start, total).await {
                Ok(()) => return Ok(()),
                Err(error @ (ImageError::Digest { .. } | ImageError::Io(_))) => return Err(error),
                Err(error) => error,
            };
            let length = std::fs::metadata(path).map_or(0, |data| data.len());
            failures = if length > before { 1 } else { failures + 1 };
            before = length;
            if failures >= ATTEMPTS {
                return Err(error);
            }
            tokio::time::sleep(FIRST_PAUSE * 2_u32.pow(failures - 1)).await;
        }
    }

    /// One connection: continues the file, and checks it when it is complete.
    async fn fetch_on(
        &self,
        layer: &Descriptor,
        path: &Path,
        start: u64,
        total: &mut Total,
    ) -> Result<(), ImageError> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        let mut hash = Hashing::new(io::empty());
        let mut length = 0_u64;
        let mut buffer = vec![0; http::buffer_size()];
        loop {
            match file.read(&mut buffer)? {
                0 => break,
                count => {
                    hash.note(&buffer[..count]);
                    length += count as u64;
                }
            }
        }
        drop(buffer);
        if length < layer.size || layer.size == 0 {
            let (continued, mut body) = self.client.blob(&layer.digest, length).await?;
            if length > 0 && !continued {
                file.set_len(0)?;
                (hash, length) = (Hashing::new(io::empty()), 0);
            }
            while let Some(bytes) =
                http::next_bytes(&mut body).await.map_err(|error| self.client.error(error))?
            {
                length += bytes.len() as u64;
                if layer.size > 0 && length > layer.size {
                    file.set_len(0)?;
                    return Err(self
                        .client
                        .error(io::Error::other("layer is longer than its manifest says")));
                }
                hash.note(&bytes);
                file.write_all(&bytes)?;
                total.done = start + length;
                if let Some(percentage) = (total.done * 100).checked_div(total.wanted) {
                    let percentage = percentage.min(99);
                    (self.progress)(u8::try_from(percentage).unwrap_or(99));
                }
            }
            if length < layer.size {
                return Err(self
                    .client
                    .error(io::Error::other("connection ended in the middle of a layer")));
            }
        }
        let (got, _) = hash.finish();
        if got != layer.digest {
            // Nothing of it can be trusted: the next try begins anew.
            std::fs::remove_file(path)?;
            return Err(ImageError::Digest { what: "layer", got, expected: layer.digest });
        }
        Ok(())
    }
}
