//! A loaded YAML document: nodes with their place in the file, scalars not yet interpreted.

use super::scalar::{self, Resolved};
use super::value::Value;

/// Place in a file, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

/// A node and where it starts.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Content.
    pub content: Content,
    /// First character.
    pub position: Position,
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Text; `plain` when unquoted, and then its type follows from its spelling.
    Scalar {
        /// Text after unescaping and folding.
        text: String,
        /// Written without quotes and not as a block.
        plain: bool,
    },
    /// List.
    Sequence(Vec<Node>),
    /// Mapping in file order; keys are unique.
    Mapping(Vec<(Node, Node)>),
}

impl Node {
    /// A node for an absent value.
    pub fn null(position: Position) -> Self {
        Self { content: Content::Scalar { text: String::new(), plain: true }, position }
    }

    /// Interpretation of a scalar; `None` for lists and mappings.
    pub fn resolve(&self) -> Option<Resolved<'_>> {
        match &self.content {
            Content::Scalar { text, plain: true } => Some(scalar::resolve(text)),
            Content::Scalar { text, plain: false } => Some(Resolved::Text(text)),
            Content::Sequence(_) | Content::Mapping(_) => None,
        }
    }

    /// Whether this is an explicit or implied null.
    pub fn is_null(&self) -> bool {
        matches!(self.resolve(), Some(Resolved::Null))
    }

    /// Text of a scalar, however it was written.
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar { text, .. } => Some(text),
            Content::Sequence(_) | Content::Mapping(_) => None,
        }
    }

    /// Value of a key of a mapping.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.content {
            Content::Mapping(entries) => {
                entries.iter().find(|(known, _)| known.text() == Some(key)).map(|(_, value)| value)
            }
            Content::Scalar { .. } | Content::Sequence(_) => None,
        }
    }

    /// What kind of thing this is, for messages.
    pub fn kind(&self) -> &'static str {
        match (&self.content, self.resolve()) {
            (Content::Sequence(_), _) => "a list",
            (Content::Mapping(_), _) => "a mapping",
            (_, Some(Resolved::Null)) => "nothing",
            (_, Some(Resolved::Bool(_))) => "a boolean",
            (_, Some(Resolved::Int(_) | Resolved::Float(_))) => "a number",
            _ => "text",
        }
    }

    /// The document as a value, scalars interpreted.
    pub fn to_value(&self) -> Value {
        match &self.content {
            Content::Sequence(items) => Value::Seq(items.iter().map(Self::to_value).collect()),
            Content::Mapping(entries) => Value::Map(
                entries.iter().map(|(key, value)| (key.to_value(), value.to_value())).collect(),
            ),
            Content::Scalar { .. } => match self.resolve() {
                None | Some(Resolved::Null) => Value::Null,
                Some(Resolved::Bool(flag)) => Value::Bool(flag),
                Some(Resolved::Int(number)) => Value::Int(number),
                Some(Resolved::Float(number)) => Value::Float(number),
                Some(Resolved::Timestamp(text) | Resolved::Text(text)) => {
                    Value::Str(text.to_owned())
                }
            },
        }
    }
}
