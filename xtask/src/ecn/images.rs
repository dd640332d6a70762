//! Sample images made from the project's own static programs and loaded into the engine.

use anyhow::{Context, Result};

use crate::tools::archive::ProgramImage;
use crate::tools::cargo::Programs;
use crate::tools::docker::Docker;

/// Reference of the sensor's image, as `samples/app.yaml` names it.
pub const SENSOR: &str = "iofog-samples/sensor:1";
/// Reference of the dashboard's image.
pub const DASHBOARD: &str = "iofog-samples/dashboard:1";

/// Loads both images unless the engine has exactly these. Returns the references that were loaded.
///
/// # Errors
/// When a program cannot be read or the engine refuses the archive.
pub fn load(docker: &Docker, programs: &Programs) -> Result<Vec<&'static str>> {
    let wanted = [
        (SENSOR, "sensor", &programs.sensor, &[][..]),
        (DASHBOARD, "dashboard", &programs.dashboard, &[8080][..]),
    ];
    let mut loaded = Vec::new();
    for (reference, program, path, exposed) in wanted {
        let content =
            std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let image = ProgramImage {
            reference,
            program,
            content: &content,
            architecture: architecture(),
            exposed,
        };
        let (archive, id) = image.archive();
        if docker.image_id(reference)?.as_deref() != Some(id.as_str()) {
            docker.load_image(&archive)?;
            loaded.push(reference);
        }
    }
    Ok(loaded)
}

/// Removes both images where no container uses them.
///
/// # Errors
/// When the engine does not answer.
pub fn remove(docker: &Docker) -> Result<()> {
    for reference in [SENSOR, DASHBOARD] {
        docker.remove_image(reference)?;
    }
    Ok(())
}

/// This machine's architecture as container engines call it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
