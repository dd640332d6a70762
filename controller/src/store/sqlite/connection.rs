//! An SQLite connection: settings, migrations, and statements of the narrow SQL surface.

use std::path::Path;
use std::sync::Arc;

use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, ErrorCode, ToSql};

use super::files::Files;
use crate::store::worker::Session;
use crate::store::{Row, SqlValue, StoreError, Stored, Tx};

/// Numbered migrations; the database remembers how many it has seen.
const MIGRATIONS: [&str; 6] = [
    include_str!("schema.sql"),
    include_str!("schema_2.sql"),
    include_str!("schema_3.sql"),
    include_str!("schema_4.sql"),
    include_str!("schema_5.sql"),
    include_str!("schema_6.sql"),
];

pub(super) fn open(path: &Path) -> Stored<Connection> {
    let connection = Connection::open(path).map_err(failed)?;
    // An answered write is on disk: synchronous FULL syncs the log at each commit.
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 10000;
             PRAGMA cache_size = -4096; PRAGMA temp_store = MEMORY;",
        )
        .map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(connection)
}

pub(super) fn migrate(connection: &Connection) -> Stored<()> {
    let seen: i64 =
        connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(failed)?;
    let seen = usize::try_from(seen).unwrap_or(usize::MAX);
    if seen > MIGRATIONS.len() {
        return Err(StoreError::Database(format!(
            "schema version {seen} is newer than this program's {}",
            MIGRATIONS.len()
        )));
    }
    for (index, migration) in MIGRATIONS.iter().enumerate().skip(seen) {
        let version = index + 1;
        connection
            .execute_batch(&format!("BEGIN; {migration} PRAGMA user_version = {version}; COMMIT;"))
            .map_err(failed)?;
    }
    Ok(())
}

pub(super) fn failed(error: rusqlite::Error) -> StoreError {
    match &error {
        rusqlite::Error::SqliteFailure(code, _) if code.code == ErrorCode::ConstraintViolation => {
            StoreError::Constraint(error.to_string())
        }
        _ => StoreError::Database(error.to_string()),
    }
}

/// A connection that a thread of the store works on.
pub(super) struct SqliteSession {
    connection: Connection,
    /// Looked at before and after each transaction that writes.
    files: Option<Arc<Files>>,
}

impl SqliteSession {
    /// For the thread that reads: what is open can still be read.
    pub(super) fn reading(connection: Connection) -> Self {
        Self { connection, files: None }
    }

    /// For the thread that writes.
    pub(super) fn writing(connection: Connection, files: Arc<Files>) -> Self {
        Self { connection, files: Some(files) }
    }

    fn check(&self) -> Result<(), String> {
        self.files.as_ref().map_or(Ok(()), |files| files.check())
    }
}

impl Session for SqliteSession {
    fn begin(&mut self, sql: &'static str) -> Result<(), String> {
        self.check()?;
        self.control(sql)
    }

    fn control(&mut self, sql: &'static str) -> Result<(), String> {
        self.connection.execute_batch(sql).map_err(|error| error.to_string())
    }

    fn commit(&mut self) -> Result<(), String> {
        self.control("COMMIT")?;
        self.check()
    }

    fn lost(&mut self) -> bool {
        self.connection.is_autocommit()
    }
}

impl Tx for SqliteSession {
    fn query(&mut self, sql: &'static str, parameters: &[SqlValue]) -> Stored<Vec<Row>> {
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        let columns = statement.column_count();
        let mut rows = statement.query(rusqlite::params_from_iter(parameters)).map_err(failed)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(failed)? {
            let values = (0..columns).map(|column| row.get_ref(column).map(value_of));
            found.push(Row(values.collect::<Result<_, _>>().map_err(failed)?));
        }
        Ok(found)
    }

    fn execute(&mut self, sql: &'static str, parameters: &[SqlValue]) -> Stored<u64> {
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        let touched = statement.execute(rusqlite::params_from_iter(parameters)).map_err(failed)?;
        Ok(u64::try_from(touched).unwrap_or(u64::MAX))
    }
}

fn value_of(value: ValueRef<'_>) -> SqlValue {
    match value {
        ValueRef::Null => SqlValue::Null,
        ValueRef::Integer(integer) => SqlValue::Int(integer),
        ValueRef::Real(real) => SqlValue::Real(real),
        ValueRef::Text(text) | ValueRef::Blob(text) => {
            // Whole texts are checked many bytes at a time; only a bad one is gone through piece by piece.
            SqlValue::Text(match std::str::from_utf8(text) {
                Ok(text) => text.to_owned(),
                Err(_) => String::from_utf8_lossy(text).into_owned(),
            })
        }
    }
}

impl ToSql for SqlValue {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Owned(Value::Null),
            Self::Int(integer) => ToSqlOutput::Owned(Value::Integer(*integer)),
            Self::Real(real) => ToSqlOutput::Owned(Value::Real(*real)),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
        })
    }
}
