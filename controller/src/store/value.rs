//! Values and rows of the narrow SQL surface.

use super::{StoreError, Stored};

/// A parameter or column. Booleans are integers 0 and 1.
#[derive(Clone, PartialEq)]
pub enum SqlValue {
    /// SQL null.
    Null,
    /// 64-bit integer.
    Int(i64),
    /// 64-bit float.
    Real(f64),
    /// Text.
    Text(String),
}

/// Texts by their length alone: the database client logs parameters, and some of them are secrets.
impl std::fmt::Debug for SqlValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Null => f.write_str("Null"),
            Self::Int(value) => write!(f, "Int({value})"),
            Self::Real(value) => write!(f, "Real({value})"),
            Self::Text(value) => write!(f, "Text({} bytes)", value.len()),
        }
    }
}

impl From<i64> for SqlValue {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<bool> for SqlValue {
    fn from(value: bool) -> Self {
        Self::Int(i64::from(value))
    }
}

impl From<&str> for SqlValue {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for SqlValue {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl<T: Into<SqlValue>> From<Option<T>> for SqlValue {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// One row of a result.
#[derive(Clone, Debug, PartialEq)]
pub struct Row(pub Vec<SqlValue>);

impl Row {
    /// An integer column.
    ///
    /// # Errors
    /// When the column holds something else.
    pub fn int(&self, column: usize) -> Stored<i64> {
        match self.0.get(column) {
            Some(SqlValue::Int(value)) => Ok(*value),
            _ => Err(StoreError::Column(column)),
        }
    }

    /// An integer column that may be null.
    ///
    /// # Errors
    /// When the column holds something else.
    pub fn int_or_null(&self, column: usize) -> Stored<Option<i64>> {
        match self.0.get(column) {
            Some(SqlValue::Null) => Ok(None),
            _ => self.int(column).map(Some),
        }
    }

    /// A boolean column.
    ///
    /// # Errors
    /// When the column holds something else.
    pub fn flag(&self, column: usize) -> Stored<bool> {
        Ok(self.int(column)? != 0)
    }

    /// A text column.
    ///
    /// # Errors
    /// When the column holds something else.
    pub fn text(&self, column: usize) -> Stored<String> {
        match self.0.get(column) {
            Some(SqlValue::Text(value)) => Ok(value.clone()),
            _ => Err(StoreError::Column(column)),
        }
    }

    /// A text column that may be null.
    ///
    /// # Errors
    /// When the column holds something else.
    pub fn text_or_null(&self, column: usize) -> Stored<Option<String>> {
        match self.0.get(column) {
            Some(SqlValue::Null) => Ok(None),
            _ => self.text(column).map(Some),
        }
    }

    /// A JSON document in a text column.
    ///
    /// # Errors
    /// When the column is no text or the document does not fit the type.
    pub fn document<T: serde::de::DeserializeOwned>(&self, column: usize) -> Stored<T> {
        match self.0.get(column) {
            Some(SqlValue::Text(value)) => Ok(serde_json::from_str(value)?),
            _ => Err(StoreError::Column(column)),
        }
    }
}
