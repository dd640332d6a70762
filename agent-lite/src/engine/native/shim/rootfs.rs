//! The root file system of a container: an overlay in a mount namespace of the shim's own, so that no mount is ever
//! left behind; a copy where the kernel or the disk has no overlay.

use std::ffi::CString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags};
use rustix::thread::UnshareFlags;

use crate::engine::native::image::ImageStore;
use crate::engine::native::layer::copy_over;
use crate::engine::native::record::{Places, Record};
use crate::engine::native::runtime::UNIFIED;

/// A mount's options must fit one page.
const MAX_OPTIONS: usize = 4000;

/// Provides the folder.
pub(super) fn provide(places: &Places, record: &Record) -> io::Result<PathBuf> {
    let own_mounts = own_mounts().is_ok();
    let store = ImageStore::open(&places.library)?;
    let missing = record.layers.iter().find(|id| !store.layer(id).is_dir());
    if let Some(id) = missing {
        return Err(io::Error::other(format!(
            "layer {} of image {} is missing",
            id.as_str(),
            record.image
        )));
    }
    let folder = places.container(&record.id);
    let copy = folder.join("rootfs");
    // A container that began as a copy stays one.
    if copy.join(".").is_dir() {
        return Ok(copy);
    }
    match overlay(&store, record, &folder, own_mounts) {
        Ok(merged) => Ok(merged),
        Err(error) if folder.join("upper").read_dir().is_ok_and(|mut all| all.next().is_some()) => {
            // What it wrote is in the overlay: a copy would lose it.
            Err(io::Error::new(error.kind(), format!("overlay cannot be mounted: {error}")))
        }
        Err(_) => {
            let staged = folder.join("rootfs.new");
            let _ = fs::remove_dir_all(&staged);
            fs::create_dir(&staged)?;
            for id in &record.layers {
                copy_over(&store.layer(id), &staged)?;
            }
            fs::rename(&staged, &copy)?;
            Ok(copy)
        }
    }
}

fn overlay(
    store: &ImageStore,
    record: &Record,
    folder: &Path,
    own_mounts: bool,
) -> io::Result<PathBuf> {
    if !own_mounts {
        return Err(io::Error::other("no mounts of its own"));
    }
    let (upper, work, merged, empty) =
        (folder.join("upper"), folder.join("work"), folder.join("merged"), folder.join("empty"));
    for one in [&upper, &work, &merged] {
        fs::create_dir_all(one)?;
    }
    let mut lower: Vec<String> =
        record.layers.iter().rev().map(|id| id.as_str().to_owned()).collect();
    if lower.is_empty() {
        fs::create_dir_all(&empty)?;
        lower.push(empty.display().to_string());
    }
    let text = format!(
        "lowerdir={},upperdir={},workdir={}",
        lower.join(":"),
        upper.display(),
        work.display()
    );
    if text.len() > MAX_OPTIONS || folder.to_string_lossy().contains([',', ':', '\\']) {
        return Err(io::Error::other("options of the overlay are too long or hold odd characters"));
    }
    // Short relative names: many layers fit into the options.
    let before = std::env::current_dir()?;
    std::env::set_current_dir(store.layers())?;
    let options = CString::new(text).map_err(io::Error::other)?;
    let mounted = rustix::mount::mount(
        "overlay",
        &merged,
        "overlay",
        MountFlags::empty(),
        options.as_c_str(),
    );
    std::env::set_current_dir(before)?;
    mounted?;
    Ok(merged)
}

/// Mounts from here on are this process's and its container's alone; what the node mounts later is still seen.
#[allow(
    deprecated,
    reason = "its successor is unsafe for a flag that is not used here; the workspace forbids unsafe code"
)]
fn own_mounts() -> io::Result<()> {
    rustix::thread::unshare(UnshareFlags::NEWNS)?;
    let slave = MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC;
    rustix::mount::mount_change("/", slave)?;
    // A runtime that refuses a mixture sees only version 1; the machine keeps both.
    let _ = rustix::mount::unmount(UNIFIED, UnmountFlags::DETACH);
    Ok(())
}
