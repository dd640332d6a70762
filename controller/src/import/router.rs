//! Routers and who dials whom.

use anyhow::{Context, Result};
use iofog_api::FogUuid;

use super::Import;
use crate::domain::router::{MESSAGING_PORT, Router, RouterSettings};
use crate::store;

pub(super) fn import(import: &mut Import<'_, '_>) -> Result<()> {
    let rows = import.source.rows("Routers", "id")?;
    for row in &rows {
        let router = Router {
            id: row.needed_int("id")?,
            fog: row.text("iofog_uuid")?.map(FogUuid::from),
            is_default: row.flag("is_default")?,
            created: row.time("created_at")?,
            updated: row.time("updated_at")?,
            settings: RouterSettings {
                is_edge: row.flag("is_edge")?,
                host: row.text_or_empty("host")?,
                messaging_port: row.int("messaging_port")?.unwrap_or(MESSAGING_PORT),
                edge_router_port: row.int("edge_router_port")?,
                inter_router_port: row.int("inter_router_port")?,
            },
        };
        store::given::router(import.work.tx, &router)
            .with_context(|| format!("router {}", router.id))?;
    }
    import.count("routers", rows.len());
    for row in import.source.rows("RouterConnections", "id")? {
        if let (Some(source), Some(dest)) = (row.int("source_router")?, row.int("dest_router")?) {
            store::given::router_connection(import.work.tx, source, dest)?;
        }
    }
    Ok(())
}
