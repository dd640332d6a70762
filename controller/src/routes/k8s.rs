//! What a virtual node of Kubernetes asks about its agent (controller contract 18). Pods are none of ours, which 3.0.4 answers with
//! failures of its own: there are none on a node, and one that is to be made is refused (decision 0086).

use iofog_api::{ApiError, time};
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
    Route::new(
        "k8s.create-pod",
        Verb::Post,
        "/k8s/createPod",
        Auth::User,
        200,
        Handler::Read(create_pod),
    )
    .finds(),
    Route::new(
        "k8s.delete-pod",
        Verb::Delete,
        "/k8s/deletePod",
        Auth::User,
        200,
        Handler::Read(no_pod),
    )
    .finds(),
    Route::new("k8s.pod", Verb::Get, "/k8s/getPod", Auth::User, 200, Handler::Read(no_pod)).finds(),
    Route::new("k8s.pods", Verb::Get, "/k8s/getPods", Auth::User, 200, Handler::Read(pods)).finds(),
    Route::new(
        "k8s.pod-status",
        Verb::Get,
        "/k8s/getPodStatus",
        Auth::User,
        200,
        Handler::Read(no_pod),
    )
    .finds(),
    Route::new(
        "k8s.vk-token",
        Verb::Get,
        "/k8s/vk-token",
        Auth::User,
        200,
        Handler::Read(no_token),
    )
    .finds(),
    Route::new(
        "k8s.scheduler-token",
        Verb::Get,
        "/k8s/scheduler-token",
        Auth::User,
        200,
        Handler::Read(no_token),
    )
    .finds(),
];

fn node(work: &mut Work<'_>, request: &Request) -> Result<Fog, ApiError> {
    fog::owned(work, request.user()?, request.query("nodeName").unwrap_or_default())
}

fn create_pod(work: &mut Work<'_>, request: &Request) -> Answered {
    node(work, request)?;
    Err(ApiError::validation("Pods cannot be created: deploy an application instead"))
}

/// No node has a pod.
fn pods(work: &mut Work<'_>, request: &Request) -> Answered {
    node(work, request)?;
    Ok(Reply::json(json!([])))
}

fn no_pod(work: &mut Work<'_>, request: &Request) -> Answered {
    node(work, request)?;
    Err(ApiError::not_found("Pod not found"))
}

/// Virtual nodes and schedulers have no accounts of their own: they log in as a user.
fn no_token(_: &mut Work<'_>, _: &Request) -> Answered {
    Err(ApiError::not_found("Token not found"))
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
