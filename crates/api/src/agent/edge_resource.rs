//! Edge resources as sent to agents (spec sections 6 and 14).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::EdgeResourceId;
use crate::number::null_default;

/// Answer of `GET /agent/edgeResources`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EdgeResourceList {
    /// Resources linked to the agent.
    pub edge_resources: Vec<EdgeResource>,
}

/// A resource near the device, described for its microservices. `display` and `custom` pass through as they are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EdgeResource {
    /// Never null for the Java Agent.
    pub id: EdgeResourceId,
    /// Unique with [`Self::version`] per user.
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// Semantic version.
    pub version: String,
    /// `http`, `https`, `ws` or `wss`.
    pub interface_protocol: Option<String>,
    /// `{name, icon, color}`.
    pub display: Value,
    /// Any object.
    pub custom: Value,
    /// Tags given to agents that link the resource.
    #[serde(deserialize_with = "null_default")]
    pub orchestration_tags: Vec<String>,
    /// Only in single, by-name and agent views.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface: Option<EdgeInterface>,
}

/// How a resource is reached.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EdgeInterface {
    /// Row id.
    pub id: i64,
    /// The resource it belongs to.
    pub edge_resource_id: EdgeResourceId,
    /// Its end points.
    #[serde(deserialize_with = "null_default")]
    pub endpoints: Vec<EdgeEndpoint>,
}

/// One call that a resource answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EdgeEndpoint {
    /// Row id.
    pub id: i64,
    /// Name within the interface.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// HTTP method.
    pub method: Option<String>,
    /// URL.
    pub url: Option<String>,
    /// Content type of the request.
    pub request_type: Option<String>,
    /// Content type of the response.
    pub response_type: Option<String>,
    /// Example text.
    pub request_payload_example: Option<String>,
    /// Example text.
    pub response_payload_example: Option<String>,
    /// The interface it belongs to.
    pub interface_id: i64,
}
