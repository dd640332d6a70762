//! Rows of change flags: appended by changes, removed by the agent's acknowledgement (controller contract 7).

use iofog_api::FogUuid;

use super::{Stored, Tx};
use crate::domain::change::Flags;

/// Appends a row.
///
/// # Errors
/// When the database fails.
pub fn insert(tx: &mut dyn Tx, fog: &FogUuid, stamp: &str, flags: Flags) -> Stored<u64> {
    tx.execute(
        "INSERT INTO changes (fog_uuid, stamp, flags) VALUES (?1, ?2, ?3)",
        &[fog.as_str().into(), stamp.into(), i64::from(flags.0).into()],
    )
}

/// The next stamp, epoch ms, above all that any Controller on the database gave.
///
/// # Errors
/// When the database fails.
pub fn next_stamp(tx: &mut dyn Tx, now: i64) -> Stored<i64> {
    let sql = "INSERT INTO counters (name, last) VALUES ('stamp', ?1)
               ON CONFLICT (name) DO UPDATE SET last =
               CASE WHEN counters.last >= excluded.last THEN counters.last + 1 ELSE excluded.last END
               RETURNING last";
    tx.insert(sql, &[now.into()])
}

/// Removes all rows of an agent that does not acknowledge; gives their flags together and the newest stamp.
///
/// # Errors
/// When the database fails.
pub fn take_all(tx: &mut dyn Tx, fog: &FogUuid) -> Stored<(Flags, String)> {
    let sql = "SELECT stamp, flags FROM changes WHERE fog_uuid = ?1 ORDER BY id";
    let rows = tx.query(sql, &[fog.as_str().into()])?;
    let mut all = (Flags::default(), String::new());
    for row in &rows {
        let flags = Flags(u32::try_from(row.int(1)?).unwrap_or_default());
        all = (all.0.with(flags), row.text(0)?);
    }
    tx.execute("DELETE FROM changes WHERE fog_uuid = ?1", &[fog.as_str().into()])?;
    Ok(all)
}

/// All rows in order. Read once at start.
///
/// # Errors
/// When the database fails.
pub fn all(tx: &mut dyn Tx) -> Stored<Vec<(FogUuid, String, Flags)>> {
    let rows = tx.query("SELECT fog_uuid, stamp, flags FROM changes ORDER BY id", &[])?;
    rows.iter()
        .map(|row| {
            let flags = Flags(u32::try_from(row.int(2)?).unwrap_or_default());
            Ok((FogUuid::from(row.text(0)?), row.text(1)?, flags))
        })
        .collect()
}

/// Removes the rows of an agent up to a stamp. The newest one stays, without flags: it says how far this database has
/// come, so that an agent can tell an older copy of it.
///
/// # Errors
/// When the database fails.
pub fn delete_until(tx: &mut dyn Tx, fog: &FogUuid, stamp: &str) -> Stored<u64> {
    tx.execute(
        "DELETE FROM changes WHERE fog_uuid = ?1 AND stamp < (SELECT MAX(stamp) FROM changes
             WHERE fog_uuid = ?1 AND stamp <= ?2)",
        &[fog.as_str().into(), stamp.into()],
    )?;
    tx.execute(
        "UPDATE changes SET flags = 0 WHERE fog_uuid = ?1 AND stamp <= ?2",
        &[fog.as_str().into(), stamp.into()],
    )
}
