//! Serde's view of a loaded node. Errors carry the line and the path of the field, and unknown
//! keys name the ones that exist.

use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, IntoDeserializer, Visitor};

use super::Unknown;
use super::node::{Content, Node, Position};
use super::scalar::Resolved;

/// Why a node does not fit a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError {
    /// Place in the file.
    pub position: Option<Position>,
    /// Field path from the decoded node, outermost first.
    pub path: Vec<String>,
    /// What is wrong.
    pub reason: String,
}

impl DecodeError {
    fn at(mut self, position: Position) -> Self {
        self.position.get_or_insert(position);
        self
    }

    fn within(mut self, part: impl Into<String>) -> Self {
        self.path.insert(0, part.into());
        self
    }

    /// The path in dotted form with list indexes, after a prefix: `spec.controllers[0].host`.
    pub fn field(&self, prefix: &str) -> String {
        let mut field = prefix.to_owned();
        for part in &self.path {
            if !part.starts_with('[') && !field.is_empty() {
                field.push('.');
            }
            field.push_str(part);
        }
        field
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(position) = self.position {
            write!(f, "line {}: ", position.line)?;
        }
        match self.field("") {
            field if field.is_empty() => write!(f, "{}", self.reason),
            field => write!(f, "field {field}: {}", self.reason),
        }
    }
}

impl std::error::Error for DecodeError {}

impl de::Error for DecodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { position: None, path: Vec::new(), reason: message.to_string() }
    }
}

/// A node being read into a type.
#[derive(Clone, Copy)]
pub struct NodeDeserializer<'de> {
    node: &'de Node,
    unknown: Unknown,
}

impl<'de> NodeDeserializer<'de> {
    /// Starts at a node.
    pub fn new(node: &'de Node, unknown: Unknown) -> Self {
        Self { node, unknown }
    }

    fn wrong(self, expected: &str) -> DecodeError {
        let shown = match self.node.text() {
            Some(text) if !text.is_empty() && text.len() <= 40 => format!(" `{text}`"),
            _ => String::new(),
        };
        DecodeError {
            position: Some(self.node.position),
            path: Vec::new(),
            reason: format!("expected {expected}, found {}{shown}", self.node.kind()),
        }
    }

    fn integer(self) -> Result<i128, DecodeError> {
        match self.node.resolve() {
            Some(Resolved::Int(number)) => Ok(number),
            // Whole numbers written with a point are integers too.
            Some(Resolved::Float(number)) if number.fract() == 0.0 && number.abs() < 9e15 => {
                format!("{number:.0}").parse().map_err(|_| self.wrong("a whole number"))
            }
            _ => Err(self.wrong("a whole number")),
        }
    }

    fn visit_sequence<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match &self.node.content {
            Content::Sequence(items) => {
                visitor.visit_seq(Items { items: items.iter(), index: 0, unknown: self.unknown })
            }
            _ if self.node.is_null() => {
                visitor.visit_seq(Items { items: [].iter(), index: 0, unknown: self.unknown })
            }
            _ => Err(self.wrong("a list")),
        }
    }

    fn visit_mapping<V: Visitor<'de>>(
        self,
        known: Option<&'static [&'static str]>,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let entries: &[(Node, Node)] = match &self.node.content {
            Content::Mapping(entries) => entries,
            _ if self.node.is_null() => &[],
            _ => return Err(self.wrong("a mapping")),
        };
        let known = if self.unknown == Unknown::Refuse { known } else { None };
        visitor
            .visit_map(Entries {
                entries: entries.iter(),
                value: None,
                known,
                unknown: self.unknown,
            })
            .map_err(|error| error.at(self.node.position))
    }
}

macro_rules! integers {
    ($($method:ident => $visit:ident: $kind:ty),*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
            let number = self.integer()?;
            visitor.$visit(<$kind>::try_from(number).map_err(|_| self.wrong("a whole number in range"))?)
        }
    )*};
}

impl<'de> de::Deserializer<'de> for NodeDeserializer<'de> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match (&self.node.content, self.node.resolve()) {
            (Content::Sequence(_), _) => self.visit_sequence(visitor),
            (Content::Mapping(_), _) => self.visit_mapping(None, visitor),
            (_, None | Some(Resolved::Null)) => visitor.visit_unit(),
            (_, Some(Resolved::Bool(flag))) => visitor.visit_bool(flag),
            (_, Some(Resolved::Int(number))) => {
                match (i64::try_from(number), u64::try_from(number)) {
                    (Ok(number), _) => visitor.visit_i64(number),
                    (_, Ok(number)) => visitor.visit_u64(number),
                    _ => Err(self.wrong("a number in range")),
                }
            }
            (_, Some(Resolved::Float(number))) => visitor.visit_f64(number),
            (_, Some(Resolved::Text(text) | Resolved::Timestamp(text))) => {
                visitor.visit_borrowed_str(text)
            }
        }
        .map_err(|error: DecodeError| error.at(self.node.position))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.node.resolve() {
            Some(Resolved::Bool(flag)) => visitor.visit_bool(flag),
            _ => Err(self.wrong("true or false")),
        }
    }

    integers!(
        deserialize_i8 => visit_i8: i8, deserialize_i16 => visit_i16: i16, deserialize_i32 => visit_i32: i32,
        deserialize_i64 => visit_i64: i64, deserialize_u8 => visit_u8: u8, deserialize_u16 => visit_u16: u16,
        deserialize_u32 => visit_u32: u32, deserialize_u64 => visit_u64: u64
    );

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.node.resolve() {
            Some(Resolved::Float(number)) => visitor.visit_f64(number),
            Some(Resolved::Int(_)) => {
                let digits = self.integer()?.to_string();
                visitor.visit_f64(digits.parse().map_err(|_| self.wrong("a number"))?)
            }
            _ => Err(self.wrong("a number")),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.node.text() {
            // Numbers and booleans are taken as written; an explicit null is empty text.
            Some(_) if self.node.is_null() => visitor.visit_borrowed_str(""),
            Some(text) => visitor.visit_borrowed_str(text),
            None => Err(self.wrong("text")),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        if self.node.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.visit_sequence(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.visit_mapping(None, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.visit_mapping(Some(fields), visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match self.node.text() {
            Some(text) => {
                let name: StrDeserializer<'_, DecodeError> = text.into_deserializer();
                visitor.visit_enum(name).map_err(|error| error.at(self.node.position))
            }
            None => Err(self.wrong("a word")),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! { bytes byte_buf unit_struct tuple tuple_struct identifier i128 u128 }
}

struct Items<'de> {
    items: std::slice::Iter<'de, Node>,
    index: usize,
    unknown: Unknown,
}

impl<'de> de::SeqAccess<'de> for Items<'de> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        let Some(node) = self.items.next() else { return Ok(None) };
        let index = self.index;
        self.index += 1;
        seed.deserialize(NodeDeserializer::new(node, self.unknown))
            .map(Some)
            .map_err(|error| error.at(node.position).within(format!("[{index}]")))
    }
}

struct Entries<'de> {
    entries: std::slice::Iter<'de, (Node, Node)>,
    value: Option<(&'de str, &'de Node)>,
    known: Option<&'static [&'static str]>,
    unknown: Unknown,
}

impl<'de> de::MapAccess<'de> for Entries<'de> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, DecodeError> {
        let Some((key, value)) = self.entries.next() else { return Ok(None) };
        let Some(name) = key.text() else {
            return Err(NodeDeserializer::new(key, self.unknown).wrong("a field name"));
        };
        if let Some(known) = self.known
            && !known.contains(&name)
        {
            return Err(unknown_field(key, name, known));
        }
        self.value = Some((name, value));
        let name: StrDeserializer<'_, DecodeError> = name.into_deserializer();
        seed.deserialize(name).map(Some).map_err(|error| error.at(key.position))
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<T::Value, DecodeError> {
        let Some((name, node)) = self.value.take() else {
            return Err(de::Error::custom("a value was asked for before its key"));
        };
        seed.deserialize(NodeDeserializer::new(node, self.unknown))
            .map_err(|error| error.at(node.position).within(name))
    }
}

fn unknown_field(key: &Node, name: &str, known: &[&str]) -> DecodeError {
    let hint = known.iter().find(|field| field.eq_ignore_ascii_case(name)).map_or_else(
        || format!("known fields are {}", known.join(", ")),
        |field| format!("did you mean `{field}`?"),
    );
    DecodeError {
        position: Some(key.position),
        path: vec![name.to_owned()],
        reason: format!("unknown field; {hint}"),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::super::{Unknown, decode, load};
    use super::DecodeError;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Thing {
        name: String,
        key_file: Option<String>,
        port: u16,
        on: bool,
        ratio: f64,
        inner: Vec<Inner>,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Inner {
        x: i64,
    }

    fn read(text: &str, unknown: Unknown) -> Result<Thing, DecodeError> {
        decode(&load::document(text).unwrap(), unknown)
    }

    #[test]
    fn decode_takes_yaml_spellings() {
        let thing = read(
            "name: 12\nkeyFile: ~\nport: 0x16\non: yes\nratio: 3\ninner: [{x: 5.0}]\n",
            Unknown::Refuse,
        )
        .unwrap();
        assert_eq!(
            thing,
            Thing {
                name: "12".into(),
                key_file: None,
                port: 22,
                on: true,
                ratio: 3.0,
                inner: vec![Inner { x: 5 }]
            }
        );
    }

    #[test]
    fn decode_names_line_and_field() {
        let error = read("name: a\ninner:\n- x: 1\n- x: many\n", Unknown::Refuse).unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 4: field inner[1].x: expected a whole number, found text `many`"
        );
        let error = read("name: a\nkeyfile: b\n", Unknown::Refuse).unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 2: field keyfile: unknown field; did you mean `keyFile`?"
        );
        let error = read("port: 70000\n", Unknown::Refuse).unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 1: field port: expected a whole number in range, found a number `70000`"
        );
    }

    #[test]
    fn decode_skips_unknown_in_config_files() {
        assert_eq!(read("name: a\nnewer: [1, {y: 2}]\n", Unknown::Skip).unwrap().name, "a");
    }
}
