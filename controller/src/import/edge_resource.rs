//! Edge resources, their endpoints, tags, and the agents they are linked to.

use anyhow::{Context, Result};
use iofog_api::FogUuid;

use super::{Import, fog};
use crate::domain::edge_resource::{Display, EdgeResource, Endpoint, ResourceSettings};
use crate::store;

pub(super) fn import(import: &mut Import<'_, '_>) -> Result<()> {
    let tags = fog::tags(import, "EdgeResourceOrchestrationTags", "edge_resource_id")?;
    let endpoints =
        import.source.rows_by("HTTPBasedResourceInterfaceEndpoints", "interface_id", "id")?;
    let rows = import.source.rows("EdgeResources", "id")?;
    let mut last = 0;
    for row in &rows {
        let id = row.needed_int("id")?;
        let name = row.text_or_empty("name")?;
        let custom = row.text("custom")?.filter(|text| !text.is_empty());
        let custom = custom.map(|text| serde_json::from_str(&text)).transpose();
        let interface = row.text_or_empty("interface_id")?;
        let own = endpoints.get(&interface).map_or(&[][..], Vec::as_slice);
        let endpoints = own.iter().map(|row| {
            Ok(Endpoint {
                id: row.needed_int("id")?,
                name: row.text_or_empty("name")?,
                description: row.text_or_empty("description")?,
                method: row.text_or_empty("method")?,
                url: row.text_or_empty("url")?,
                request_type: row.text_or_empty("request_type")?,
                response_type: row.text_or_empty("response_type")?,
                request_payload_example: row.text_or_empty("request_payload_example")?,
                response_payload_example: row.text_or_empty("response_payload_example")?,
            })
        });
        let settings = ResourceSettings {
            description: row.text_or_empty("description")?,
            interface_protocol: row.text_or_empty("interface_protocol")?,
            display: Display {
                name: row.text_or_empty("display_name")?,
                icon: row.text_or_empty("display_icon")?,
                color: row.text_or_empty("display_color")?,
            },
            custom: custom.with_context(|| format!("edge resource {name}"))?.unwrap_or_default(),
            tags: tags.get(&id.to_string()).cloned().unwrap_or_default(),
            endpoints: endpoints.collect::<Result<_>>()?,
        };
        last = settings.endpoints.iter().map(|endpoint| endpoint.id).fold(last, i64::max);
        let resource = EdgeResource {
            id,
            user_id: row.needed_int("user_id")?,
            name,
            version: row.text_or_empty("version")?,
            settings,
        };
        store::given::edge_resource(import.work.tx, &resource)
            .with_context(|| format!("edge resource {}", resource.name))?;
    }
    store::given::counter(import.work.tx, "endpoint", last)?;
    import.count("edge resources", rows.len());
    for row in import.source.rows("AgentEdgeResources", "id")? {
        if let (Some(id), Some(fog)) = (row.int("edge_resource_id")?, row.text("fog_uuid")?) {
            store::edge_resource::link(import.work.tx, id, &FogUuid::from(fog))?;
        }
    }
    Ok(())
}
