//! Images: present, pulled, removed.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE;
use hyper::Method;
use iofog_sorted::SortedMap;
use serde_json::{Value, json};

use super::client::{ApiError, Call, Client, part};
use crate::domain::{Done, Failure, PullPolicy, Registry};

/// Makes `image` available as `policy` says; a failed pull is forgiven when the image is there.
pub(super) async fn ensure(
    client: &Client,
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
pub(super) async fn remove_unused(client: &Client, image: &str) -> Result<u64, Failure> {
    let size = match inspect(client, image).await {
        Ok(details) => details["Size"].as_u64().unwrap_or_default(),
        Err(Failure::Gone(_)) => return Ok(0),
        Err(error) => return Err(error),
    };
    match remove(client, image, false).await.map_err(Failure::from) {
        Ok(()) => Ok(size),
        // In use, or gone meanwhile.
        Err(Failure::NameTaken(_) | Failure::Gone(_)) => Ok(0),
        Err(error) => Err(error),
    }
}

/// Removes an image, by force also one with several names.
pub(super) async fn remove(client: &Client, image: &str, force: bool) -> Result<(), ApiError> {
    let path = format!("/images/{}?force={force}", part(image));
    client.call(Call::new(Method::DELETE, path)).await.map(drop)
}

async fn is_present(client: &Client, image: &str) -> Result<bool, Failure> {
    match inspect(client, image).await {
        Ok(_) => Ok(true),
        Err(Failure::Gone(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

async fn inspect(client: &Client, image: &str) -> Result<Value, Failure> {
    let path = format!("/images/{}/json", part(image));
    client.ask(Call::new(Method::GET, path)).await.map_err(Failure::from)
}

async fn pull(
    client: &Client,
    image: &str,
    registry: Option<&Registry>,
    progress: &dyn Fn(u8),
) -> Result<(), Failure> {
    let (name, tag) = split_reference(image);
    let path = format!("/images/create?fromImage={}&tag={}", part(name), part(tag));
    let mut call = Call::new(Method::POST, path);
    if let Some(registry) = registry.filter(|one| !one.is_public) {
        call.header = Some(("X-Registry-Auth", credentials(registry)));
    }
    let mut layers = Layers::default();
    let mut told = client.documents(call).await?;
    while let Some(info) = told.next().await? {
        if let Some(error) = info["errorDetail"]["message"].as_str() {
            return Err(Failure::Refused(error.to_owned()));
        }
        if let Some(percentage) = layers.note(&info) {
            progress(percentage);
        }
    }
    Ok(())
}

/// Reads what a pull tells, and forgets it: for fuzzing.
pub(super) fn read_any_progress(told: &[Value]) {
    let mut layers = Layers::default();
    for percentage in told.iter().filter_map(|info| layers.note(info)) {
        assert!(percentage <= 100, "more than the whole");
    }
}

/// As the engine wants them: base64 for addresses, of a document.
fn credentials(registry: &Registry) -> String {
    let document = json!({
        "username": registry.username,
        "password": registry.password,
        "email": registry.email,
        "serveraddress": registry.url,
    });
    BASE64_URL_SAFE.encode(document.to_string())
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
struct Layers(SortedMap<String, u64>);

impl Layers {
    fn note(&mut self, info: &Value) -> Option<u8> {
        let id = info["id"].as_str()?;
        let percentage = match info["status"].as_str()? {
            "Pull complete" | "Already exists" => 100,
            "Downloading" => {
                let detail = &info["progressDetail"];
                let current = detail["current"].as_u64()?;
                let total = detail["total"].as_u64().filter(|total| *total > 0)?;
                (current.saturating_mul(100) / total).min(99)
            }
            "Pulling fs layer" => 0,
            _ => return None,
        };
        self.0.insert(id.to_owned(), percentage);
        let count = u64::try_from(self.0.len()).ok()?;
        u8::try_from(self.0.values().sum::<u64>() / count).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_the_mean_of_the_layers() {
        let mut layers = Layers::default();
        let mut note = |text: &str| layers.note(&serde_json::from_str(text).unwrap());
        assert_eq!(note(r#"{"status":"Pulling from a","id":"latest"}"#), None);
        assert_eq!(note(r#"{"status":"Pulling fs layer","id":"a"}"#), Some(0));
        assert_eq!(note(r#"{"status":"Already exists","id":"b"}"#), Some(50));
        let half = r#"{"status":"Downloading","id":"a","progressDetail":{"current":1,"total":2}}"#;
        assert_eq!(note(half), Some(75));
        assert_eq!(note(r#"{"status":"Downloading","id":"a","progressDetail":{}}"#), None);
        assert_eq!(note("{}"), None);
    }

    #[test]
    fn credentials_are_in_the_alphabet_of_addresses() {
        let password = "\u{ff}\u{fe}\u{ff}?>~".to_owned();
        let registry = Registry { password: password.clone(), ..Registry::default() };
        let header = credentials(&registry);
        assert!(!header.contains(['+', '/']), "{header}");
        let document = BASE64_URL_SAFE.decode(header).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&document).unwrap()["password"], password);
    }

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
