//! What to do about an error that an Agent reported of a container.

/// Words of container engines and the step that usually mends what they complain of.
const HINTS: &[(&[&str], &str)] = &[
    (
        &["unauthorized", "authentication required", "access denied", "pull access denied"],
        "the registry refuses: deploy a Registry with user and password, and name its ID in images.registry",
    ),
    (
        &[
            "manifest unknown",
            "manifest for",
            "name unknown",
            "repository does not exist",
            "no such image",
        ],
        "the image is not in that registry: check images in the document",
    ),
    (
        &["no such host", "dial tcp", "connection refused", "i/o timeout", "tls handshake"],
        "the device does not reach the registry: check its network, or load the image on it and use registry: local",
    ),
    (
        &["port is already allocated", "address already in use"],
        "another program on the device has the port: choose another external port in container.ports",
    ),
    (
        &["invalid mount config", "bind source path does not exist"],
        "the directory is not on the device: deploy a Volume, or make it there",
    ),
    (
        &["no space left"],
        "the disk of the device is full: iofogctl prune agent {agent}, or raise diskLimit",
    ),
    (
        &["exec format error", "no matching manifest"],
        "the image is for another processor: give images.arm or images.x86 as the device needs",
    ),
    (
        &["executable file not found", "no such file or directory"],
        "the image has no such program: check container.commands",
    ),
    (&["oom", "out of memory"], "the container took too much memory: see memoryLimit of the Agent"),
];

/// The step for an error text, with the name of the Agent filled in.
pub(super) fn hint(error: &str, agent: &str) -> Option<String> {
    let error = error.to_lowercase();
    let (_, step) =
        HINTS.iter().find(|(words, _)| words.iter().any(|word| error.contains(word)))?;
    Some(step.replace("{agent}", agent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engine_errors_have_a_next_step() {
        let step = |error: &str| hint(error, "gate-1").unwrap_or_default();
        assert!(step("Error: pull access denied for x").contains("Registry"));
        assert!(step("write /x: No space left on device").contains("iofogctl prune agent gate-1"));
        assert!(step("Bind for 0.0.0.0:80 failed: port is already allocated").contains("port"));
        assert_eq!(hint("something odd", "gate-1"), None);
    }
}
