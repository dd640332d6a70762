//! What to do about an error of a container engine or a registry.

/// Words of engines and registries, in lower case, and the step that usually mends what they complain of.
/// Docker, runc, crun and the native engine word the same thing differently.
const HINTS: &[(&[&str], &str)] = &[
    (
        &["name in use", "is in use by another node", "already in use by container"],
        "remove or rename the container that has the name: it was not made by this Agent",
    ),
    (
        &["port is already allocated", "address already in use", "cannot be published"],
        "another program on the device has the port: stop it, or choose another external port in container.ports",
    ),
    (
        &[
            "unauthorized",
            "authentication required",
            "access denied",
            "pull access denied",
            "no basic auth",
        ],
        "the registry refuses: deploy a Registry with user and password, and name its ID in images.registry",
    ),
    (&["no space left"], "the disk of the device is full: iofog-agent prune, or free some space"),
    (
        &["exec format error", "no matching manifest", "no image for"],
        "the image is for another processor: give images.arm or images.x86 as the device needs",
    ),
    (
        &[
            "manifest unknown",
            "name unknown",
            "repository does not exist",
            "no such image",
            "not found",
        ],
        "the registry has no such image: check its name and tag in images",
    ),
    (
        &[
            "no such host",
            "dial tcp",
            "connection refused",
            "i/o timeout",
            "timed out",
            "tls handshake",
            "dns",
        ],
        "the device does not reach the registry: check its network and name server, or load the image on it and use registry from_cache",
    ),
    (
        &["certificate"],
        "the certificate of the registry is refused: check the clock of the device, and who signed it",
    ),
    (
        &["is not in the local cache"],
        "load the image on the device, or name a registry other than from_cache",
    ),
    (
        &["invalid mount config", "bind source path does not exist"],
        "the directory is not on the device: deploy a Volume, or make it there",
    ),
    (
        &["executable file not found", "no such file or directory"],
        "the image has no such program: check container.commands",
    ),
    (
        &["out of memory", "cannot allocate memory", "oomkilled"],
        "the device has too little memory for it: stop something, or give the container less to do",
    ),
    (&["neither crun nor runc"], "install crun, or runc, on the device"),
];

/// The step for an error text.
pub(super) fn hint(error: &str) -> Option<&'static str> {
    let error = error.to_ascii_lowercase();
    let (_, step) =
        HINTS.iter().find(|(words, _)| words.iter().any(|word| error.contains(word)))?;
    Some(step)
}
