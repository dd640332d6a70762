//! Rows of granted public ports.

use std::collections::BTreeSet;

use iofog_api::{FogUuid, MicroserviceUuid};

use super::{Row, Stored, Tx};
use crate::domain::port::{PublicDetails, PublicPort};

fn read(row: &Row) -> Stored<PublicPort> {
    Ok(PublicPort {
        id: row.int(0)?,
        microservice: MicroserviceUuid::from(row.text(1)?),
        internal: row.int(2)?,
        public_port: row.int(3)?,
        details: row.document(4)?,
    })
}

/// Key of the entry host in the unique constraint; empty = none (Kubernetes).
pub(super) fn host_key(details: &PublicDetails) -> &str {
    details.host.as_ref().map_or("", FogUuid::as_str)
}

/// Public ports of a microservice.
///
/// # Errors
/// When the database fails.
pub fn of_microservice(tx: &mut dyn Tx, uuid: &MicroserviceUuid) -> Stored<Vec<PublicPort>> {
    let sql = "SELECT id, microservice_uuid, internal, public_port, document FROM public_ports
               WHERE microservice_uuid = ?1 ORDER BY id";
    tx.query(sql, &[uuid.as_str().into()])?.iter().map(read).collect()
}

/// All public ports of all users.
///
/// # Errors
/// When the database fails.
pub fn all(tx: &mut dyn Tx) -> Stored<Vec<PublicPort>> {
    let sql = "SELECT id, microservice_uuid, internal, public_port, document FROM public_ports ORDER BY id";
    tx.query(sql, &[])?.iter().map(read).collect()
}

/// Numbers in use on an entry host.
///
/// # Errors
/// When the database fails.
pub fn taken(tx: &mut dyn Tx, host: Option<&FogUuid>) -> Stored<BTreeSet<i64>> {
    let sql = "SELECT public_port FROM public_ports WHERE host_key = ?1";
    let rows = tx.query(sql, &[host.map_or("", FogUuid::as_str).into()])?;
    rows.iter().map(|row| row.int(0)).collect()
}

/// Adds a public port; `id` is ignored.
///
/// # Errors
/// When the database fails or the number is taken on that host.
pub fn insert(tx: &mut dyn Tx, new: &PublicPort) -> Stored<i64> {
    tx.insert(
        "INSERT INTO public_ports (microservice_uuid, internal, host_key, public_port, document)
         VALUES (?1, ?2, ?3, ?4, ?5) RETURNING id",
        &[
            new.microservice.as_str().into(),
            new.internal.into(),
            host_key(&new.details).into(),
            new.public_port.into(),
            serde_json::to_string(&new.details)?.into(),
        ],
    )
}

/// Removes a public port.
///
/// # Errors
/// When the database fails.
pub fn delete(tx: &mut dyn Tx, id: i64) -> Stored<u64> {
    tx.execute("DELETE FROM public_ports WHERE id = ?1", &[id.into()])
}
