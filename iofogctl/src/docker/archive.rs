//! Images that consist of one program, in the form that engines load: the same bytes for the same program.

use std::path::PathBuf;

use ring::digest::{SHA256, digest};
use serde_json::json;

use crate::text::{Error, Result};

/// Marks images made by this program: their folders are kept in volumes when a container is replaced.
pub const VOLUME_LABEL: &str = "org.iofog.volumes";

/// An image of one program.
#[derive(Debug)]
pub struct ProgramImage<'a> {
    /// `repository:tag`.
    pub reference: &'a str,
    /// Name of the program; it lies in `/usr/bin` and is the entry point.
    pub program: &'a str,
    /// The program file.
    pub content: &'a [u8],
    /// Libraries by their places, for a program that is not static.
    pub libraries: &'a [(PathBuf, Vec<u8>)],
    /// Words after the entry point.
    pub arguments: &'a [&'a str],
    /// Folders that outlive a container.
    pub folders: &'a [&'a str],
    /// The processor in the words of `uname -m`.
    pub machine: &'a str,
}

// === impl ProgramImage ===

impl ProgramImage<'_> {
    /// The archive and the id that the image has once it is loaded, `sha256:` and 64 hex digits.
    ///
    /// # Errors
    /// [`Error::Internal`] for a path that no archive can hold.
    pub fn archive(&self) -> Result<(Vec<u8>, String)> {
        let mut layer = Archive::new();
        layer.folder("tmp/", 0o1777)?;
        layer.file(&format!("usr/bin/{}", self.program), 0o755, self.content)?;
        for (path, content) in self.libraries {
            let path = path.display().to_string();
            layer.file(path.trim_start_matches('/'), 0o755, content)?;
        }
        let layer = layer.finish()?;
        let volumes: serde_json::Map<String, serde_json::Value> =
            self.folders.iter().map(|folder| ((*folder).to_owned(), json!({}))).collect();
        let (architecture, variant) = architecture(self.machine);
        let config = json!({
            "architecture": architecture,
            "variant": variant,
            "os": "linux",
            "created": "1970-01-01T00:00:00Z",
            "config": {
                "Entrypoint": [format!("/usr/bin/{}", self.program)],
                "Cmd": self.arguments,
                "Env": ["PATH=/usr/bin"],
                "WorkingDir": "/",
                "Volumes": volumes,
                "Labels": { VOLUME_LABEL: self.program },
            },
            "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{}", hex(&layer))] },
            "history": [{ "created": "1970-01-01T00:00:00Z", "created_by": self.program }],
        })
        .to_string();
        let id = hex(config.as_bytes());
        let manifest = json!([{
            "Config": format!("{id}.json"),
            "RepoTags": [self.reference],
            "Layers": ["layer.tar"],
        }])
        .to_string();
        let mut archive = Archive::new();
        archive.file("layer.tar", 0o644, &layer)?;
        archive.file(&format!("{id}.json"), 0o644, config.as_bytes())?;
        archive.file("manifest.json", 0o644, manifest.as_bytes())?;
        Ok((archive.finish()?, format!("sha256:{id}")))
    }
}

/// Architecture and variant as engines call them.
fn architecture(machine: &str) -> (&str, &str) {
    match machine {
        "x86_64" | "amd64" => ("amd64", ""),
        "aarch64" | "arm64" => ("arm64", "v8"),
        "armv7l" => ("arm", "v7"),
        "armv6l" => ("arm", "v6"),
        "mipsel" => ("mipsle", ""),
        other => (other, ""),
    }
}

fn hex(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Files of root with a fixed date.
struct Archive(tar::Builder<Vec<u8>>);

// === impl Archive ===

impl Archive {
    fn new() -> Self {
        Self(tar::Builder::new(Vec::new()))
    }

    fn file(&mut self, path: &str, mode: u32, content: &[u8]) -> Result<()> {
        self.entry(path, mode, tar::EntryType::Regular, content)
    }

    fn folder(&mut self, path: &str, mode: u32) -> Result<()> {
        self.entry(path, mode, tar::EntryType::Directory, &[])
    }

    fn entry(&mut self, path: &str, mode: u32, kind: tar::EntryType, content: &[u8]) -> Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(content.len() as u64);
        self.0.append_data(&mut header, path, content).map_err(|error| unusable(path, &error))
    }

    fn finish(self) -> Result<Vec<u8>> {
        self.0.into_inner().map_err(|error| unusable("archive", &error))
    }
}

fn unusable(path: &str, error: &std::io::Error) -> Error {
    Error::Internal(format!("{path} cannot be part of an image: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(content: &[u8]) -> (Vec<u8>, String) {
        let libraries = [(PathBuf::from("/lib64/ld.so"), b"loader".to_vec())];
        let image = ProgramImage {
            reference: "iofog/agent:1",
            program: "iofog-agent",
            content,
            libraries: &libraries,
            arguments: &["daemon"],
            folders: &["/var/lib/iofog-agent"],
            machine: "armv7l",
        };
        image.archive().unwrap()
    }

    #[test]
    fn the_same_program_gives_the_same_image() {
        assert_eq!(image(b"program"), image(b"program"));
        assert_ne!(image(b"program").1, image(b"other").1);
    }

    #[test]
    fn an_archive_holds_the_layer_that_its_configuration_names() {
        let (archive, id) = image(b"program");
        let mut files = std::collections::BTreeMap::new();
        for entry in tar::Archive::new(archive.as_slice()).entries().unwrap() {
            let mut entry = entry.unwrap();
            let name = entry.path().unwrap().display().to_string();
            let mut content = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
            files.insert(name, content);
        }
        let digits = id.strip_prefix("sha256:").unwrap();
        let config: serde_json::Value =
            serde_json::from_slice(&files[&format!("{digits}.json")]).unwrap();
        assert_eq!(config["rootfs"]["diff_ids"][0], format!("sha256:{}", hex(&files["layer.tar"])));
        assert_eq!((&config["architecture"], &config["variant"]), (&json!("arm"), &json!("v7")));
        let layer = tar::Archive::new(files["layer.tar"].as_slice())
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().path().unwrap().display().to_string())
            .collect::<Vec<_>>();
        assert_eq!(layer, ["tmp/", "usr/bin/iofog-agent", "lib64/ld.so"]);
    }
}
