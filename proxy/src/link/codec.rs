//! Envelope to AMQP message and back: the fields of proxy.md section 3.1 on the wire types.

use bytes::{Bytes, BytesMut};
use iofog_amqp::{Body, DecodeError, Map, Message, Properties, Symbol, Value};

use crate::domain::envelope::{CorrelationId, Envelope, Form, HeaderField, Streamed};

/// Message annotation for what [`Form`] tells.
const PART: Symbol = Symbol::from_static("x-opt-iofog-part");
/// Application property for what [`Streamed::ended`] tells; a boolean, unlike a header of that name.
const ENDED: &str = "ended";

/// The AMQP form of an envelope. The body is one binary value: the reference sends that, and cannot read
/// data sections, which others may send and [`decode`] takes.
pub(crate) fn encode(envelope: Envelope) -> Bytes {
    let Envelope {
        to,
        subject,
        reply_to,
        correlation_id,
        content_type,
        headers,
        body,
        raw,
        form,
        stream,
    } = envelope;
    let properties = Properties {
        to,
        subject,
        reply_to,
        correlation_id: correlation_id.map(correlation_value),
        content_type: content_type.as_deref().map(Symbol::from),
        ..Properties::default()
    };
    let form = form.to_text().map(|text| (Value::Symbol(PART), Value::String(text)));
    let mut application_properties: Map = headers.into_iter().map(header_entry).collect();
    let mut footer = Map::new();
    if let Some(Streamed { ended, trailers }) = stream {
        application_properties.push((Value::from(ENDED), Value::Bool(ended)));
        let entry = |(name, field)| (Value::Symbol(Symbol::from(name)), value_of(field));
        footer.extend(trailers.into_iter().map(entry));
    }
    let message = Message {
        message_annotations: form.into_iter().collect(),
        properties: Some(properties),
        application_properties,
        footer,
        body: Body::Value(if body.is_empty() && !raw { Value::Null } else { Value::Binary(body) }),
        ..Message::default()
    };
    message.encode()
}

/// The envelope in an AMQP message; parts that a proxy does not know are left out.
pub(crate) fn decode(encoded: &Bytes) -> Result<Envelope, DecodeError> {
    let message = Message::decode(encoded)?;
    let annotations = Value::Map(message.message_annotations);
    let form = annotations.get(PART.as_str()).and_then(Value::as_str).and_then(Form::from_text);
    let properties = message.properties.unwrap_or_default();
    let mut application_properties = message.application_properties;
    let mark = |(name, value): &(Value, Value)| {
        name.as_str() == Some(ENDED) && matches!(value, Value::Bool(_))
    };
    let stream = application_properties.iter().position(mark).map(|at| {
        let (_, ended) = application_properties.swap_remove(at);
        let trailers = message.footer.into_iter().filter_map(header).collect();
        Streamed { ended: ended == Value::Bool(true), trailers }
    });
    Ok(Envelope {
        to: properties.to,
        subject: properties.subject,
        reply_to: properties.reply_to,
        correlation_id: properties.correlation_id.and_then(correlation_id),
        content_type: properties.content_type.map(|symbol| symbol.as_str().to_owned()),
        headers: application_properties.into_iter().filter_map(header).collect(),
        raw: matches!(message.body, Body::Data(_) | Body::Value(Value::Binary(_))),
        body: body_bytes(message.body),
        form: form.unwrap_or_default(),
        stream,
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
    (Value::String(name), value_of(field))
}

fn value_of(field: HeaderField) -> Value {
    match field {
        HeaderField::One(text) => Value::String(text),
        HeaderField::Many(values) => Value::List(values.into_iter().map(Value::String).collect()),
    }
}

fn header((name, value): (Value, Value)) -> Option<(String, HeaderField)> {
    let name = match name {
        Value::String(name) => name,
        other => other.as_str()?.to_owned(),
    };
    let field = match value {
        Value::List(values) => HeaderField::Many(values.into_iter().filter_map(text).collect()),
        other => HeaderField::One(text(other)?),
    };
    Some((name, field))
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::envelope::{Part, Then};

    fn round(envelope: &Envelope) -> Envelope {
        decode(&encode(envelope.clone())).unwrap()
    }

    #[test]
    fn envelope_round_trip() {
        let cookies = HeaderField::Many(vec!["a=1".into(), "b=2".into()]);
        let full = Envelope {
            to: Some("h/p?x=1".into()),
            subject: Some("POST".into()),
            reply_to: Some("r".into()),
            correlation_id: Some(CorrelationId::Number(7)),
            content_type: Some("text/plain".into()),
            headers: vec![
                ("host".into(), HeaderField::One("h".into())),
                ("set-cookie".into(), cookies),
            ],
            body: Bytes::from_static(b"abc"),
            raw: true,
            form: Form::Part(Part { number: 3, then: Then::End }),
            stream: None,
        };
        assert_eq!(round(&full), full);
        let trailers = vec![("grpc-status".into(), HeaderField::One("0".into()))];
        let stream = Some(Streamed { ended: true, trailers });
        assert_eq!(round(&Envelope { stream, ..full.clone() }).stream.unwrap().trailers.len(), 1);
        // A header that happens to have the name of the mark is a header.
        let ended = ("ended".to_owned(), HeaderField::One("true".into()));
        let named = Envelope { headers: vec![ended], ..Envelope::default() };
        assert_eq!(round(&named), named);
        let empty = Envelope { form: Form::PartsWelcome, ..Envelope::default() };
        assert_eq!(round(&empty), empty);
        let raw = Envelope { raw: true, ..Envelope::default() };
        assert_eq!(round(&raw), raw);
    }

    #[test]
    fn correlation_ids_keep_their_type() {
        for id in [
            CorrelationId::Number(u64::MAX),
            CorrelationId::Text("x".into()),
            CorrelationId::Uuid([9; 16]),
            CorrelationId::Binary(Bytes::from_static(b"\0\xff")),
        ] {
            let message = Envelope { correlation_id: Some(id.clone()), ..Envelope::default() };
            assert_eq!(round(&message).correlation_id, Some(id));
        }
    }

    #[test]
    fn bodies_of_every_kind_are_read() {
        let data = |parts: &[&'static [u8]]| {
            Body::Data(parts.iter().map(|part| Bytes::from_static(part)).collect())
        };
        for (body, expected) in [
            (data(&[b"ab"]), "ab"),
            (data(&[b"ab", b"", b"c"]), "abc"),
            (Body::Value(Value::Binary(Bytes::from_static(b"ab"))), "ab"),
            (Body::Value(Value::String("ab".into())), "ab"),
            (Body::Value(Value::Null), ""),
            (Body::Sequence(vec![vec![Value::Uint(1)]]), ""),
        ] {
            let encoded = Message { body, ..Message::default() }.encode();
            assert_eq!(decode(&encoded).unwrap().body, expected);
        }
        assert!(decode(&Bytes::from_static(&[0, 0x53])).is_err());
    }

    #[test]
    fn headers_of_other_types_become_text() {
        let properties = vec![
            (Value::from("n"), Value::Int(-5)),
            (Value::from("b"), Value::Bool(true)),
            (Value::from("f"), Value::Double(1.5)),
            (Value::Uint(1), Value::from("x")),
        ];
        let message = Message { application_properties: properties, ..Message::default() };
        let envelope = decode(&message.encode()).unwrap();
        assert_eq!(envelope.headers.len(), 2);
        assert_eq!(envelope.header("n"), Some("-5"));
        assert_eq!(envelope.header("b"), Some("true"));
    }
}
