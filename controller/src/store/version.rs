//! Rows of version commands: what an agent is told to become, with the key to provision itself afterwards.

use iofog_api::FogUuid;

use super::{Stored, Tx};

/// A command as an agent reads it.
#[derive(Clone, PartialEq, Eq)]
pub struct Order {
    /// `upgrade` or `rollback`.
    pub command: String,
    /// Provisioning key, in clear: the agent needs it.
    pub provision_key: String,
    /// Expiry of the key, epoch ms.
    pub expires: i64,
}

/// The command that waits for an agent.
///
/// # Errors
/// When the database fails.
pub fn get(tx: &mut dyn Tx, fog: &FogUuid) -> Stored<Option<Order>> {
    let sql = "SELECT command, provision_key, expires FROM version_commands WHERE fog_uuid = ?1";
    let row = tx.first(sql, &[fog.as_str().into()])?;
    row.map(|row| {
        Ok(Order { command: row.text(0)?, provision_key: row.text(1)?, expires: row.int(2)? })
    })
    .transpose()
}

/// Replaces the command of an agent.
///
/// # Errors
/// When the database fails.
pub fn put(tx: &mut dyn Tx, fog: &FogUuid, order: &Order) -> Stored<u64> {
    tx.execute(
        "INSERT INTO version_commands (fog_uuid, command, provision_key, expires) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (fog_uuid) DO UPDATE SET command = excluded.command,
         provision_key = excluded.provision_key, expires = excluded.expires",
        &[
            fog.as_str().into(),
            order.command.as_str().into(),
            order.provision_key.as_str().into(),
            order.expires.into(),
        ],
    )
}
