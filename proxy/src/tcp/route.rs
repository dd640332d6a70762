//! Whether the router can route links, and the request by which it does.

use std::time::Duration;

use crate::link::{Connection, ManagementRequest};

const ENTITY: &str = "org.apache.qpid.dispatch.router.connection.linkRoute";
/// A router without management never gives credit for the question.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks the router to route every attach to `queue` to this connection; false when it cannot.
pub(super) async fn create<C: Connection>(connection: &C, queue: &str) -> bool {
    let attributes = vec![("pattern", queue.to_owned()), ("direction", "in".to_owned())];
    ask(connection, "CREATE", queue, attributes).await == 201
}

/// Whether the router can route links at all: creates a route that no one uses, and deletes it.
pub(super) async fn possible<C: Connection>(connection: &C, queue: &str) -> bool {
    let unused = format!("{queue}.probe");
    let possible = create(connection, &unused).await;
    if possible {
        ask(connection, "DELETE", &unused, Vec::new()).await;
    }
    possible
}

async fn ask<C: Connection>(
    connection: &C,
    operation: &'static str,
    name: &str,
    attributes: Vec<(&'static str, String)>,
) -> u32 {
    let request =
        ManagementRequest { operation, entity: ENTITY, name: name.to_owned(), attributes };
    match tokio::time::timeout(PATIENCE, connection.manage(request)).await {
        Ok(Ok((status, text))) => {
            log::debug!("link route {operation}: {status} {text}");
            status
        }
        Ok(Err(error)) => {
            log::debug!("link route {operation}: {error}");
            0
        }
        Err(_) => 0,
    }
}
