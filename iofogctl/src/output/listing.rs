//! A list of resources that can be shown as a table, a wide table, JSON or YAML.

use super::table::tabulate;
use crate::yaml::Value;

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Heading.
    pub heading: &'static str,
    /// Field name in JSON and YAML.
    pub field: &'static str,
    /// Shown in wide tables only.
    pub wide: bool,
}

/// Rows of one kind of resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// Field name of the list in JSON and YAML.
    pub field: &'static str,
    /// Columns.
    pub columns: &'static [Column],
    /// One cell per column.
    pub rows: Vec<Vec<String>>,
}

impl Listing {
    /// The table with its heading; wide columns on request.
    pub fn table(&self, wide: bool) -> String {
        let shown: Vec<usize> = self
            .columns
            .iter()
            .enumerate()
            .filter(|(_, column)| wide || !column.wide)
            .map(|(index, _)| index)
            .collect();
        let heading = shown.iter().map(|&index| self.columns[index].heading.to_owned()).collect();
        let rows = self
            .rows
            .iter()
            .map(|row| shown.iter().filter_map(|&index| row.get(index).cloned()).collect());
        tabulate(&std::iter::once(heading).chain(rows).collect::<Vec<_>>())
    }

    /// The list as objects, all columns.
    pub fn value(&self) -> Value {
        let object = |row: &Vec<String>| {
            let cells = self.columns.iter().zip(row);
            Value::Map(
                cells
                    .map(|(column, cell)| (Value::text(column.field), Value::text(cell.as_str())))
                    .collect(),
            )
        };
        Value::Seq(self.rows.iter().filter(|row| !row.is_empty()).map(object).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[
        Column { heading: "NAME", field: "name", wide: false },
        Column { heading: "UUID", field: "uuid", wide: true },
    ];

    #[test]
    fn listing_hides_wide_columns() {
        let listing = Listing {
            field: "things",
            columns: COLUMNS,
            rows: vec![vec!["a".into(), "u1".into()]],
        };
        assert_eq!(listing.table(false), "NAME\t\t\na\t\t\n\n");
        assert_eq!(listing.table(true), "NAME\t\tUUID\t\t\na\t\tu1\t\t\n\n");
        assert_eq!(listing.value().to_json(), serde_json::json!([{"name": "a", "uuid": "u1"}]));
    }
}
