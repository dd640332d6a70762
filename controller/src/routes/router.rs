//! The default router (controller contract 17).

use iofog_api::{ApiError, Fields, time};
use serde_json::{Value, json};

use super::{Answered, Auth, Handler, Route, Verb};
use crate::app::Work;
use crate::domain::router::{EDGE_ROUTER_PORT, INTER_ROUTER_PORT, MESSAGING_PORT, RouterSettings};
use crate::http::{Reply, Request};
use crate::ops::router;

pub(super) const ROUTES: &[Route] = &[
    Route::new("router.get", Verb::Get, "/router", Auth::User, 200, Handler::Read(get)).finds(),
    Route::new("router.put", Verb::Put, "/router", Auth::User, 200, Handler::Write(put)).rendered(),
];

fn get(work: &mut Work<'_>, _: &Request) -> Answered {
    let settings = router::default_router(work)?.settings;
    Ok(Reply::json(json!({
        "host": settings.host,
        "messagingPort": settings.messaging_port,
        "edgeRouterPort": settings.edge_router_port,
        "interRouterPort": settings.inter_router_port,
    })))
}

fn put(work: &mut Work<'_>, request: &Request) -> Answered {
    let body = Fields::of(&request.body)?;
    let port = |name, default| Ok::<_, ApiError>(body.integer(name, 1, 65_535)?.unwrap_or(default));
    let settings = RouterSettings {
        is_edge: false,
        host: body.required_string("host", 1)?,
        messaging_port: port("messagingPort", MESSAGING_PORT)?,
        edge_router_port: Some(port("edgeRouterPort", EDGE_ROUTER_PORT)?),
        inter_router_port: Some(port("interRouterPort", INTER_ROUTER_PORT)?),
    };
    let row = router::put_default(work, settings)?;
    let mut shown = json!({
        "id": row.id,
        "isEdge": false,
        "messagingPort": row.settings.messaging_port,
        "edgeRouterPort": row.settings.edge_router_port,
        "interRouterPort": row.settings.inter_router_port,
        "host": row.settings.host,
        "isDefault": true,
        "createdAt": time::iso(row.created),
        "updatedAt": time::iso(row.updated),
    });
    if let (Some(fog), Value::Object(shown)) = (&row.fog, &mut shown) {
        shown.insert("iofogUuid".to_owned(), Value::from(fog.as_str()));
    }
    Ok(Reply::json(shown))
}
