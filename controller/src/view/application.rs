//! An application as users see it (controller contract 8.1).

use iofog_api::{ApiError, time};
use serde_json::{Value, json};

use crate::app::Work;
use crate::store::{self, application::Application};

/// The representation of an application with its microservices and routes.
///
/// # Errors
/// When the database fails.
pub fn application(work: &mut Work<'_>, of: &Application) -> Result<Value, ApiError> {
    let rows = store::microservice::of_application(work.tx, of.id)?;
    let mut microservices = Vec::with_capacity(rows.len());
    for row in &rows {
        let mut body = super::microservice::microservice(work, row, &of.name)?;
        // The embedded form carries raw columns as well.
        for (name, value) in [
            ("isNetwork", Value::from(false)),
            ("rebuild", Value::from(row.rebuild)),
            ("imageSnapshot", Value::from("")),
            ("catalog_item_id", row.catalog_item_id.into()),
            ("iofog_uuid", row.fog.as_ref().map(ToString::to_string).into()),
        ] {
            body.insert(name.to_owned(), value);
        }
        microservices.push(Value::Object(body));
    }
    let name_of = |uuid: &iofog_api::MicroserviceUuid| {
        rows.iter().find(|row| row.uuid == *uuid).map(|row| row.name.as_str())
    };
    let routes: Vec<Value> = store::route::of_application(work.tx, of.id)?
        .iter()
        .map(|route| {
            json!({ "name": route.name, "from": name_of(&route.source), "to": name_of(&route.dest) })
        })
        .collect();
    Ok(json!({
        "id": of.id,
        "name": of.name,
        "description": of.description,
        "isActivated": of.is_activated,
        "isSystem": of.is_system,
        "createdAt": time::iso(of.created),
        "updatedAt": time::iso(of.updated),
        "userId": of.user_id,
        "microservices": microservices,
        "routes": routes,
    }))
}
