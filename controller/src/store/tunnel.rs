//! Rows of SSH tunnels to agents.

use iofog_api::FogUuid;
use serde::{Deserialize, Serialize};

use super::{Row, Stored, Tx};

/// A tunnel as stored. Password and key are for the agent alone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "fields of the contract, sections 6 and 16")]
pub struct Tunnel {
    #[serde(skip)]
    pub id: i64,
    pub username: String,
    pub password: String,
    pub host: String,
    pub rsa_key: String,
    pub local_port: i64,
    pub remote_port: i64,
    pub closed: bool,
}

fn read(row: &Row) -> Stored<Tunnel> {
    let tunnel: Tunnel = serde_json::from_str(&row.text(1)?)?;
    Ok(Tunnel { id: row.int(0)?, ..tunnel })
}

/// The tunnel of an agent.
///
/// # Errors
/// When the database fails.
pub fn get(tx: &mut dyn Tx, fog: &FogUuid) -> Stored<Option<Tunnel>> {
    let sql = "SELECT id, document FROM tunnels WHERE fog_uuid = ?1";
    tx.first(sql, &[fog.as_str().into()])?.as_ref().map(read).transpose()
}

/// All tunnels.
///
/// # Errors
/// When the database fails.
pub fn all(tx: &mut dyn Tx) -> Stored<Vec<Tunnel>> {
    tx.query("SELECT id, document FROM tunnels ORDER BY id", &[])?.iter().map(read).collect()
}

/// Writes an agent's tunnel.
///
/// # Errors
/// When the database fails.
pub fn put(tx: &mut dyn Tx, fog: &FogUuid, tunnel: &Tunnel) -> Stored<u64> {
    tx.execute(
        "INSERT INTO tunnels (fog_uuid, document) VALUES (?1, ?2)
         ON CONFLICT (fog_uuid) DO UPDATE SET document = excluded.document",
        &[fog.as_str().into(), serde_json::to_string(tunnel)?.as_str().into()],
    )
}
