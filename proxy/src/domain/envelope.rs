//! The AMQP message of proxy.md sections 3.1 to 3.3, reduced to the parts that a proxy reads and writes.

use bytes::Bytes;

/// One request, response or piece of a byte stream on its way through the router network.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Envelope {
    /// `properties.to`: `<host><path and query>` of a request, the reply address of a response.
    pub to: Option<String>,
    /// `properties.subject`: the method, or the status code as decimal text.
    pub subject: Option<String>,
    /// `properties.reply-to`.
    pub reply_to: Option<String>,
    /// `properties.correlation-id`, copied unchanged from request to response.
    pub correlation_id: Option<CorrelationId>,
    /// `properties.content-type`.
    pub content_type: Option<String>,
    /// Application properties: header name in lower case, and its value or values.
    pub headers: Vec<(String, HeaderField)>,
    /// The body's bytes; empty when the message has none.
    pub body: Bytes,
    /// Written as bytes even when empty, as readers of byte streams expect it.
    pub raw: bool,
    /// Whether this is all, or how it belongs to an answer in parts.
    pub form: Form,
    /// Place in one direction of an HTTP/2 stream; none in the other protocols.
    pub stream: Option<Streamed>,
}

/// What a message of an HTTP/2 stream says beside its bytes (proxy.md section 5).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Streamed {
    /// Nothing follows in this direction (application property `ended`).
    pub ended: bool,
    /// Trailers, with the last message only (footer section).
    pub trailers: Vec<(String, HeaderField)>,
}

/// The types that AMQP allows for a correlation id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CorrelationId {
    /// Any unsigned number.
    Number(u64),
    /// A string.
    Text(String),
    /// A UUID.
    Uuid([u8; 16]),
    /// Opaque bytes.
    Binary(Bytes),
}

/// One application property as a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderField {
    /// A header that occurs once.
    One(String),
    /// A repeated header; by the letter of AMQP not allowed there, but what the reference sends.
    Many(Vec<String>),
}

/// How a message relates to an answer in parts. Only proxies of ours read it: it travels as a message
/// annotation, which others ignore.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// A whole request or answer.
    #[default]
    Whole,
    /// A whole request whose answer may come in parts.
    PartsWelcome,
    /// One part of an answer; number 0 carries the head.
    Part(Part),
    /// No answer yet: asks whether someone still waits for it. Rejected when no one does.
    Pending,
}

/// Place of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Counts from 0 without gaps.
    pub number: u32,
    /// What follows.
    pub then: Then,
}

/// What follows a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// More parts.
    More,
    /// Nothing: the answer is complete.
    End,
    /// Nothing: the target failed before the end.
    Abort,
}

// === impl Form ===

impl Form {
    /// The annotation's value; none for a whole message.
    pub fn to_text(self) -> Option<String> {
        match self {
            Self::Whole => None,
            Self::PartsWelcome => Some("welcome".to_owned()),
            Self::Pending => Some("pending".to_owned()),
            Self::Part(Part { number, then }) => Some(match then {
                Then::More => number.to_string(),
                Then::End => format!("{number} end"),
                Then::Abort => format!("{number} abort"),
            }),
        }
    }

    /// Reads the annotation; none when it is not one of ours.
    pub fn from_text(text: &str) -> Option<Self> {
        match text {
            "welcome" => return Some(Self::PartsWelcome),
            "pending" => return Some(Self::Pending),
            _ => {}
        }
        let (number, then) = match text.split_once(' ') {
            None => (text, Then::More),
            Some((number, "end")) => (number, Then::End),
            Some((number, "abort")) => (number, Then::Abort),
            Some(_) => return None,
        };
        Some(Self::Part(Part { number: number.parse().ok()?, then }))
    }
}

// === impl CorrelationId ===

impl CorrelationId {
    /// The counter value of our own requests; a peer may give it back as text.
    pub fn number(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.parse().ok(),
            Self::Uuid(_) | Self::Binary(_) => None,
        }
    }
}

// === impl HeaderField ===

impl HeaderField {
    /// Every value of the header, in order.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values.as_slice(),
        }
        .iter()
        .map(String::as_str)
    }
}

// === impl Envelope ===

impl Envelope {
    /// Asks whether someone still waits for the answer to this request; none when the peer may be the
    /// reference, which would take the question for the answer.
    pub fn question(&self) -> Option<Self> {
        (self.form == Form::PartsWelcome).then(|| Self {
            to: self.reply_to.clone(),
            correlation_id: self.correlation_id.clone(),
            form: Form::Pending,
            ..Self::default()
        })
    }

    /// The first value of the header `name`, which is given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let field = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        field.and_then(|(_, field)| field.values().next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_round_trip() {
        let part = |number, then| Form::Part(Part { number, then });
        for form in [
            Form::PartsWelcome,
            Form::Pending,
            part(0, Then::More),
            part(7, Then::End),
            part(u32::MAX, Then::Abort),
        ] {
            assert_eq!(Form::from_text(&form.to_text().unwrap()), Some(form));
        }
        assert_eq!(Form::Whole.to_text(), None);
        for text in ["", "x", "-1", "1 more", "4294967296", "1 end end"] {
            assert_eq!(Form::from_text(text), None, "{text}");
        }
    }
}
