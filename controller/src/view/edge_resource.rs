//! Edge resources as users and agents see them (controller contract 14).

use serde_json::{Value, json};

use crate::domain::edge_resource::EdgeResource;

fn described(of: &EdgeResource) -> Value {
    let settings = &of.settings;
    json!({
        "name": of.name,
        "description": settings.description,
        "version": of.version,
        "interfaceProtocol": settings.interface_protocol,
        "display": {
            "name": settings.display.name,
            "icon": settings.display.icon,
            "color": settings.display.color,
        },
    })
}

/// In an agent's representation: what it says, without ids, tags and custom fields (contract 5.2).
#[must_use]
pub fn brief(of: &EdgeResource) -> Value {
    described(of)
}

/// In lists: everything but the interface.
#[must_use]
pub fn listed(of: &EdgeResource) -> Value {
    let mut body = described(of);
    body["id"] = of.id.into();
    body["custom"] = of.settings.custom.clone().into();
    body["orchestrationTags"] = of.settings.tags.clone().into();
    body
}

/// Everything.
#[must_use]
pub fn full(of: &EdgeResource) -> Value {
    let endpoints: Vec<Value> = of
        .settings
        .endpoints
        .iter()
        .map(|endpoint| {
            json!({
                "id": endpoint.id,
                "name": endpoint.name,
                "description": endpoint.description,
                "method": endpoint.method,
                "url": endpoint.url,
                "requestType": endpoint.request_type,
                "responseType": endpoint.response_type,
                "requestPayloadExample": endpoint.request_payload_example,
                "responsePayloadExample": endpoint.response_payload_example,
                "interfaceId": of.id,
            })
        })
        .collect();
    let mut body = listed(of);
    body["interface"] = json!({ "id": of.id, "edgeResourceId": of.id, "endpoints": endpoints });
    body
}
