//! A microservice: what a body may ask for, what is stored, and when a change means a rebuild (controller contract 10).

use iofog_api::{ApiError, Fields, FogUuid, MicroserviceUuid};
use serde::{Deserialize, Serialize};

use super::port::{self, Port};

/// An image for one fog type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Image reference; empty or absent in the body = none for this type.
    pub image: String,
    /// 1 = x86, 2 = ARM, 0 = by architecture.
    pub fog_type: i64,
    /// For agents of this architecture alone; decision 0052.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
}

/// What an agent runs images of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Platform<'a> {
    /// The contract's fog type.
    pub fog_type: i64,
    /// True architecture, where the agent told it.
    pub architecture: Option<&'a str>,
}

/// Architectures that images can be given for beside the contract's two types.
pub const ARCHITECTURES: [&str; 8] =
    ["x86_64", "aarch64", "armv7", "armv6", "armv5te", "riscv64", "mipsel", "mips"];

/// A volume mapping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// Id for removal.
    pub id: i64,
    /// Path or volume name on the host.
    pub host: String,
    /// Path in the container.
    pub container: String,
    /// `rw`, `ro`.
    pub access: String,
    /// `bind` or `volume`.
    pub kind: String,
}

/// A variable of the environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvVar {
    /// Name.
    pub key: String,
    /// Value.
    pub value: String,
}

/// An entry for the container's hosts file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtraHost {
    /// Host name.
    pub name: String,
    /// As given, maybe an expression.
    pub address: String,
    /// Resolved address.
    pub value: String,
}

/// What is stored of a microservice beside its keys, as one document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Spec {
    /// Configuration text, normally JSON.
    pub config: String,
    /// Shares the host's network.
    pub root_host_access: bool,
    /// Total log size in MB.
    pub log_size: i64,
    /// Own images; empty with a catalog item.
    pub images: Vec<Image>,
    /// Port mappings.
    pub ports: Vec<Port>,
    /// Ports of system microservices are sent with `isUdp` null.
    pub system_ports: bool,
    /// Volume mappings.
    pub volumes: Vec<Volume>,
    /// Environment, in order.
    pub env: Vec<EnvVar>,
    /// Command, in order.
    pub cmd: Vec<String>,
    /// Hosts file entries.
    pub extra_hosts: Vec<ExtraHost>,
}

/// A microservice as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Microservice {
    /// Identity.
    pub uuid: MicroserviceUuid,
    /// Name, unique in its application.
    pub name: String,
    /// Application; none for system microservices.
    pub application_id: Option<i64>,
    /// Agent.
    pub fog: Option<FogUuid>,
    /// Owner.
    pub user_id: Option<i64>,
    /// Catalog item it was made from.
    pub catalog_item_id: Option<i64>,
    /// Registry of its own images.
    pub registry_id: i64,
    /// The agent shall recreate the container; delivered once.
    pub rebuild: bool,
    /// Creation, epoch ms.
    pub created: i64,
    /// Last change, epoch ms.
    pub updated: i64,
    /// Everything else.
    pub spec: Spec,
}

/// A volume mapping of a body: id is given when stored.
fn read_volume(body: &Fields<'_>) -> Result<Volume, ApiError> {
    let kind = body.one_of("type", &["bind", "volume"])?.unwrap_or_else(|| "bind".to_owned());
    let volume = Volume {
        id: 0,
        host: body.required_string("hostDestination", 0)?,
        container: body.required_string("containerDestination", 0)?,
        access: body.required_string("accessMode", 0)?,
        kind,
    };
    let named = volume
        .host
        .bytes()
        .next()
        .is_some_and(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
    if volume.kind == "volume" && !named {
        return Err(ApiError::new(
            iofog_api::ErrorClass::InvalidArgument,
            format!(
                "hostDestination '{}' is no volume name: use type bind for a path",
                volume.host
            ),
        ));
    }
    Ok(volume)
}

/// Fields of a create or update body; absent ones are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "fields carry the contract's names and meanings, section 10.1")]
pub struct Request {
    pub name: Option<String>,
    pub application: Option<String>,
    pub agent: Option<AgentReference>,
    pub config: Option<String>,
    pub catalog_item_id: Option<i64>,
    pub images: Option<Vec<Image>>,
    pub registry_id: Option<i64>,
    pub root_host_access: Option<bool>,
    pub log_size: Option<i64>,
    pub volumes: Option<Vec<Volume>>,
    pub ports: Option<Vec<Port>>,
    pub extra_hosts: Option<Vec<(String, String)>>,
    pub env: Option<Vec<EnvVar>>,
    pub cmd: Option<Vec<String>>,
    pub rebuild: Option<bool>,
}

/// How a body names an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentReference {
    /// `iofogUuid`.
    Uuid(FogUuid),
    /// `agentName`.
    Name(String),
}

impl Request {
    /// Reads a body.
    ///
    /// # Errors
    /// When a field has the wrong type, form or range.
    pub fn read(body: &Fields<'_>) -> Result<Self, ApiError> {
        let uuid = body.string("iofogUuid")?.filter(|uuid| !uuid.is_empty());
        let name = body.string("agentName")?;
        let agent = uuid
            .map(|uuid| AgentReference::Uuid(FogUuid::from(uuid)))
            .or(name.map(AgentReference::Name));
        let ports = body.objects("ports", Port::read)?;
        if let Some(ports) = &ports {
            port::check_unique(ports)?;
        }
        Ok(Self {
            name: body.name("name")?,
            application: application_reference(body)?,
            agent,
            config: body.string("config")?.map(|text| text.replace("\\\"", "\"")),
            catalog_item_id: body.integer("catalogItemId", 4, i64::MAX)?,
            images: read_images(body)?,
            registry_id: body.integer("registryId", 0, i64::MAX)?,
            root_host_access: body.boolean("rootHostAccess")?,
            log_size: body.integer("logSize", 0, i64::MAX)?,
            volumes: body.objects("volumeMappings", read_volume)?,
            ports,
            extra_hosts: body.objects("extraHosts", |host| {
                Ok((host.required_string("name", 0)?, host.required_string("address", 0)?))
            })?,
            env: body.objects("env", |var| {
                Ok(EnvVar {
                    key: var.required_string("key", 0)?,
                    value: var.required_string("value", 0)?,
                })
            })?,
            cmd: body.strings("cmd")?,
            rebuild: body.boolean("rebuild")?,
        })
    }
}

impl Microservice {
    /// True when the container must be made anew to become `after` (contract 10.6). Unlike 3.0.4, giving a list as it is
    /// already stored changes nothing: deploying the same document twice does not interrupt the work.
    #[must_use]
    pub fn differs_for_container(&self, after: &Self) -> bool {
        let (old, new) = (&self.spec, &after.spec);
        let ports = |spec: &Spec| -> Vec<_> {
            spec.ports.iter().map(|port| (port.internal, port.external, port.udp)).collect()
        };
        old.root_host_access != new.root_host_access
            || old.env != new.env
            || old.cmd != new.cmd
            || old.volumes != new.volumes
            || old.extra_hosts != new.extra_hosts
            || old.images != new.images
            || ports(old) != ports(new)
            || self.catalog_item_id != after.catalog_item_id
    }
}

/// Reads one volume mapping body on its own.
///
/// # Errors
/// When a field is missing or has the wrong type or form.
pub fn volume(body: &Fields<'_>) -> Result<Volume, ApiError> {
    read_volume(body)
}

fn application_reference(body: &Fields<'_>) -> Result<Option<String>, ApiError> {
    for name in ["application", "flowId"] {
        if let Some(id) = body.get(name).and_then(iofog_api::number::integer_of) {
            return Ok(Some(id.to_string()));
        }
        if let Some(text) = body.string(name)? {
            return Ok(Some(text));
        }
    }
    Ok(None)
}

/// Images of a body: two at most (contract 10.1) beside those for an architecture. Of two for one type the first counts, as in 3.0.4.
fn read_images(body: &Fields<'_>) -> Result<Option<Vec<Image>>, ApiError> {
    let images = body.objects("images", read_image)?;
    let of_types = images.iter().flatten().filter(|image| image.architecture.is_none()).count();
    if of_types > 2 {
        return Err(ApiError::validation(format!(
            "Field {} must have at most 2 items with a fogTypeId",
            body.path("images")
        )));
    }
    Ok(images)
}

/// Reads an image of a body.
///
/// # Errors
/// When a field is missing or has the wrong type.
pub fn read_image(body: &Fields<'_>) -> Result<Image, ApiError> {
    let image = body.required_string("containerImage", 0)?;
    match body.string("architecture")? {
        None => {
            let fog_type = body.required_integer("fogTypeId", 1, 2)?;
            Ok(Image { image, fog_type, architecture: None })
        }
        Some(name) if ARCHITECTURES.contains(&name.as_str()) => {
            Ok(Image { image, fog_type: 0, architecture: Some(name) })
        }
        Some(_) => Err(ApiError::validation(format!(
            "Field {} is not one of enum values: {}",
            body.path("architecture"),
            ARCHITECTURES.join(",")
        ))),
    }
}

/// The image for an agent: one for its architecture, else the one for its fog type.
#[must_use]
pub fn image_on<'a>(images: &'a [Image], platform: Platform<'_>) -> Option<&'a str> {
    let exact = |image: &&Image| {
        image.architecture.is_some()
            && image.architecture.as_deref() == platform.architecture
            && !image.image.is_empty()
    };
    let found = images.iter().find(exact).map(|image| image.image.as_str());
    found.or_else(|| image_for(images, platform.fog_type))
}

/// The image for a fog type out of a list.
#[must_use]
pub fn image_for(images: &[Image], fog_type: i64) -> Option<&str> {
    images
        .iter()
        .find(|image| {
            image.fog_type == fog_type && image.architecture.is_none() && !image.image.is_empty()
        })
        .map(|image| image.image.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(body: &serde_json::Value) -> Result<Request, ApiError> {
        Request::read(&Fields::of(body).unwrap())
    }

    #[test]
    fn nested_fields_are_named_in_messages() {
        let error = read(&json!({ "env": [{ "key": "A" }] })).unwrap_err();
        assert_eq!(error.message, "Required field 'value' is missing");
        let error = read(&json!({ "ports": [{ "internal": "80", "external": 1 }] })).unwrap_err();
        assert_eq!(error.message, "Field 'ports[0].internal' is not of a type(s) integer");
        let error =
            read(&json!({ "images": [{ "containerImage": "a", "fogTypeId": 9 }] })).unwrap_err();
        assert_eq!(error.message, "images[0].fogTypeId must have a maximum value of 2");
        let image = json!({ "containerImage": "a", "fogTypeId": 1 });
        let error = read(&json!({ "images": [image, image, image] })).unwrap_err();
        assert_eq!(error.message, "Field images must have at most 2 items with a fogTypeId");
    }

    #[test]
    fn volume_names_and_paths_are_told_apart() {
        let body = |kind, host| {
            json!({ "volumeMappings": [{ "hostDestination": host,
            "containerDestination": "/d", "accessMode": "rw", "type": kind }] })
        };
        assert!(read(&body("volume", "data")).is_ok());
        assert!(read(&body("bind", "/data")).is_ok());
        assert!(read(&body("volume", "/data")).unwrap_err().message.contains("type bind"));
    }
}
