//! Information without a login (controller contract 4).

use std::sync::Arc;

use serde_json::json;

use super::{Answered, Auth, Handler, Route, Verb};
use crate::app::{App, now_ms};
use crate::http::{Reply, Request};

/// The version that clients see: they take it apart into three numbers (contract Q1).
pub const CONTRACT_VERSION: &str = "3.0.4";

pub(super) const ROUTES: &[Route] = &[
    Route::new("status.get", Verb::Get, "/status", Auth::Anyone, 200, Handler::Live(status)),
    Route::new(
        "status.email-activation",
        Verb::Get,
        "/email-activation",
        Auth::Anyone,
        200,
        Handler::Live(email_activation),
    ),
    Route::new(
        "status.fog-types",
        Verb::Get,
        "/fog-types",
        Auth::Anyone,
        200,
        Handler::Live(fog_types),
    ),
    Route::new(
        "status.edge-resources-capability",
        Verb::Head,
        "/capabilities/edgeResources",
        Auth::Anyone,
        204,
        Handler::Live(capability),
    ),
    Route::new(
        "status.application-templates-capability",
        Verb::Head,
        "/capabilities/applicationTemplates",
        Auth::Anyone,
        204,
        Handler::Live(capability),
    ),
];

fn status(app: &Arc<App>, _: &Request) -> Answered {
    Ok(Reply::json(json!({
        "status": "online",
        "timestamp": now_ms(),
        "uptimeSec": app.started.elapsed().as_secs_f64(),
        "versions": { "controller": CONTRACT_VERSION, "ecnViewer": app.viewer_version },
    })))
}

fn email_activation(app: &Arc<App>, _: &Request) -> Answered {
    Ok(Reply::json(json!({ "isEmailActivationEnabled": app.settings.activation })))
}

fn fog_types(_: &Arc<App>, _: &Request) -> Answered {
    let types = [
        (0, "Unspecified", "Type is chosen when the agent is provisioned"),
        (1, "Standard Linux (x86)", "Devices with an x86 processor"),
        (2, "ARM Linux", "Devices with an ARM processor"),
    ];
    let types: Vec<_> = types
        .iter()
        .map(|(id, name, description)| {
            json!({ "id": id, "name": name, "image": format!("iointegrator{id}.png"),
                "description": description })
        })
        .collect();
    Ok(Reply::json(json!({ "fogTypes": types })))
}

fn capability(_: &Arc<App>, _: &Request) -> Answered {
    Ok(Reply::empty())
}
