//! Image archives in the form that `docker load` reads, written by hand: one static program per
//! image, no base image, byte-identical for the same input so that the image id stays the same.

use sha2::{Digest, Sha256};

/// An image that consists of one static program.
#[derive(Debug)]
pub struct ProgramImage<'a> {
    /// `repository:tag`.
    pub reference: &'a str,
    /// File name of the program at the root of the image, also the entry point.
    pub program: &'a str,
    /// The program file.
    pub content: &'a [u8],
    /// Architecture as the engine calls it (`amd64`, `arm64`, `arm`).
    pub architecture: &'a str,
    /// TCP ports that the program listens on.
    pub exposed: &'a [u16],
}

impl ProgramImage<'_> {
    /// The archive and the image id (`sha256:...`) that it has once loaded.
    pub fn archive(&self) -> (Vec<u8>, String) {
        let mut layer = Tar::default();
        layer.folder("tmp/", 0o1777);
        layer.file(self.program, 0o755, self.content);
        let layer = layer.finish();

        let exposed: serde_json::Map<String, serde_json::Value> =
            self.exposed.iter().map(|p| (format!("{p}/tcp"), serde_json::json!({}))).collect();
        let config = serde_json::json!({
            "architecture": self.architecture,
            "os": "linux",
            "created": "1970-01-01T00:00:00Z",
            "config": {
                "Entrypoint": [format!("/{}", self.program)],
                "Env": ["PATH=/"],
                "WorkingDir": "/",
                "ExposedPorts": exposed,
            },
            "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{}", hex(&layer))] },
            "history": [{ "created": "1970-01-01T00:00:00Z", "created_by": self.program }],
        })
        .to_string();
        let id = hex(config.as_bytes());
        let manifest = serde_json::json!([{
            "Config": format!("{id}.json"),
            "RepoTags": [self.reference],
            "Layers": ["layer.tar"],
        }])
        .to_string();

        let mut archive = Tar::default();
        archive.file("layer.tar", 0o644, &layer);
        archive.file(&format!("{id}.json"), 0o644, config.as_bytes());
        archive.file("manifest.json", 0o644, manifest.as_bytes());
        (archive.finish(), format!("sha256:{id}"))
    }
}

/// SHA-256 in lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A ustar writer for files owned by root with a fixed date.
#[derive(Default)]
struct Tar {
    bytes: Vec<u8>,
}

impl Tar {
    const BLOCK: usize = 512;

    fn file(&mut self, name: &str, mode: u32, content: &[u8]) {
        self.header(name, mode, content.len(), b'0');
        self.bytes.extend_from_slice(content);
        self.bytes.resize(self.bytes.len().next_multiple_of(Self::BLOCK), 0);
    }

    fn folder(&mut self, name: &str, mode: u32) {
        self.header(name, mode, 0, b'5');
    }

    fn header(&mut self, name: &str, mode: u32, size: usize, kind: u8) {
        let mut block = [0_u8; Self::BLOCK];
        let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
        // Names here are at most `<64 hex>.json`: they fit the 100 bytes of the name field.
        put(0, name.as_bytes());
        put(100, format!("{mode:07o}\0").as_bytes());
        put(108, b"0000000\0");
        put(116, b"0000000\0");
        put(124, format!("{size:011o}\0").as_bytes());
        put(136, b"00000000000\0");
        put(148, b"        ");
        put(156, &[kind]);
        put(257, b"ustar\x0000");
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.bytes.extend_from_slice(&block);
    }

    fn finish(mut self) -> Vec<u8> {
        self.bytes.resize(self.bytes.len() + 2 * Self::BLOCK, 0);
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(content: &[u8]) -> (Vec<u8>, String) {
        ProgramImage {
            reference: "sample/one:1",
            program: "one",
            content,
            architecture: "amd64",
            exposed: &[8080],
        }
        .archive()
    }

    #[test]
    fn same_input_same_image() {
        assert_eq!(image(b"program"), image(b"program"));
        assert_ne!(image(b"program").1, image(b"other").1);
    }

    #[test]
    fn tar_reads_it_back() {
        let folder = std::env::temp_dir().join(format!("xtask-archive-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("image.tar");
        std::fs::write(&file, image(b"program").0).unwrap();
        let list = std::process::Command::new("tar").arg("-tf").arg(&file).output().unwrap();
        let list = String::from_utf8(list.stdout).unwrap();
        assert!(list.contains("manifest.json") && list.contains("layer.tar"), "{list}");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
