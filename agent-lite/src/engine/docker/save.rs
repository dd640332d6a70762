//! An image written to a file, as `docker save` and `gzip` do.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use hyper::Method;

use super::client::{Call, Client, part};
use super::list::inspect_container;
use crate::domain::{ContainerId, Failure};
use crate::gzip::Packing;

/// Writes the image that `container` was made from.
pub(super) async fn image_of(
    client: &Client,
    container: &ContainerId,
    to: &Path,
    most: u64,
) -> Result<(), Failure> {
    let refused = |error: io::Error| Failure::Refused(format!("{}: {error}", to.display()));
    let details = inspect_container(client, container).await?;
    let name = details["Config"]["Image"].as_str().or(details["Image"].as_str());
    let name = name.ok_or_else(|| Failure::Gone("the container names no image".to_owned()))?;
    let path = format!("/images/{}/get", part(name));
    let mut pieces = client.pieces(Call::new(Method::GET, path)).await?;
    let file = File::create(to).map_err(refused)?;
    let mut packed = Packing::new(file);
    while let Some(piece) = pieces.next().await? {
        packed.write_all(&piece).map_err(refused)?;
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
