//! An image written to a file, as `docker save` and `gzip` do.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use bollard::Docker;
use bollard::query_parameters::InspectContainerOptions;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::StreamExt as _;

use super::failure;
use crate::domain::{ContainerId, Failure};

/// Writes the image that `container` was made from.
pub(super) async fn image_of(
    client: &Docker,
    container: &ContainerId,
    to: &Path,
    most: u64,
) -> Result<(), Failure> {
    let refused = |error: io::Error| Failure::Refused(format!("{}: {error}", to.display()));
    let details = client.inspect_container(container.as_str(), None::<InspectContainerOptions>);
    let details = details.await.map_err(failure)?;
    let name = details.config.and_then(|config| config.image).or(details.image);
    let name = name.ok_or_else(|| Failure::Gone("the container names no image".to_owned()))?;
    let file = File::create(to).map_err(refused)?;
    let mut packed = GzEncoder::new(file, Compression::fast());
    let mut stream = std::pin::pin!(client.export_image(&name));
    while let Some(piece) = stream.next().await {
        packed.write_all(&piece.map_err(failure)?).map_err(refused)?;
        let length = packed.get_ref().metadata().map_err(refused)?.len();
        if length > most {
            return Err(Failure::Refused(format!(
                "image {name} has more than {most} bytes packed"
            )));
        }
        // Packing is work: others get their turn.
        tokio::task::yield_now().await;
    }
    packed.finish().map(drop).map_err(refused)
}
