//! Orders of the command line: whoever may use the Controller's folder calls routes in the name of their owners (decision 0071).

mod account;
mod extra;
mod order;
pub mod socket;

use std::sync::Arc;

use iofog_api::{ApiError, MicroserviceUuid};
use serde_json::{Value, json};

pub use order::{Order, Thing, Who};

use crate::app::{App, Work};
use crate::http::{Body, Caller, Request};
use crate::routes::{self, Route};
use crate::stop::Stop;
use crate::store;

/// Carries an order out.
///
/// # Errors
/// What the route refuses, or when its owner cannot be told.
pub async fn execute(app: &Arc<App>, order: Order, stop: &Stop) -> Result<Value, ApiError> {
    if order.what.starts_with(order::OWN) {
        return extra::execute(app, order).await;
    }
    let route = routes::all()
        .find(|route| route.id == order.what)
        .ok_or_else(|| ApiError::validation(format!("unknown order {}", order.what)))?;
    if let Who::Everyone(key) = &order.who {
        let key = key.clone();
        return everyone(app, route, &order, &key, stop).await;
    }
    let who = order.who.clone();
    let caller = app.read(move |work| caller(work, &who)).await?;
    run(app, route, &order, caller, stop).await
}

async fn run(
    app: &Arc<App>,
    route: &'static Route,
    order: &Order,
    caller: Caller,
    stop: &Stop,
) -> Result<Value, ApiError> {
    let names = route.path.split('/').filter_map(|segment| segment.strip_prefix(':'));
    let request = Request {
        caller,
        parameters: names.zip(order.parameters.iter().cloned()).collect(),
        query: order.query.clone(),
        body: order.body.clone(),
        file: None,
        wait: None,
    };
    let reply = routes::run(app, route, request, stop.clone()).await?;
    Ok(match reply.body {
        None => Value::Null,
        Some(Body::Value(value)) => value,
        Some(Body::Text(text)) => serde_json::from_str(&text)
            .map_err(|error| ApiError::internal(format!("own answer is no JSON: {error}")))?,
    })
}

/// A list of all users' things.
async fn everyone(
    app: &Arc<App>,
    route: &'static Route,
    order: &Order,
    key: &str,
    stop: &Stop,
) -> Result<Value, ApiError> {
    let users = app.read(|work| Ok(store::user::all(work.tx)?)).await?;
    let mut all: Vec<Value> = Vec::new();
    for user in users {
        let mut answer = run(app, route, order, Caller::User(user.id), stop).await?;
        let Some(items) = answer.get_mut(key).and_then(Value::as_array_mut) else { continue };
        for item in items.drain(..) {
            // What belongs to nobody, every user sees.
            let known = |other: &Value| other["id"] == item["id"] && other == &item;
            if item.get("uuid").is_some() || !all.iter().any(known) {
                all.push(item);
            }
        }
    }
    Ok(json!({ key: all }))
}

/// In whose name an order is carried out.
fn caller(work: &mut Work<'_>, who: &Who) -> Result<Caller, ApiError> {
    let user = match who {
        Who::Nobody => return Ok(Caller::Anyone),
        Who::User(id) => Some(account::by_id(work, *id)?.id),
        Who::Email(email) => Some(account::by_email(work, email)?.id),
        Who::Only => {
            let users = store::user::all(work.tx)?;
            match users.as_slice() {
                [only] => Some(only.id),
                _ => return Err(iofog_api::check::missing("user-id")),
            }
        }
        Who::Owner(thing) => owner(work, thing)?,
        Who::Everyone(_) => None,
    };
    let nobody = || ApiError::not_found("it does not exist, or belongs to no user");
    user.map(Caller::User).ok_or_else(nobody)
}

fn owner(work: &mut Work<'_>, thing: &Thing) -> Result<Option<i64>, ApiError> {
    Ok(match thing {
        Thing::Fog(uuid) => {
            store::fog::by_uuid(work.tx, &uuid.as_str().into())?.map(|fog| fog.user_id)
        }
        Thing::Microservice(uuid) => {
            let uuid = MicroserviceUuid::from(uuid.as_str());
            store::microservice::by_uuid(work.tx, &uuid)?.and_then(|found| found.user_id)
        }
        Thing::Application(name) => {
            store::application::by_name_of_any(work.tx, name)?.map(|found| found.user_id)
        }
        Thing::Registry(id) => {
            store::registry::by_id(work.tx, *id)?.and_then(|found| found.user_id)
        }
        Thing::EnrolmentKey(id) => store::enrolment::owner(work.tx, *id)?,
        Thing::Item(id) => store::catalog::by_id(work.tx, *id)?.and_then(|found| found.user_id),
    })
}
