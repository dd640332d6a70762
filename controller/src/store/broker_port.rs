//! Rows of the ports that an external broker opens, and of what is to be given back to it.

use iofog_api::{FogUuid, MicroserviceUuid};

use super::{Row, Stored, Tx};
use crate::domain::broker::{BrokerDetails, BrokerPort, Returned};

fn read(row: &Row) -> Stored<BrokerPort> {
    Ok(BrokerPort {
        id: row.int(0)?,
        microservice: MicroserviceUuid::from(row.text(1)?),
        internal: row.int(2)?,
        details: row.document(3)?,
    })
}

/// Ports of a microservice.
///
/// # Errors
/// When the database fails.
pub fn of_microservice(tx: &mut dyn Tx, uuid: &MicroserviceUuid) -> Stored<Vec<BrokerPort>> {
    let sql = "SELECT id, microservice_uuid, internal, document FROM broker_ports
               WHERE microservice_uuid = ?1 ORDER BY id";
    tx.query(sql, &[uuid.as_str().into()])?.iter().map(read).collect()
}

/// Adds a port; its id is ignored.
///
/// # Errors
/// When the database fails.
pub fn insert(
    tx: &mut dyn Tx,
    uuid: &MicroserviceUuid,
    internal: i64,
    details: &BrokerDetails,
) -> Stored<i64> {
    tx.insert(
        "INSERT INTO broker_ports (microservice_uuid, internal, server_token, port_uuid, document)
         VALUES (?1, ?2, ?3, ?4, ?5) RETURNING id",
        &[
            uuid.as_str().into(),
            internal.into(),
            details.lease.server_token.as_str().into(),
            details.lease.uuid.as_str().into(),
            serde_json::to_string(details)?.into(),
        ],
    )
}

/// Removes a port.
///
/// # Errors
/// When the database fails.
pub fn delete(tx: &mut dyn Tx, id: i64) -> Stored<u64> {
    tx.execute("DELETE FROM broker_ports WHERE id = ?1", &[id.into()])
}

/// Ports of the microservices on an agent, the oldest first.
///
/// # Errors
/// When the database fails.
pub fn of_fog(tx: &mut dyn Tx, fog: &FogUuid) -> Stored<Vec<BrokerPort>> {
    let sql = "SELECT b.id, b.microservice_uuid, b.internal, b.document
               FROM broker_ports b JOIN microservices m ON m.uuid = b.microservice_uuid
               WHERE m.fog_uuid = ?1 ORDER BY b.id";
    tx.query(sql, &[fog.as_str().into()])?.iter().map(read).collect()
}

/// Some microservice has the port of this name of the broker's.
///
/// # Errors
/// When the database fails.
pub fn has_port(tx: &mut dyn Tx, uuid: &str) -> Stored<bool> {
    let sql = "SELECT id FROM broker_ports WHERE port_uuid = ?1";
    Ok(tx.first(sql, &[uuid.into()])?.is_some())
}

/// Some port was given for this token and is still had.
///
/// # Errors
/// When the database fails.
pub fn has_token(tx: &mut dyn Tx, token: &str) -> Stored<bool> {
    let sql = "SELECT id FROM broker_ports WHERE server_token = ?1 LIMIT 1";
    Ok(tx.first(sql, &[token.into()])?.is_some())
}

fn key(what: &Returned) -> (&'static str, &str) {
    match what {
        Returned::Port(uuid) => ("port", uuid),
        Returned::ServerToken(token) => ("server-token", token),
    }
}

/// Notes that something is to be given back at `due`, epoch ms; what is noted already gets this time.
///
/// # Errors
/// When the database fails.
pub fn give_back(tx: &mut dyn Tx, what: &Returned, due: i64) -> Stored<()> {
    keep(tx, what)?;
    let (kind, value) = key(what);
    let sql = "INSERT INTO broker_returns (kind, value, due) VALUES (?1, ?2, ?3)";
    tx.execute(sql, &[kind.into(), value.into(), due.into()])?;
    Ok(())
}

/// Gives a note another time; what is not noted stays so.
///
/// # Errors
/// When the database fails.
pub fn set_due(tx: &mut dyn Tx, what: &Returned, due: i64) -> Stored<()> {
    let (kind, value) = key(what);
    let sql = "UPDATE broker_returns SET due = ?3 WHERE kind = ?1 AND value = ?2";
    tx.execute(sql, &[kind.into(), value.into(), due.into()])?;
    Ok(())
}

/// Takes such a note away: it is kept, or was given back. False when there is none.
///
/// # Errors
/// When the database fails.
pub fn keep(tx: &mut dyn Tx, what: &Returned) -> Stored<bool> {
    let (kind, value) = key(what);
    let sql = "DELETE FROM broker_returns WHERE kind = ?1 AND value = ?2";
    Ok(tx.execute(sql, &[kind.into(), value.into()])? > 0)
}

/// What is to be given back by `now`, the oldest first, at most `most`.
///
/// # Errors
/// When the database fails.
pub fn due(tx: &mut dyn Tx, now: i64, most: i64) -> Stored<Vec<Returned>> {
    let sql = "SELECT kind, value FROM broker_returns WHERE due <= ?1 ORDER BY due, id LIMIT ?2";
    let rows = tx.query(sql, &[now.into(), most.into()])?;
    rows.iter()
        .map(|row| {
            let value = row.text(1)?;
            Ok(match row.text(0)?.as_str() {
                "port" => Returned::Port(value),
                _ => Returned::ServerToken(value),
            })
        })
        .collect()
}

/// The note for this is there.
///
/// # Errors
/// When the database fails.
pub fn is_returned(tx: &mut dyn Tx, what: &Returned) -> Stored<bool> {
    let (kind, value) = key(what);
    let sql = "SELECT id FROM broker_returns WHERE kind = ?1 AND value = ?2";
    Ok(tx.first(sql, &[kind.into(), value.into()])?.is_some())
}
