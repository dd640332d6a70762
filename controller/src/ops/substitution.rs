//! Renders templates in request bodies (controller contract 9): looks up what their filters ask for.

use iofog_api::ApiError;
use serde_json::{Map, Value};

use crate::app::Work;
use crate::domain::substitution::{Lookup, substitute};
use crate::{store, view};

/// Renders the templates in a body; filters see what the user sees.
///
/// # Errors
/// When the database fails.
pub fn render(
    work: &mut Work<'_>,
    user: i64,
    body: &mut Value,
    variables: &Map<String, Value>,
) -> Result<(), ApiError> {
    substitute(body, variables, &mut |wanted| look_up(work, user, wanted))
}

/// What a filter asked for; null when there is none.
fn look_up(work: &mut Work<'_>, user: i64, wanted: &Lookup) -> Result<Value, ApiError> {
    match wanted {
        Lookup::Agent(name) => {
            let named = store::fog::by_name(work.tx, name)?;
            let own = named.into_iter().find(|fog| fog.user_id == user);
            own.map_or(Ok(Value::Null), |fog| view::fog::fog(work, &fog))
        }
        Lookup::Agents => {
            let own = store::fog::list(work.tx, user, false)?;
            own.iter().map(|fog| view::fog::fog(work, fog)).collect()
        }
        Lookup::AgentByUuid(uuid) => {
            let found = store::fog::by_uuid(work.tx, &uuid.as_str().into())?;
            let seen = found.filter(|fog| fog.user_id == user || fog.is_system);
            seen.map_or(Ok(Value::Null), |fog| view::fog::fog(work, &fog))
        }
        Lookup::Application(name) => {
            let found = store::application::by_name(work.tx, user, name)?;
            found.map_or(Ok(Value::Null), |found| view::application::application(work, &found))
        }
        Lookup::EdgeResource(name, Some(version)) => {
            let found = store::edge_resource::by_version(work.tx, user, name, version)?;
            Ok(found.as_ref().map_or(Value::Null, view::edge_resource::full))
        }
        Lookup::EdgeResource(name, None) => {
            let all = store::edge_resource::list(work.tx, user)?;
            Ok(all.iter().filter(|one| one.name == *name).map(view::edge_resource::full).collect())
        }
    }
}
