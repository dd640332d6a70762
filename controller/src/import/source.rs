//! Reading a database of Controller 3.0.4: rows by column name, with the types its driver leaves in columns.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags};

/// The last change of the schema that 3.0.4 makes. Earlier ones lack columns, later ones have a meaning unknown here.
const SCHEMA: &str = "20221110151246-";

/// An open database, only read. Everything read from it is of one moment.
pub(super) struct Source(Connection);

/// A row.
pub(super) struct Record {
    table: &'static str,
    values: HashMap<String, Value>,
}

impl Source {
    /// Opens the file.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.execute_batch("PRAGMA busy_timeout = 10000; BEGIN")?;
        let source = Self(connection);
        source.check_schema()?;
        Ok(source)
    }

    fn check_schema(&self) -> Result<()> {
        let newest: Option<String> = self
            .0
            .query_row("SELECT max(name) FROM SequelizeMeta", [], |row| row.get(0))
            .context("this is no database of a Controller")?;
        let newest = newest.unwrap_or_default();
        if !newest.starts_with(SCHEMA) {
            bail!(
                "the schema is that of migration '{newest}', not of Controller 3.0.4 ({SCHEMA}...): \
                 start it once with Controller 3.0.4"
            );
        }
        Ok(())
    }

    /// All rows of a table, in the order of `order`.
    pub(super) fn rows(&self, table: &'static str, order: &str) -> Result<Vec<Record>> {
        let sql = format!("SELECT * FROM \"{table}\" ORDER BY {order}");
        let read = || -> rusqlite::Result<Vec<Record>> {
            let mut statement = self.0.prepare(&sql)?;
            let names: Vec<String> =
                statement.column_names().iter().map(|name| (*name).to_owned()).collect();
            let mut rows = statement.query([])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let values = names.iter().enumerate().map(|(index, name)| {
                    row.get::<_, Value>(index).map(|value| (name.clone(), value))
                });
                found.push(Record { table, values: values.collect::<Result<_, _>>()? });
            }
            Ok(found)
        };
        read().with_context(|| format!("table {table}"))
    }

    /// All rows of a table by what they belong to: the text in `owner`. Rows that belong to nothing are left out.
    pub(super) fn rows_by(
        &self,
        table: &'static str,
        owner: &str,
        order: &str,
    ) -> Result<HashMap<String, Vec<Record>>> {
        let mut found: HashMap<String, Vec<Record>> = HashMap::new();
        for row in self.rows(table, order)? {
            if let Some(owner) = row.text(owner)? {
                found.entry(owner).or_default().push(row);
            }
        }
        Ok(found)
    }
}

impl Record {
    fn value(&self, column: &str) -> Result<&Value> {
        self.values.get(column).with_context(|| format!("{}: no column {column}", self.table))
    }

    fn wrong(&self, column: &str, what: &str) -> anyhow::Error {
        anyhow!("{}.{column}: {what}", self.table)
    }

    /// A text; numbers are written out.
    pub(super) fn text(&self, column: &str) -> Result<Option<String>> {
        Ok(match self.value(column)? {
            Value::Null => None,
            Value::Integer(number) => Some(number.to_string()),
            Value::Real(number) => Some(number.to_string()),
            Value::Text(text) => Some(text.clone()),
            Value::Blob(_) => return Err(self.wrong(column, "holds bytes, not a text")),
        })
    }

    /// A text, empty when absent.
    pub(super) fn text_or_empty(&self, column: &str) -> Result<String> {
        Ok(self.text(column)?.unwrap_or_default())
    }

    /// A text that must be there.
    pub(super) fn needed_text(&self, column: &str) -> Result<String> {
        self.text(column)?.ok_or_else(|| self.wrong(column, "is null"))
    }

    /// A whole number; the empty text counts as absent.
    pub(super) fn int(&self, column: &str) -> Result<Option<i64>> {
        Ok(match self.value(column)? {
            Value::Null => None,
            Value::Integer(number) => Some(*number),
            #[allow(clippy::cast_possible_truncation, reason = "saturates, as wanted")]
            Value::Real(number) => Some(*number as i64),
            Value::Text(text) if text.trim().is_empty() => None,
            Value::Text(text) => {
                let number = text.trim().parse();
                Some(number.map_err(|_| self.wrong(column, &format!("'{text}' is no number")))?)
            }
            Value::Blob(_) => return Err(self.wrong(column, "holds bytes, not a number")),
        })
    }

    /// A whole number that must be there.
    pub(super) fn needed_int(&self, column: &str) -> Result<i64> {
        self.int(column)?.ok_or_else(|| self.wrong(column, "is null"))
    }

    /// A number; the empty text counts as absent.
    pub(super) fn real(&self, column: &str) -> Result<Option<f64>> {
        Ok(match self.value(column)? {
            Value::Real(number) => Some(*number),
            Value::Text(text) if !text.trim().is_empty() => {
                let number = text.trim().parse();
                Some(number.map_err(|_| self.wrong(column, &format!("'{text}' is no number")))?)
            }
            #[allow(clippy::cast_precision_loss, reason = "amounts and limits, far below 2^53")]
            _ => self.int(column)?.map(|number| number as f64),
        })
    }

    /// A boolean; absent means no.
    pub(super) fn flag(&self, column: &str) -> Result<bool> {
        match self.value(column)? {
            Value::Text(text) if text == "true" => Ok(true),
            Value::Text(text) if text == "false" => Ok(false),
            _ => Ok(self.int(column)?.unwrap_or(0) != 0),
        }
    }

    /// A time written as `2026-11-28 10:36:19.786 +00:00`, as epoch ms; 0 when absent.
    pub(super) fn time(&self, column: &str) -> Result<i64> {
        let Some(text) = self.text(column)? else { return Ok(0) };
        parse_time(&text).ok_or_else(|| self.wrong(column, &format!("'{text}' is no time")))
    }
}

/// Epoch ms of a time in UTC: date, a blank or `T`, time of day, whatever follows.
fn parse_time(text: &str) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let millis = if text.as_bytes().get(19) == Some(&b'.') { number(20..23)? } else { 0 };
    // Days of the proleptic Gregorian calendar, counted in years that begin in March.
    let shifted = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = shifted * 365 + shifted.div_euclid(4) - shifted.div_euclid(100)
        + shifted.div_euclid(400)
        + of_year
        - 719_468;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_the_driver() {
        for (text, ms) in [
            ("1970-01-01 00:00:00.000 +00:00", 0),
            ("2000-02-29 00:00:00.000 +00:00", 951_782_400_000),
            ("2026-11-23T10:36:19.786Z", 1_795_430_179_786),
            ("2026-11-23 10:36:19", 1_795_430_179_000),
        ] {
            assert_eq!(parse_time(text), Some(ms), "{text}");
        }
        assert_eq!(parse_time("yesterday"), None);
    }
}
