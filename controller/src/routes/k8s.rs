//! What a virtual node of Kubernetes asks about its agent (controller contract 18): the routes that work in 3.0.4 and those that
//! it answers with nothing. Pods are not among them: no client makes them.

use iofog_api::time;
use serde_json::json;

use super::{Answered, Auth, Handler, Route, Verb};
use crate::app::Work;
use crate::domain::fog::Fog;
use crate::http::{Reply, Request};
use crate::ops::fog;

pub(super) const ROUTES: &[Route] = &[
    Route::new(
        "k8s.capacity",
        Verb::Get,
        "/k8s/capacity",
        Auth::User,
        200,
        Handler::Read(capacity),
    )
    .finds(),
    Route::new(
        "k8s.allocatable",
        Verb::Get,
        "/k8s/allocatable",
        Auth::User,
        200,
        Handler::Read(capacity),
    )
    .finds(),
    Route::new(
        "k8s.node-conditions",
        Verb::Get,
        "/k8s/nodeConditions",
        Auth::User,
        200,
        Handler::Read(conditions),
    )
    .finds(),
    Route::new(
        "k8s.node-addresses",
        Verb::Get,
        "/k8s/nodeAddresses",
        Auth::User,
        200,
        Handler::Read(addresses),
    )
    .finds(),
    Route::new(
        "k8s.update-pod",
        Verb::Put,
        "/k8s/updatePod",
        Auth::User,
        200,
        Handler::Live(|_, _| Ok(Reply::empty())),
    ),
    Route::new(
        "k8s.container-logs",
        Verb::Get,
        "/k8s/getContainerLogs",
        Auth::User,
        200,
        Handler::Live(|_, _| Ok(Reply::empty())),
    ),
];

fn node(work: &mut Work<'_>, request: &Request) -> Result<Fog, iofog_api::ApiError> {
    fog::owned(work, request.user()?, request.query("nodeName").unwrap_or_default())
}

fn capacity(work: &mut Work<'_>, request: &Request) -> Answered {
    let settings = node(work, request)?.settings;
    Ok(Reply::json(json!({
        "cpu": iofog_api::number::json(settings.cpu_limit),
        "memory": format!("{}Mi", settings.memory_limit),
        "pods": "100",
    })))
}

fn conditions(work: &mut Work<'_>, request: &Request) -> Answered {
    let found = node(work, request)?;
    let status = work.live.statuses.fog(&found.uuid);
    let running = status.daemon_status == "RUNNING";
    let violated = |violation: &Option<String>| violation.as_deref() == Some("1");
    let shown: Vec<_> = [
        ("Ready", running, "agent is running"),
        ("OutOfDisk", violated(&status.disk_violation), "disk limit is exceeded"),
        ("MemoryPressure", violated(&status.memory_violation), "memory limit is exceeded"),
        ("DiskPressure", violated(&status.disk_violation), "disk limit is exceeded"),
        ("NetworkUnavailable", !running, "agent is silent"),
    ]
    .into_iter()
    .map(|(kind, is, message)| {
        json!({
            "type": kind,
            "status": if is { "True" } else { "False" },
            "lastHeartbeatTime": time::iso(status.last_status_time),
            "reason": if is { "Yes" } else { "No" },
            "message": message,
        })
    })
    .collect();
    Ok(Reply::json(json!(shown)))
}

fn addresses(work: &mut Work<'_>, request: &Request) -> Answered {
    let found = node(work, request)?;
    let status = work.live.statuses.fog(&found.uuid);
    Ok(Reply::json(json!([
        { "type": "InternalIP", "address": status.ip_address },
        { "type": "ExternalIP", "address": status.ip_address_external },
    ])))
}
