//! Rows of what agents report about their hardware.

use iofog_api::FogUuid;

use super::{Stored, Tx};

/// What a report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The device itself.
    Hardware,
    /// What is plugged into it.
    Usb,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Hardware => "hw",
            Self::Usb => "usb",
        }
    }
}

/// A report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// Id.
    pub id: i64,
    /// What the agent said, JSON text as a rule.
    pub info: String,
    /// First report, epoch ms.
    pub created: i64,
    /// Last report, epoch ms.
    pub updated: i64,
}

/// The last report of an agent.
///
/// # Errors
/// When the database fails.
pub fn get(tx: &mut dyn Tx, fog: &FogUuid, kind: Kind) -> Stored<Option<Info>> {
    let sql = "SELECT id, info, created, updated FROM hal_info WHERE fog_uuid = ?1 AND kind = ?2";
    let row = tx.first(sql, &[fog.as_str().into(), kind.name().into()])?;
    row.map(|row| {
        Ok(Info { id: row.int(0)?, info: row.text(1)?, created: row.int(2)?, updated: row.int(3)? })
    })
    .transpose()
}

/// Replaces the report of an agent.
///
/// # Errors
/// When the database fails.
pub fn put(tx: &mut dyn Tx, fog: &FogUuid, kind: Kind, info: &str, now: i64) -> Stored<u64> {
    tx.execute(
        "INSERT INTO hal_info (fog_uuid, kind, info, created, updated) VALUES (?1, ?2, ?3, ?4, ?4)
         ON CONFLICT (fog_uuid, kind) DO UPDATE SET info = excluded.info, updated = excluded.updated",
        &[fog.as_str().into(), kind.name().into(), info.into(), now.into()],
    )
}
