//! An image written to a file, as `docker save` and `gzip` do. The layers are packed anew, so their digests are other ones
//! than in the registry.

use std::fs::File;
use std::io::{self, Write};

use serde_json::json;
use tar::{Builder, Header};

use super::digest::{Digest, Hashing};
use super::document;
use super::reference::Reference;
use super::store::ImageStore;
use super::worker::Save;
use super::{BadDocument, ImageError};
use crate::engine::native::layer::pack;
use crate::gzip::Packing;

/// Does what `order` asks; the file is incomplete when it fails.
pub(super) fn save(order: &Save) -> Result<(), ImageError> {
    let store = ImageStore::open(&order.store)?;
    let file = Bounded { file: File::create(&order.to)?, left: order.most };
    let mut archive = Builder::new(Packing::new(file));
    let (mut diff_ids, mut paths) = (Vec::new(), Vec::new());
    for id in &order.layers {
        // A header says the length first: the stream is made twice, the first time for length and digest.
        let folder = store.layer(id);
        let mut measured = Measured(Hashing::new(io::empty()));
        pack(&folder, &mut measured)?;
        let (digest, length) = measured.0.finish();
        let path = format!("{}/layer.tar", digest.hex());
        if !paths.contains(&path) {
            let mut header = header(length);
            header.set_path(&path)?;
            header.set_cksum();
            let to = archive.get_mut();
            to.write_all(header.as_bytes())?;
            pack(&folder, &mut *to)?;
            let over = usize::try_from(length % 512).unwrap_or_default();
            to.write_all(&[0; BLOCK][..(BLOCK - over) % BLOCK])?;
        }
        diff_ids.push(digest);
        paths.push(path);
    }
    let (architecture, variant) = document::here();
    let config = json!({
        "architecture": architecture, "variant": variant, "os": "linux", "config": order.execution,
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    });
    let config = serde_json::to_vec(&config).map_err(BadDocument::from)?;
    let name = format!("{}.json", Digest::of(&config).hex());
    // A name by digest is no tag.
    let tags = Reference::parse(&order.image).map(|name| name.to_string()).into_iter();
    let tags: Vec<String> = tags.filter(|name| !name.contains('@')).collect();
    let manifest = json!([{"Config": name, "RepoTags": tags, "Layers": paths}]);
    let manifest = serde_json::to_vec(&manifest).map_err(BadDocument::from)?;
    for (name, bytes) in [(name.as_str(), config), ("manifest.json", manifest)] {
        archive.append_data(&mut header(bytes.len() as u64), name, &bytes[..])?;
    }
    archive.into_inner()?.finish()?.file.sync_data()?;
    Ok(())
}

/// Bytes of a block of an archive.
const BLOCK: usize = 512;

fn header(length: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_size(length);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header
}

/// Only measures.
struct Measured(Hashing<io::Empty>);

impl Write for Measured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.note(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A file that takes only so much.
struct Bounded {
    file: File,
    left: u64,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        let left = self.left.checked_sub(count as u64);
        self.left =
            left.ok_or_else(|| io::Error::other("the image has more bytes packed than are sent"))?;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
