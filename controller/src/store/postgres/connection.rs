//! A PostgreSQL connection: statements of the narrow SQL surface, prepared once, and what keeps writers apart.

use std::collections::HashMap;
use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::BytesMut;
use postgres::types::{Format, IsNull, ToSql, Type, to_sql_checked};
use postgres::{Client, Statement};

use super::Server;
use crate::store::worker::Session;
use crate::store::{Row, SqlValue, StoreError, Stored, Tx};

/// Key of the lock that a writing transaction holds: rules look before they write, so that only one may run at a
/// time, whichever Controller it is in.
pub(super) const BEGIN_WRITE: &str = "BEGIN; SELECT pg_advisory_xact_lock(7310027)";

/// A connection that a thread of the store works on. It is made again when it breaks.
pub(super) struct PgSession {
    server: Server,
    client: Client,
    /// By place and length of the text, which lives as long as the program.
    prepared: HashMap<(usize, usize), Statement>,
    /// Set when nobody knows whether a commit happened.
    doubt: Arc<AtomicBool>,
}

impl PgSession {
    pub(super) fn open(server: Server, doubt: Arc<AtomicBool>) -> Stored<Self> {
        let client = server.connect()?;
        Ok(Self { server, client, prepared: HashMap::new(), doubt })
    }

    /// Connects again if the connection broke.
    fn revive(&mut self) -> Result<(), String> {
        if self.client.is_closed() {
            self.prepared.clear();
            self.client = self.server.connect_patiently().map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn statement(&mut self, sql: &'static str) -> Stored<Statement> {
        let key = (sql.as_ptr().addr(), sql.len());
        if let Some(statement) = self.prepared.get(&key) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(&numbered(sql)).map_err(|error| failed(&error))?;
        self.prepared.insert(key, statement.clone());
        Ok(statement)
    }
}

impl Session for PgSession {
    fn begin(&mut self, sql: &'static str) -> Result<(), String> {
        self.revive()?;
        match self.control(sql) {
            // Nothing has been done yet, so it may be done again on a new connection.
            Err(_) if self.client.is_closed() => {
                self.revive()?;
                self.control(sql)
            }
            result => result,
        }
    }

    fn control(&mut self, sql: &'static str) -> Result<(), String> {
        self.client.batch_execute(sql).map_err(|error| failed(&error).to_string())
    }

    fn lost(&mut self) -> bool {
        self.client.is_closed()
    }

    fn doubt(&mut self) {
        // The connection went before the answer came: the server may have committed.
        self.doubt.store(true, Ordering::Relaxed);
    }
}

impl Tx for PgSession {
    fn query(&mut self, sql: &'static str, parameters: &[SqlValue]) -> Stored<Vec<Row>> {
        let statement = self.statement(sql)?;
        let parameters: Vec<&(dyn ToSql + Sync)> =
            parameters.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
        let rows = self.client.query(&statement, &parameters).map_err(|error| failed(&error))?;
        rows.iter().map(row_of).collect()
    }

    fn execute(&mut self, sql: &'static str, parameters: &[SqlValue]) -> Stored<u64> {
        let statement = self.statement(sql)?;
        let parameters: Vec<&(dyn ToSql + Sync)> =
            parameters.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
        self.client.execute(&statement, &parameters).map_err(|error| failed(&error))
    }
}

/// `?1` of the narrow surface is `$1` here.
fn numbered(sql: &str) -> String {
    sql.replace('?', "$")
}

pub(super) fn failed(error: &postgres::Error) -> StoreError {
    let constraint = error.code().is_some_and(|state| state.code().starts_with("23"));
    let mut text = error.to_string();
    if let Some(cause) = error.source() {
        text = format!("{text}: {cause}");
    }
    if constraint { StoreError::Constraint(text) } else { StoreError::Database(text) }
}

fn row_of(row: &postgres::Row) -> Stored<Row> {
    let value = |column: usize, kind: &Type| -> Result<SqlValue, postgres::Error> {
        Ok(match *kind {
            Type::INT8 => row.try_get::<_, Option<i64>>(column)?.into(),
            Type::INT4 => row.try_get::<_, Option<i32>>(column)?.map(i64::from).into(),
            Type::FLOAT8 => {
                row.try_get::<_, Option<f64>>(column)?.map_or(SqlValue::Null, SqlValue::Real)
            }
            // A function without result.
            Type::VOID => SqlValue::Null,
            _ => row.try_get::<_, Option<String>>(column)?.into(),
        })
    };
    let values = row.columns().iter().enumerate().map(|(at, column)| value(at, column.type_()));
    Ok(Row(values.collect::<Result<_, _>>().map_err(|error| failed(&error))?))
}

impl ToSql for SqlValue {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(value) if *kind == Type::INT4 => i32::try_from(*value)?.to_sql(kind, out),
            Self::Int(value) => value.to_sql(kind, out),
            Self::Real(value) => value.to_sql(kind, out),
            // PostgreSQL has no room for it in text.
            Self::Text(value) if value.contains('\0') => {
                value.replace('\0', "\u{fffd}").to_sql(kind, out)
            }
            Self::Text(value) => value.to_sql(kind, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Binary
    }

    to_sql_checked!();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_renumbered() {
        assert_eq!(numbered("a = ?1 AND b = ?12"), "a = $1 AND b = $12");
    }
}
