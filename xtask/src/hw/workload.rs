//! Images of the emulated gateway's microservices, as a firmware brings them along: archives on its disk.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::image::{Boot, Placed};
use super::machine::Machine;
use crate::tools::archive::ProgramImage;

/// Folder of a device's own images.
const FOLDER: &str = "/usr/share/iofog-agent/images";

/// Packs the sensor and the page's server, and says where they go.
///
/// # Errors
/// When a program is missing or the folder cannot be written.
pub fn images(machine: &Machine, boot: &Boot, sensor: &Path, folder: &Path) -> Result<Vec<Placed>> {
    let busybox = boot.busybox();
    let wanted = [
        ("iofog-hw/sensor:1", "sensor", sensor, &[][..]),
        ("iofog-hw/page:1", "busybox", busybox.as_path(), &[8080][..]),
    ];
    let mut placed = Vec::new();
    for (reference, program, path, exposed) in wanted {
        let content = fs::read(path).with_context(|| format!("no {}", path.display()))?;
        let architecture = machine.image_architecture;
        let image = ProgramImage { reference, program, content: &content, architecture, exposed };
        let from = folder.join(format!("{program}.tar"));
        fs::write(&from, image.archive().0)?;
        placed.push(Placed { from, to: format!("{FOLDER}/{program}.tar") });
    }
    Ok(placed)
}
