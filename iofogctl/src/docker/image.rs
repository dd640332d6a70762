//! Images: found, loaded from archives, pulled, removed.

use std::path::Path;

use bollard::auth::DockerCredentials;
use bollard::query_parameters::{
    CreateImageOptionsBuilder, ImportImageOptionsBuilder, RemoveImageOptionsBuilder,
};
use futures_util::StreamExt as _;

use super::{Engine, ProgramImage, VOLUME_LABEL, failure, libraries};
use crate::config::records::Credentials;
use crate::text::{Error, Result};

/// An image that the engine holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Image {
    /// `sha256:` and 64 hex digits.
    pub id: String,
    /// Name to create containers with.
    pub reference: String,
    /// Whether this program made it, or one like it.
    pub ours: bool,
    /// Folders that outlive a container.
    pub folders: Vec<String>,
}

// === impl Engine ===

impl Engine {
    /// An image by name.
    ///
    /// # Errors
    /// The engine does not answer.
    pub fn image(&self, reference: &str) -> Result<Option<Image>> {
        let found = self.runtime.block_on(self.client.inspect_image(reference));
        let found = match found.map_err(failure) {
            Err(Error::NotFound(_)) => return Ok(None),
            found => found?,
        };
        let config = found.config.unwrap_or_default();
        let mut folders = config.volumes.unwrap_or_default();
        folders.sort();
        Ok(Some(Image {
            id: found.id.unwrap_or_default(),
            reference: reference.to_owned(),
            ours: config.labels.unwrap_or_default().contains_key(VOLUME_LABEL),
            folders,
        }))
    }

    /// The image of a program file: what the engine holds already when it is the same.
    ///
    /// # Errors
    /// The file cannot be part of an image, or the engine refuses it.
    pub fn image_of(&self, path: &Path, image: &ProgramImage<'_>) -> Result<Image> {
        let libraries = libraries::of(path, image.content)?;
        let (archive, id) = ProgramImage { libraries: &libraries, ..*image }.archive()?;
        let known = self.image(image.reference)?;
        if let Some(known) = known.filter(|known| known.id == id) {
            return Ok(known);
        }
        self.load(archive)?;
        self.loaded(image.reference)
    }

    /// Loads an archive in the form of `docker save` and gives the first image of it.
    ///
    /// # Errors
    /// The file cannot be read, or the engine refuses it.
    pub fn load_file(&self, path: &Path) -> Result<Image> {
        let archive = std::fs::read(path).map_err(|cause| Error::io("open", path, &cause))?;
        let said = self.load(archive)?;
        let named = said.lines().find_map(|line| {
            line.strip_prefix("Loaded image: ").or_else(|| line.strip_prefix("Loaded image ID: "))
        });
        let named = named.ok_or_else(|| {
            Error::Plain(format!("{}: the engine found no image in it", path.display()))
        })?;
        self.loaded(named.trim())
    }

    fn loaded(&self, reference: &str) -> Result<Image> {
        let found = self.image(reference)?;
        found.ok_or_else(|| Error::Internal(format!("the engine did not keep image {reference}")))
    }

    /// Loads an archive; gives what the engine says of it.
    fn load(&self, archive: Vec<u8>) -> Result<String> {
        let options = ImportImageOptionsBuilder::new().quiet(true).build();
        let body = bollard::body_full(archive.into());
        self.runtime.block_on(async {
            let mut answers = std::pin::pin!(self.client.import_image(options, body, None));
            let mut said = String::new();
            while let Some(answer) = answers.next().await {
                said.push_str(&answer.map_err(failure)?.stream.unwrap_or_default());
            }
            Ok(said)
        })
    }

    /// Asks a registry for an image.
    ///
    /// # Errors
    /// The registry refuses, or cannot be reached by the engine.
    pub fn pull(&self, reference: &str, credentials: &Credentials) -> Result<()> {
        let options =
            CreateImageOptionsBuilder::new().from_image(tagged(reference).as_str()).build();
        let login = (!credentials.user.is_empty()).then(|| DockerCredentials {
            username: Some(credentials.user.clone()),
            password: Some(credentials.password.clone()),
            ..DockerCredentials::default()
        });
        self.runtime.block_on(async {
            let mut steps = std::pin::pin!(self.client.create_image(Some(options), None, login));
            while let Some(step) = steps.next().await {
                step.map_err(failure)?;
            }
            Ok(())
        })
    }

    /// Removes an image that nothing uses; one that is used or gone is left.
    pub fn forget_image(&self, reference: &str) {
        let options = RemoveImageOptionsBuilder::new().build();
        // Not worth a failed command: at worst some megabytes stay.
        let _ = self.runtime.block_on(self.client.remove_image(reference, Some(options), None));
    }
}

/// A name with its tag: without one, engines ask for every tag there is.
fn tagged(reference: &str) -> String {
    let last = reference.rsplit('/').next().unwrap_or_default();
    match last.contains([':', '@']) {
        true => reference.to_owned(),
        false => format!("{reference}:latest"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_of_a_registry_is_no_tag() {
        assert_eq!(tagged("localhost:5000/a/b"), "localhost:5000/a/b:latest");
        assert_eq!(tagged("a/b:1"), "a/b:1");
        assert_eq!(tagged("a@sha256:0"), "a@sha256:0");
    }
}
