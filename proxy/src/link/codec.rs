//! Envelope to AMQP message and back: the fields of proxy.md section 3.1 on the wire types.

use bytes::{Bytes, BytesMut};
use iofog_amqp::{Body, DecodeError, Message, Properties, Symbol, Value};

use crate::domain::envelope::{CorrelationId, Envelope, Form, HeaderField};

/// Message annotation for what [`Form`] tells.
const PART: Symbol = Symbol::from_static("x-opt-iofog-part");

/// The AMQP form of an envelope.
pub(super) fn encode(envelope: Envelope) -> Bytes {
    let Envelope { to, subject, reply_to, correlation_id, content_type, headers, body, raw, form } =
        envelope;
    let properties = Properties {
        to,
        subject,
        reply_to,
        correlation_id: correlation_id.map(correlation_value),
        content_type: content_type.as_deref().map(Symbol::from),
        ..Properties::default()
    };
    let form = form.to_text().map(|text| (Value::Symbol(PART), Value::String(text)));
    let message = Message {
        message_annotations: form.into_iter().collect(),
        properties: Some(properties),
        application_properties: headers.into_iter().map(header_entry).collect(),
        body: if body.is_empty() && !raw {
            Body::Value(Value::Null)
        } else {
            Body::Data(vec![body])
        },
        ..Message::default()
    };
    message.encode()
}

/// The envelope in an AMQP message; parts that a proxy does not know are left out.
pub(super) fn decode(encoded: &Bytes) -> Result<Envelope, DecodeError> {
    let message = Message::decode(encoded)?;
    let annotations = Value::Map(message.message_annotations);
    let form = annotations.get(PART.as_str()).and_then(Value::as_str).and_then(Form::from_text);
    let properties = message.properties.unwrap_or_default();
    Ok(Envelope {
        to: properties.to,
        subject: properties.subject,
        reply_to: properties.reply_to,
        correlation_id: properties.correlation_id.and_then(correlation_id),
        content_type: properties.content_type.map(|symbol| symbol.as_str().to_owned()),
        headers: message.application_properties.into_iter().filter_map(header).collect(),
        raw: matches!(message.body, Body::Data(_)),
        body: body_bytes(message.body),
        form: form.unwrap_or_default(),
    })
}

fn correlation_value(id: CorrelationId) -> Value {
    match id {
        CorrelationId::Number(number) => Value::Ulong(number),
        CorrelationId::Text(text) => Value::String(text),
        CorrelationId::Uuid(uuid) => Value::Uuid(uuid),
        CorrelationId::Binary(bytes) => Value::Binary(bytes),
    }
}

fn correlation_id(value: Value) -> Option<CorrelationId> {
    match value {
        Value::String(text) => Some(CorrelationId::Text(text)),
        Value::Uuid(uuid) => Some(CorrelationId::Uuid(uuid)),
        Value::Binary(bytes) => Some(CorrelationId::Binary(bytes)),
        other => other.as_u64().map(CorrelationId::Number),
    }
}

fn header_entry((name, field): (String, HeaderField)) -> (Value, Value) {
    let value = match field {
        HeaderField::One(text) => Value::String(text),
        HeaderField::Many(values) => Value::List(values.into_iter().map(Value::String).collect()),
    };
    (Value::String(name), value)
}

fn header((name, value): (Value, Value)) -> Option<(String, HeaderField)> {
    let name = text(&name)?;
    let field = match value {
        Value::List(values) => HeaderField::Many(values.iter().filter_map(text).collect()),
        other => HeaderField::One(text(&other)?),
    };
    Some((name, field))
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Symbol(symbol) => Some(symbol.as_str().to_owned()),
        Value::Bool(flag) => Some(flag.to_string()),
        other => other.as_i64().map(|number| number.to_string()),
    }
}

fn body_bytes(body: Body) -> Bytes {
    match body {
        Body::Data(mut sections) => match sections.len() {
            1 => sections.swap_remove(0),
            _ => sections.iter().fold(BytesMut::new(), append).freeze(),
        },
        Body::Value(Value::Binary(bytes)) => bytes,
        Body::Value(Value::String(text)) => Bytes::from(text),
        Body::Empty | Body::Sequence(_) | Body::Value(_) => Bytes::new(),
    }
}

fn append(mut all: BytesMut, section: &Bytes) -> BytesMut {
    all.extend_from_slice(section);
    all
}
