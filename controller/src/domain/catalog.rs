//! Catalog items: seeded ones, and the documents of users' own (controller contract 12 and 21.1).

use serde::{Deserialize, Serialize};

use super::microservice::Image;

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
                    Image { image: image.to_owned(), fog_type: 1 },
                    Image { image: arm, fog_type: 2 },
                ],
                ..ItemSettings::default()
            },
        }
    })
}
