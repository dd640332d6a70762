//! What an upstream Agent on this node kept of its Controller's word: the first start in its place goes on from there, also without the
//! Controller (agent contract 4.1).

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Snapshot;
use crate::controller_client;
use crate::ids::FogUuid;

/// Largest cache that is read.
const LIMIT: u64 = 8 * 1024 * 1024;

/// A cache file.
#[derive(Deserialize)]
struct Cache<'a> {
    checksum: String,
    /// The Controller's array, letter by letter: the checksum is over it.
    #[serde(borrow)]
    data: &'a RawValue,
}

impl Snapshot {
    /// Takes over the caches in `folder`, the upstream Agent's as well as this one's place of the configuration, for the identity that the
    /// configuration names. Only the first start does: a state of its own is newer.
    pub fn take_over(&mut self, fog: &FogUuid, folder: &Path) {
        if fog.as_str().is_empty() || !self.fog.as_str().is_empty() {
            return;
        }
        self.take_identity(fog);
        if let Some(workloads) =
            read(folder, "microservices.json", controller_client::cached_workloads)
        {
            log::info!(
                target: "state",
                "{} microservices of the Agent that was here before are taken over",
                workloads.len()
            );
            self.desired.workloads = workloads;
        }
        if let Some(registries) =
            read(folder, "registries.json", controller_client::cached_registries)
        {
            self.desired.registries = registries;
        }
        if let Some(text) = read(folder, "edge_resources.json", |text| Ok(text.to_owned())) {
            self.edge_resources = text;
        }
    }
}

/// What a cache says; none when it is not there, damaged or not understood: the Controller is asked then.
fn read<T>(
    folder: &Path,
    name: &str,
    understand: impl FnOnce(&str) -> Result<T, controller_client::ControllerError>,
) -> Option<T> {
    let path = folder.join(name);
    let length = std::fs::metadata(&path).ok()?.len();
    let ignored = |why: &str| log::warn!(target: "state", "{} is ignored: {why}", path.display());
    if length > LIMIT {
        ignored("it is too long");
        return None;
    }
    let text =
        std::fs::read_to_string(&path).inspect_err(|error| ignored(&error.to_string())).ok()?;
    let cache: Cache<'_> = serde_json::from_slice(text.as_bytes())
        .inspect_err(|error| ignored(&error.to_string()))
        .ok()?;
    if checksum(cache.data.get()) != cache.checksum.to_ascii_lowercase() {
        ignored("its checksum is another");
        return None;
    }
    understand(cache.data.get()).inspect_err(|error| ignored(&error.to_string())).ok()
}

/// SHA-1 over the base64 text, in hexadecimal digits.
fn checksum(data: &str) -> String {
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, STANDARD.encode(data).as_bytes());
    hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    const MICROSERVICES: &str = r#"[{"uuid":"m1","imageId":"one:1","config":"{}","rebuild":true,"delete":false,"portMappings":[{"portInternal":80,"portExternal":8080,"isUdp":false}],"registryId":1}]"#;
    const REGISTRIES: &str = r#"[{"id":1,"url":"registry.hub.docker.com","isPublic":true,"userName":"","password":"","userEmail":""}]"#;
    const RESOURCES: &str = r#"[{"name":"cam","version":"1"}]"#;

    fn folder(name: &str) -> PathBuf {
        let folder =
            std::env::temp_dir().join(format!("iofog-predecessor-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        for (name, data) in [
            ("microservices", MICROSERVICES),
            ("registries", REGISTRIES),
            ("edge_resources", RESOURCES),
        ] {
            let text = format!(
                r#"{{"checksum":"{}","timestamp":1700000000000,"data":{data}}}"#,
                checksum(data)
            );
            std::fs::write(folder.join(name).with_extension("json"), text).unwrap();
        }
        folder
    }

    #[test]
    fn checksum_is_the_upstream_one() {
        // sha1(base64("[]")), as printf '[]' | base64 -w0 | sha1sum says.
        assert_eq!(checksum("[]"), "28b22a80d4733bacfa79135bb7056ad9f43a6d2b");
    }

    #[test]
    fn what_was_cached_is_desired_and_ordered_nothing_anew() {
        let folder = folder("whole");
        let mut snapshot = Snapshot::default();
        snapshot.take_over(&"fog".into(), &folder);
        let one = &snapshot.desired.workloads[0];
        assert_eq!((one.uuid.as_str(), one.image.as_str(), one.rebuild), ("m1", "one:1", 0));
        assert_eq!(snapshot.desired.registries.len(), 1);
        assert_eq!(snapshot.edge_resources, RESOURCES);
        assert!(!snapshot.desired.accepted, "nothing may be removed by it");
        // A state of its own is newer; without an identity there is nothing to take over.
        let mut own = Snapshot::default();
        own.take_identity(&"fog".into());
        own.take_over(&"fog".into(), &folder);
        let mut nobody = Snapshot::default();
        nobody.take_over(&FogUuid::default(), &folder);
        assert!(own.desired.workloads.is_empty() && nobody.desired.workloads.is_empty());
        let _ = std::fs::remove_dir_all(folder);
    }

    #[test]
    fn damaged_caches_are_left_alone() {
        let folder = folder("damaged");
        let path = folder.join("microservices.json");
        let whole = std::fs::read_to_string(&path).unwrap();
        for damaged in [
            whole.replace("one:1", "two:2"),
            whole[..whole.len() / 2].to_owned(),
            String::new(),
            r#"{"checksum":"x","data":{}}"#.to_owned(),
            format!(r#"{{"checksum":"{}","data":[{{"uuid":""}}]}}"#, checksum(r#"[{"uuid":""}]"#)),
        ] {
            std::fs::write(&path, &damaged).unwrap();
            let mut snapshot = Snapshot::default();
            snapshot.take_over(&"fog".into(), &folder);
            assert!(snapshot.desired.workloads.is_empty(), "{damaged}");
            assert_eq!(snapshot.desired.registries.len(), 1, "the others are whole");
        }
        let _ = std::fs::remove_dir_all(folder);
    }
}
