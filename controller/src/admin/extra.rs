//! Orders that no route carries out.

use std::sync::Arc;

use iofog_api::{ApiError, Fields, FogUuid, MicroserviceUuid};
use serde_json::{Value, json};

use super::account;
use super::order::{Order, Who};
use crate::app::{App, Work};
use crate::domain::change::Flags;
use crate::routes::{catalog, tunnel};
use crate::{store, view};

/// Carries one out.
pub(super) async fn execute(app: &Arc<App>, order: Order) -> Result<Value, ApiError> {
    if order.what == "cli.stop" {
        app.ask_to_stop();
        return Ok(Value::Null);
    }
    app.write(move |work| {
        let email = match &order.who {
            Who::Email(email) => email.as_str(),
            _ => "",
        };
        let first = order.parameters.first().map_or("", String::as_str);
        match order.what.as_str() {
            "cli.user-list" => account::list(work),
            "cli.user-token" => account::token(work, email),
            "cli.user-suspend" => account::suspend(work, email, true),
            "cli.user-activate" => account::suspend(work, email, false),
            "cli.user-update" => account::update(work, email, &order.body),
            "cli.fog-list" => fogs(work),
            "cli.catalog-info" => item(work, first),
            "cli.tunnel-list" => tunnels(work),
            "cli.tunnel-open" => open_tunnel(work, first, &order.body),
            "cli.snapshot-path" => snapshot(work, first),
            other => Err(ApiError::validation(format!("unknown order {other}"))),
        }
    })
    .await
}

/// All agents, system ones too.
fn fogs(work: &mut Work<'_>) -> Result<Value, ApiError> {
    let rows = store::fog::all(work.tx)?;
    let shown = rows.iter().map(|row| view::fog::fog(work, row)).collect::<Result<Vec<_>, _>>()?;
    Ok(json!({ "fogs": shown }))
}

/// An item of the catalog, seeded ones too.
fn item(work: &mut Work<'_>, id: &str) -> Result<Value, ApiError> {
    let invalid = || ApiError::not_found(format!("Invalid catalog item id '{id}'"));
    let id = id.parse().map_err(|_| invalid())?;
    let found = store::catalog::by_id(work.tx, id)?.ok_or_else(invalid)?;
    Ok(catalog::show(&found))
}

/// Without their secrets.
fn tunnels(work: &mut Work<'_>) -> Result<Value, ApiError> {
    let mut shown = Vec::new();
    for fog in store::fog::all(work.tx)? {
        if let Some(one) = store::tunnel::get(work.tx, &fog.uuid)? {
            shown.push(json!({
                "iofogUuid": fog.uuid,
                "username": one.username,
                "host": one.host,
                "remotePort": one.remote_port,
                "localPort": one.local_port,
                "status": if one.closed { "closed" } else { "open" },
            }));
        }
    }
    Ok(Value::Array(shown))
}

/// Opens a tunnel with what the body gives, and with the settings for the rest.
fn open_tunnel(work: &mut Work<'_>, uuid: &str, body: &Value) -> Result<Value, ApiError> {
    let uuid = FogUuid::from(uuid);
    if store::fog::by_uuid(work.tx, &uuid)?.is_none() {
        return Err(ApiError::not_found(format!("Invalid ioFog UUID '{uuid}'")));
    }
    let body = Fields::of(body)?;
    let mut with = work.settings.tunnel.clone();
    for (field, name) in [
        (&mut with.username, "username"),
        (&mut with.password, "password"),
        (&mut with.host, "host"),
        (&mut with.rsa_key, "rsakey"),
    ] {
        if let Some(text) = body.string(name)? {
            *field = Some(text);
        }
    }
    with.local_port = body.integer("port", 1, 65_535)?.unwrap_or(with.local_port);
    let stored = store::tunnel::get(work.tx, &uuid)?;
    let tunnel = tunnel::open(work, &with, stored)?;
    store::tunnel::put(work.tx, &uuid, &tunnel)?;
    work.flag(&uuid, Flags::TUNNEL)?;
    Ok(Value::Null)
}

fn snapshot(work: &mut Work<'_>, uuid: &str) -> Result<Value, ApiError> {
    let path = store::snapshot::file(work.tx, &MicroserviceUuid::from(uuid))?.ok_or_else(|| {
        ApiError::validation("Image snapshot is not available for this microservice.")
    })?;
    Ok(json!(work.settings.snapshots().join(path)))
}
