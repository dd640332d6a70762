//! Shapes of request bodies and queries as data, in the words of the checks that read them; documents and fuzzers read these.

use serde_json::{Map, Value, json};

/// What a value may be.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A text of at least so many characters.
    Text(usize),
    /// A name by the contract's rule (0.2).
    Name,
    /// An e-mail address.
    Email,
    /// A semantic version.
    Version,
    /// An integer between bounds; a float without a fraction is one.
    Integer(i64, i64),
    /// A number between bounds.
    Number(f64, f64),
    /// True or false.
    Boolean,
    /// A word out of a list.
    OneOf(&'static [&'static str]),
    /// A list.
    List(&'static Kind),
    /// An object; fields it does not name are accepted and ignored.
    Object(&'static [Field]),
    /// A name, or the number of a row.
    Reference,
    /// Anything.
    Any,
}

/// A field of an object.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it may be; null counts as absent.
    pub kind: Kind,
    /// It must be there.
    pub required: bool,
}

/// A field that must be there.
#[must_use]
pub const fn must(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, required: true }
}

/// A field that may be there.
#[must_use]
pub const fn may(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, required: false }
}

/// The pattern of [`Kind::Name`].
const NAME: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
/// The pattern of [`Kind::Version`].
const VERSION: &str = r"^v?[0-9]+\.[0-9]+\.[0-9]+(-[-.0-9A-Za-z]+)?(\+[-.0-9A-Za-z]+)?$";

impl Kind {
    /// As a schema of OpenAPI 3.0.
    #[must_use]
    pub fn json(self) -> Value {
        match self {
            Self::Text(0) => json!({ "type": "string" }),
            Self::Text(shortest) => json!({ "type": "string", "minLength": shortest }),
            Self::Name => json!({ "type": "string", "pattern": NAME }),
            Self::Email => json!({ "type": "string", "format": "email" }),
            Self::Version => json!({ "type": "string", "pattern": VERSION }),
            Self::Integer(lowest, highest) => {
                let mut schema = json!({ "type": "integer", "format": "int64" });
                if lowest != i64::MIN {
                    schema["minimum"] = lowest.into();
                }
                if highest != i64::MAX {
                    schema["maximum"] = highest.into();
                }
                schema
            }
            Self::Number(lowest, highest) => {
                let mut schema = json!({ "type": "number" });
                if lowest != f64::MIN {
                    schema["minimum"] = iofog_api::number::json(lowest);
                }
                if highest != f64::MAX {
                    schema["maximum"] = iofog_api::number::json(highest);
                }
                schema
            }
            Self::Boolean => json!({ "type": "boolean" }),
            Self::OneOf(words) => json!({ "type": "string", "enum": words }),
            Self::List(item) => json!({ "type": "array", "items": item.json() }),
            Self::Object(fields) => object(fields),
            Self::Reference => json!({ "oneOf": [{ "type": "string" }, { "type": "integer" }] }),
            Self::Any => json!({}),
        }
    }
}

/// An object's schema.
#[must_use]
pub fn object(fields: &[Field]) -> Value {
    let mut properties = Map::new();
    for field in fields {
        let mut schema = field.kind.json();
        if !field.required && !matches!(field.kind, Kind::Any) {
            schema["nullable"] = true.into();
        }
        properties.insert(field.name.to_owned(), schema);
    }
    let required: Vec<_> = fields.iter().filter(|field| field.required).map(|f| f.name).collect();
    let mut schema = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}
