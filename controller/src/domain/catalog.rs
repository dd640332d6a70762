//! Catalog items: seeded ones, and the documents of users' own (controller contract 12 and 21.1).

use iofog_api::{ApiError, Fields};
use serde::{Deserialize, Serialize};

use super::microservice::{Image, read_image};

/// Category of the items that only the Controller uses.
pub const SYSTEM: &str = "SYSTEM";
/// Id of the RESTBlue item.
pub const BLUETOOTH: i64 = 2;
/// Id of the HAL item.
pub const HAL: i64 = 3;
/// Id of the Router item.
pub const ROUTER: i64 = 15;
/// Id of the Proxy item.
pub const PROXY: i64 = 16;
/// Id of the PortRouter item.
pub const PORT_ROUTER: i64 = 17;
/// Publisher of the seeded items.
pub const PUBLISHER: &str = "Eclipse ioFog";

/// A catalog item, stored as one document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "fields carry the contract's names and meanings, section 12")]
pub struct ItemSettings {
    pub description: String,
    pub config_example: String,
    pub publisher: String,
    pub disk_required: i64,
    pub ram_required: i64,
    pub picture: String,
    pub is_public: bool,
    pub registry_id: i64,
    pub images: Vec<Image>,
    pub input_type: Option<InfoType>,
    pub output_type: Option<InfoType>,
}

/// Type and format of an item's messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InfoType {
    /// Type.
    pub info_type: String,
    /// Format.
    pub info_format: String,
}

impl ItemSettings {
    /// Reads a create body, but for name and category.
    ///
    /// # Errors
    /// When a field is missing or has the wrong type or form.
    pub fn create(body: &Fields<'_>) -> Result<Self, ApiError> {
        for name in ["registryId", "images"] {
            if body.get(name).is_none() {
                return Err(iofog_api::check::missing(name));
            }
        }
        let mut settings = Self {
            config_example: "{}".to_owned(),
            picture: "images/shared/default.png".to_owned(),
            ..Self::default()
        };
        settings.update(body)?;
        Ok(settings)
    }

    /// Takes the fields of a body, but for name and category.
    ///
    /// # Errors
    /// When a field has the wrong type or form; nothing of `self` may be kept then.
    pub fn update(&mut self, body: &Fields<'_>) -> Result<(), ApiError> {
        for (field, name) in [
            (&mut self.description, "description"),
            (&mut self.config_example, "configExample"),
            (&mut self.publisher, "publisher"),
            (&mut self.picture, "picture"),
        ] {
            if let Some(text) = body.string(name)? {
                *field = text;
            }
        }
        if self.publisher == PUBLISHER {
            return Err(ApiError::validation(format!(
                "You are not allowed to add catalog item as '{PUBLISHER}' publisher"
            )));
        }
        for (field, name) in
            [(&mut self.disk_required, "diskRequired"), (&mut self.ram_required, "ramRequired")]
        {
            *field = body.integer(name, i64::MIN, i64::MAX)?.unwrap_or(*field);
        }
        self.is_public = body.boolean("isPublic")?.unwrap_or(self.is_public);
        self.registry_id = body.integer("registryId", 0, i64::MAX)?.unwrap_or(self.registry_id);
        if let Some(images) = body.objects("images", read_image)? {
            self.images = both(body, &images)?;
        }
        for (field, name) in
            [(&mut self.input_type, "inputType"), (&mut self.output_type, "outputType")]
        {
            if let Some(given) = body.object(name)? {
                *field = Some(InfoType {
                    info_type: given.string("infoType")?.unwrap_or_default(),
                    info_format: given.string("infoFormat")?.unwrap_or_default(),
                });
            }
        }
        Ok(())
    }
}

/// One image per architecture, an empty one where none was given. Of two for one type the last counts, as in 3.0.4.
fn both(body: &Fields<'_>, images: &[Image]) -> Result<Vec<Image>, ApiError> {
    if !(1..=2).contains(&images.len()) {
        return Err(ApiError::validation(format!(
            "Field {} must have 1 or 2 items",
            body.path("images")
        )));
    }
    let of = |fog_type| Image {
        image: images
            .iter()
            .rfind(|image| image.fog_type == fog_type)
            .map(|image| image.image.clone())
            .unwrap_or_default(),
        fog_type,
        architecture: None,
    };
    Ok(vec![of(1), of(2)])
}

/// A catalog item as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Id.
    pub id: i64,
    /// Owner; none = seeded.
    pub user_id: Option<i64>,
    /// Name.
    pub name: String,
    /// Category.
    pub category: Option<String>,
    /// Everything else.
    pub settings: ItemSettings,
}

/// Name, category, image and whether users see it, by id from 1 (contract 21.1). An image without a tag
/// has its ARM twin under `<image>-arm`.
pub const SEEDS: [(&str, &str, &str, bool); 17] = [
    ("Networking Tool", SYSTEM, "iofog/core-networking", false),
    ("RESTBlue", SYSTEM, "iofog/restblue", false),
    ("HAL", SYSTEM, "iofog/hal", false),
    ("Diagnostics", "UTILITIES", "iofog/diagnostics", true),
    ("Hello Web Demo", "UTILITIES", "iofog/hello-web", true),
    ("Open Weather Map Data", "SENSORS", "iofog/open-weather-map", true),
    ("JSON REST API", "UTILITIES", "iofog/json-rest-api", true),
    ("Temperature Converter", "UTILITIES", "iofog/temperature-conversion", true),
    ("JSON Sub-Select", "UTILITIES", "iofog/json-subselect", true),
    ("Humidity Sensor Simulator", "SIMULATOR", "iofog/humidity-sensor-simulator", true),
    ("Seismic Sensor Simulator", "SIMULATOR", "iofog/seismic-sensor-simulator", true),
    ("Temperature Sensor Simulator", "SIMULATOR", "iofog/temperature-sensor-simulator", true),
    ("Common Logging", "UTILITIES", "iofog/common-logging", true),
    ("JSON Generator", "UTILITIES", "iofog/json-generator", true),
    ("Router", SYSTEM, "iofog/router:latest", false),
    ("Proxy", SYSTEM, "iofog/proxy:latest", false),
    ("PortRouter", SYSTEM, "iofog/port-router:latest", false),
];

/// The seeded items.
pub fn seeds() -> impl Iterator<Item = Item> {
    (1..).zip(SEEDS).map(|(id, (name, category, image, is_public))| {
        let arm = match (id, image.contains(':')) {
            (PROXY, _) => "iofog/proxy-arm:latest".to_owned(),
            (_, true) => image.to_owned(),
            (_, false) => format!("{image}-arm"),
        };
        Item {
            id,
            user_id: None,
            name: name.to_owned(),
            category: Some(category.to_owned()),
            settings: ItemSettings {
                description: name.to_owned(),
                config_example: "{}".to_owned(),
                publisher: PUBLISHER.to_owned(),
                picture: "images/shared/default.png".to_owned(),
                is_public,
                registry_id: 1,
                images: vec![
                    Image { image: image.to_owned(), fog_type: 1, architecture: None },
                    Image { image: arm, fog_type: 2, architecture: None },
                ],
                ..ItemSettings::default()
            },
        }
    })
}
