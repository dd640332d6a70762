//! Images: present, pulled, removed.

use std::collections::BTreeMap;

use bollard::Docker;
use bollard::auth::DockerCredentials;
use bollard::models::CreateImageInfo;
use bollard::query_parameters::{CreateImageOptionsBuilder, RemoveImageOptionsBuilder};
use futures_util::StreamExt as _;

use super::failure;
use crate::domain::{Done, Failure, PullPolicy, Registry};

/// Makes `image` available as `policy` says; a failed pull is forgiven when the image is there.
pub(super) async fn ensure(
    client: &Docker,
    image: &str,
    registry: Option<&Registry>,
    policy: PullPolicy,
    progress: &dyn Fn(u8),
) -> Result<Done, Failure> {
    let present = is_present(client, image).await?;
    let ask = match policy {
        PullPolicy::Never => false,
        PullPolicy::IfAbsent => !present,
        PullPolicy::Refresh => true,
    };
    let missing = |detail| Failure::ImageMissing { image: image.to_owned(), detail };
    if !ask {
        return if present { Ok(Done::Ok) } else { Err(missing(String::new())) };
    }
    match pull(client, image, registry, progress).await {
        Ok(()) => Ok(Done::Pulled),
        Err(error) if present => {
            log::warn!(target: "engine", "pull of {image} failed, the local image serves: {error}");
            Ok(Done::Ok)
        }
        Err(error) => Err(missing(error.to_string())),
    }
}

/// Removes an image that no container uses; says how many bytes it had.
pub(super) async fn remove_unused(client: &Docker, image: &str) -> Result<u64, Failure> {
    let size = match client.inspect_image(image).await.map_err(failure) {
        Ok(details) => u64::try_from(details.size.unwrap_or_default()).unwrap_or_default(),
        Err(Failure::Gone(_)) => return Ok(0),
        Err(error) => return Err(error),
    };
    let options = RemoveImageOptionsBuilder::new().build();
    match client.remove_image(image, Some(options), None).await.map_err(failure) {
        Ok(_) => Ok(size),
        // In use, or gone meanwhile.
        Err(Failure::NameTaken(_) | Failure::Gone(_)) => Ok(0),
        Err(error) => Err(error),
    }
}

async fn is_present(client: &Docker, image: &str) -> Result<bool, Failure> {
    match client.inspect_image(image).await.map_err(failure) {
        Ok(_) => Ok(true),
        Err(Failure::Gone(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

async fn pull(
    client: &Docker,
    image: &str,
    registry: Option<&Registry>,
    progress: &dyn Fn(u8),
) -> Result<(), Failure> {
    let (name, tag) = split_reference(image);
    let options = CreateImageOptionsBuilder::new().from_image(name).tag(tag).build();
    let credentials = registry.filter(|one| !one.is_public).map(|one| DockerCredentials {
        username: Some(one.username.clone()),
        password: Some(one.password.clone()),
        email: Some(one.email.clone()),
        serveraddress: Some(one.url.clone()),
        ..DockerCredentials::default()
    });
    let mut layers = Layers::default();
    let mut stream = std::pin::pin!(client.create_image(Some(options), None, credentials));
    while let Some(info) = stream.next().await {
        let info = info.map_err(failure)?;
        if let Some(percentage) = layers.note(&info) {
            progress(percentage);
        }
    }
    Ok(())
}

/// Name and tag or digest, as the engine's parameters want them: the port of a registry is part of the name.
fn split_reference(image: &str) -> (&str, &str) {
    if let Some((name, digest)) = image.split_once('@') {
        return (name, digest);
    }
    let last_part = image.rfind('/').map_or(0, |at| at + 1);
    match image[last_part..].find(':') {
        Some(at) => (&image[..last_part + at], &image[last_part + at + 1..]),
        None => (image, "latest"),
    }
}

/// Mean of the layers' percentages.
#[derive(Default)]
struct Layers(BTreeMap<String, u64>);

impl Layers {
    fn note(&mut self, info: &CreateImageInfo) -> Option<u8> {
        let id = info.id.clone()?;
        let status = info.status.as_deref().unwrap_or_default();
        let percentage = match (&info.progress_detail, status) {
            (_, "Pull complete" | "Already exists") => 100,
            (Some(detail), "Downloading") => {
                let current = u64::try_from(detail.current?).ok()?;
                let total = u64::try_from(detail.total?).ok().filter(|total| *total > 0)?;
                (current * 100 / total).min(99)
            }
            (_, "Pulling fs layer") => 0,
            _ => return None,
        };
        self.0.insert(id, percentage);
        let count = u64::try_from(self.0.len()).ok()?;
        u8::try_from(self.0.values().sum::<u64>() / count).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::split_reference;

    #[test]
    fn references_with_ports_and_digests_are_split_right() {
        for (image, name, tag) in [
            ("app", "app", "latest"),
            ("app:1", "app", "1"),
            ("host:5000/a/app", "host:5000/a/app", "latest"),
            ("host:5000/app:1", "host:5000/app", "1"),
            ("host:5000/app@sha256:00", "host:5000/app", "sha256:00"),
        ] {
            assert_eq!(split_reference(image), (name, tag), "{image}");
        }
    }
}
