//! The JSON documents of images: index, manifest, configuration (OCI image specification 1.1, Docker schema 2).

use serde::{Deserialize, Serialize};

use super::digest::Digest;

/// Largest document that is read; registries refuse larger ones too.
pub const MAX_DOCUMENT: usize = 4 << 20;
/// More layers do not fit into one overlay.
pub(super) const MAX_LAYERS: usize = 127;
const MAX_VARIANTS: usize = 1024;

/// Media types asked for and understood.
pub(super) const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, \
     application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json";

/// A pointer to a blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What it is.
    #[serde(default)]
    pub media_type: String,
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    #[serde(default)]
    pub size: u64,
    /// For which machine, in an index.
    #[serde(default)]
    pub platform: Option<Platform>,
    /// Names and other remarks.
    #[serde(default)]
    pub annotations: iofog_sorted::SortedMap<String, String>,
}

/// A kind of machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    /// Go's name of the architecture.
    #[serde(default)]
    pub architecture: String,
    /// `linux`.
    #[serde(default)]
    pub os: String,
    /// Such as `v7`.
    #[serde(default)]
    pub variant: String,
}

/// Layers and configuration of one image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The configuration document.
    pub config: Descriptor,
    /// From the lowest.
    pub layers: Vec<Descriptor>,
}

/// What a manifest address answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Document {
    /// One image.
    Image(Manifest),
    /// One of several, by machine.
    Index(Vec<Descriptor>),
}

/// The configuration document as far as running needs it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageConfig {
    /// How to run.
    #[serde(default)]
    pub config: Execution,
    /// Which layers, unpacked.
    #[serde(default)]
    pub rootfs: RootFs,
}

/// How an image wants to be run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Execution {
    /// User, group, or both with a colon; names or numbers.
    pub user: Option<String>,
    /// `KEY=VALUE`.
    pub env: Option<Vec<String>>,
    /// First words.
    pub entrypoint: Option<Vec<String>>,
    /// Further words, replaced by a command of the microservice.
    pub cmd: Option<Vec<String>>,
    /// Folder to start in.
    pub working_dir: Option<String>,
    /// Signal that asks it to end.
    pub stop_signal: Option<String>,
    /// How to tell whether it works.
    pub healthcheck: Option<Healthcheck>,
}

/// A health check as images have it; times in nanoseconds, 0 = the default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Healthcheck {
    /// `NONE`, or `CMD` and words, or `CMD-SHELL` and one text.
    pub test: Option<Vec<String>>,
    /// From the end of one check to the next.
    pub interval: i64,
    /// A check that takes longer fails.
    pub timeout: i64,
    /// Failures in this time after the start do not count.
    pub start_period: i64,
    /// Failures in a row that make it unhealthy.
    pub retries: i64,
}

/// Digests of the unpacked layers, from the lowest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootFs {
    /// In the order of the manifest's layers.
    #[serde(default)]
    pub diff_ids: Vec<Digest>,
}

/// A document that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadDocument {
    /// No such JSON.
    #[error("image document is damaged: {0}")]
    Json(#[from] serde_json::Error),
    /// Too large.
    #[error("image document of {0} bytes is larger than {MAX_DOCUMENT}")]
    Size(usize),
    /// Too many layers or variants.
    #[error("image has {0} layers or variants, more than can be used")]
    Count(usize),
    /// Schema 1 or another kind of artifact.
    #[error("neither an image nor an index of images (old schema 1, or another artifact)")]
    Kind,
    /// Nothing for this machine.
    #[error("image has no variant for linux/{0}")]
    Platform(String),
    /// Manifest and configuration name different layers.
    #[error("image has {layers} layers, but its configuration names {named}")]
    Layers {
        /// In the manifest.
        layers: usize,
        /// In the configuration.
        named: usize,
    },
}

// === impl Document ===

impl Document {
    /// Reads what a manifest address answered; the shape decides, since media types are often wrong.
    ///
    /// # Errors
    /// When it is neither, or too large.
    pub fn parse(bytes: &[u8]) -> Result<Self, BadDocument> {
        #[derive(Deserialize)]
        struct Either {
            manifests: Option<Vec<Descriptor>>,
            config: Option<Descriptor>,
            layers: Option<Vec<Descriptor>>,
        }
        let either: Either = from_json(bytes)?;
        match (either.manifests, either.config, either.layers) {
            (Some(all), _, _) if all.len() > MAX_VARIANTS => Err(BadDocument::Count(all.len())),
            (Some(all), _, _) => Ok(Self::Index(all)),
            (None, Some(_), Some(layers)) if layers.len() > MAX_LAYERS => {
                Err(BadDocument::Count(layers.len()))
            }
            (None, Some(config), Some(layers)) => Ok(Self::Image(Manifest { config, layers })),
            _ => Err(BadDocument::Kind),
        }
    }
}

// === impl ImageConfig ===

impl ImageConfig {
    /// Reads a configuration document and holds it against the manifest's number of layers.
    ///
    /// # Errors
    /// When it is damaged or does not fit.
    pub fn parse(bytes: &[u8], layers: usize) -> Result<Self, BadDocument> {
        let config: Self = from_json(bytes)?;
        let named = config.rootfs.diff_ids.len();
        if named != layers {
            return Err(BadDocument::Layers { layers, named });
        }
        Ok(config)
    }
}

fn from_json<T: for<'a> Deserialize<'a>>(bytes: &[u8]) -> Result<T, BadDocument> {
    if bytes.len() > MAX_DOCUMENT {
        return Err(BadDocument::Size(bytes.len()));
    }
    Ok(serde_json::from_slice(bytes)?)
}

/// The entry of an index for this machine: the best variant that it can run.
///
/// # Errors
/// When there is none.
pub fn choose(all: &[Descriptor]) -> Result<&Descriptor, BadDocument> {
    let (architecture, variants) = machine();
    let rank = |one: &&Descriptor| {
        let platform = one.platform.as_ref()?;
        let fits = platform.os == "linux" && platform.architecture == architecture;
        let rank = variants.iter().position(|variant| *variant == platform.variant);
        fits.then_some(rank?)
    };
    let best = all.iter().filter(|one| rank(one).is_some()).min_by_key(|one| rank(one));
    // Some indexes of one entry name no machine at all.
    let only = match all {
        [one] if one.platform.is_none() => Some(one),
        _ => None,
    };
    best.or(only).ok_or_else(|| BadDocument::Platform(architecture.to_owned()))
}

/// Go's name of this architecture and its best variant.
pub(super) fn here() -> (&'static str, &'static str) {
    let (architecture, variants) = machine();
    (architecture, variants.first().copied().unwrap_or_default())
}

/// Go's name of this architecture, and its variants from the best to the plainest.
fn machine() -> (&'static str, &'static [&'static str]) {
    let little = cfg!(target_endian = "little");
    match std::env::consts::ARCH {
        "x86_64" => ("amd64", &["", "v1"]),
        "x86" => ("386", &[""]),
        "aarch64" => ("arm64", &["v8", ""]),
        "arm" if cfg!(target_feature = "v7") => ("arm", &["v7", "v6", "v5", ""]),
        "arm" if cfg!(target_feature = "v6") => ("arm", &["v6", "v5", ""]),
        "arm" => ("arm", &["v5", ""]),
        "mips" if little => ("mipsle", &["softfloat", "", "hardfloat"]),
        "mips" => ("mips", &["softfloat", "", "hardfloat"]),
        other => (other, &[""]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(architecture: &str, variant: &str) -> Descriptor {
        Descriptor {
            media_type: String::new(),
            digest: Digest::of(variant.as_bytes()),
            size: 1,
            platform: Some(Platform {
                architecture: architecture.into(),
                os: "linux".into(),
                variant: variant.into(),
            }),
            annotations: iofog_sorted::SortedMap::new(),
        }
    }

    #[test]
    fn the_variant_of_this_machine_is_chosen() {
        let here = machine().0;
        let all = [entry("z80", ""), entry(here, "v99"), entry(here, "")];
        assert_eq!(choose(&all).unwrap(), &all[2]);
        assert!(matches!(choose(&all[..2]), Err(BadDocument::Platform(_))));
        let unnamed = Descriptor { platform: None, ..all[0].clone() };
        assert!(choose(std::slice::from_ref(&unnamed)).is_ok());
        assert!(choose(&[unnamed.clone(), unnamed]).is_err());
    }

    #[test]
    fn shapes_decide_and_bounds_hold() {
        let digest = Digest::of(b"");
        let image = format!(r#"{{"config":{{"digest":"{digest}","size":2}},"layers":[]}}"#);
        assert!(matches!(Document::parse(image.as_bytes()), Ok(Document::Image(_))));
        assert!(matches!(Document::parse(br#"{"manifests":[]}"#), Ok(Document::Index(_))));
        assert!(matches!(Document::parse(br#"{"fsLayers":[]}"#), Err(BadDocument::Kind)));
        assert!(matches!(Document::parse(b"<html>"), Err(BadDocument::Json(_))));
        let layers = vec![format!(r#"{{"digest":"{digest}"}}"#); 128].join(",");
        let many = format!(r#"{{"config":{{"digest":"{digest}"}},"layers":[{layers}]}}"#);
        assert!(matches!(Document::parse(many.as_bytes()), Err(BadDocument::Count(128))));
        assert!(matches!(
            Document::parse(&vec![b' '; MAX_DOCUMENT + 1]),
            Err(BadDocument::Size(_))
        ));
        assert!(matches!(ImageConfig::parse(b"{}", 1), Err(BadDocument::Layers { .. })));
        let config = ImageConfig::parse(br#"{"config":{"Cmd":null,"Env":["A=1"]}}"#, 0).unwrap();
        assert_eq!((config.config.cmd, config.config.env), (None, Some(vec!["A=1".to_owned()])));
    }
}
