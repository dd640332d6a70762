//! SSH tunnels to agents (controller contract 16): opened and closed by users, kept by the agents.

use iofog_api::{ApiError, Fields};
use serde_json::json;

use super::{Answered, Auth, Handler, Route, Verb};
use crate::app::Work;
use crate::domain::change::Flags;
use crate::http::{Reply, Request};
use crate::ops::fog;
use crate::settings::Tunnels;
use crate::store::{self, tunnel::Tunnel};

pub(super) const ROUTES: &[Route] = &[
    Route::new(
        "tunnel.switch",
        Verb::Patch,
        "/iofog/:id/tunnel",
        Auth::User,
        204,
        Handler::Write(switch),
    ),
    Route::new("tunnel.get", Verb::Get, "/iofog/:id/tunnel", Auth::User, 200, Handler::Read(get)),
    Route::new("agent.tunnel", Verb::Get, "/agent/tunnel", Auth::Agent, 200, Handler::Read(own))
        .finds(),
];

fn no_tunnel() -> ApiError {
    ApiError::not_found("Invalid Tunnel Id")
}

fn switch(work: &mut Work<'_>, request: &Request) -> Answered {
    let action = Fields::of(&request.body)?.string("action")?;
    let found = fog::owned(work, request.user()?, request.parameter("id"))?;
    let stored = store::tunnel::get(work.tx, &found.uuid)?;
    let tunnel = match action.as_deref() {
        Some("open") => {
            let settings = work.settings;
            open(work, &settings.tunnel, stored)?
        }
        Some("close") => Tunnel { closed: true, ..stored.ok_or_else(no_tunnel)? },
        _ => {
            return Err(ApiError::validation(
                "Unknown action property. Action can be \"open\" or \"close\"",
            ));
        }
    };
    store::tunnel::put(work.tx, &found.uuid, &tunnel)?;
    work.flag(&found.uuid, Flags::TUNNEL)?;
    Ok(Reply::empty())
}

/// A tunnel as `settings` have it, on a remote port that no other open tunnel has.
pub(crate) fn open(
    work: &mut Work<'_>,
    settings: &Tunnels,
    stored: Option<Tunnel>,
) -> Result<Tunnel, ApiError> {
    let needed = |value: &Option<String>, name: &str| {
        value.clone().ok_or_else(|| iofog_api::check::missing(name))
    };
    let mut tunnel = Tunnel {
        id: 0,
        username: needed(&settings.username, "username")?,
        password: needed(&settings.password, "password")?,
        host: needed(&settings.host, "host")?,
        rsa_key: needed(&settings.rsa_key, "rsakey")?,
        local_port: settings.local_port,
        remote_port: 0,
        closed: false,
    };
    let ports = settings.ports.clone();
    let taken: Vec<i64> = store::tunnel::all(work.tx)?
        .into_iter()
        .filter(|other| !other.closed && stored.as_ref().is_none_or(|own| own.id != other.id))
        .map(|other| other.remote_port)
        .collect();
    tunnel.remote_port = ports
        .into_iter()
        .find(|port| !taken.contains(port))
        .ok_or_else(|| ApiError::validation("No free port for a tunnel in Tunnel:PortRange"))?;
    Ok(tunnel)
}

fn get(work: &mut Work<'_>, request: &Request) -> Answered {
    let found = fog::owned(work, request.user()?, request.parameter("id"))?;
    let tunnel = store::tunnel::get(work.tx, &found.uuid)?.ok_or_else(no_tunnel)?;
    Ok(Reply::json(json!({
        "username": tunnel.username,
        "host": tunnel.host,
        "remotePort": tunnel.remote_port,
        "localPort": tunnel.local_port,
        "status": if tunnel.closed { "closed" } else { "open" },
    })))
}

fn own(work: &mut Work<'_>, request: &Request) -> Answered {
    let uuid = request.agent()?;
    let tunnel = store::tunnel::get(work.tx, uuid)?
        .ok_or_else(|| ApiError::not_found("Tunnel not found"))?;
    Ok(Reply::json(json!({ "tunnel": {
        "id": tunnel.id,
        "username": tunnel.username,
        "password": tunnel.password,
        "host": tunnel.host,
        "rport": tunnel.remote_port,
        "lport": tunnel.local_port,
        "rsakey": tunnel.rsa_key,
        "closed": tunnel.closed,
        "iofogUuid": uuid,
    } })))
}
