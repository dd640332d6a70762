//! ioMessages as AMQP messages, as every Agent writes and reads them (agent contract, 10.2 and 10.3).

use bytes::Bytes;
use iofog_amqp::{Body, Message, Properties, Value};
use iofog_amqp_client::{ReceiverOptions, SenderOptions};
use iofog_iomessage::IoMessage;

use super::outbox::Lane;
use crate::ids::MicroserviceUuid;

/// Marks of a text message to a queue, which Java receivers look for.
const JMS_DESTINATION: &str = "x-opt-jms-dest";
const JMS_TYPE: &str = "x-opt-jms-msg-type";
const JMS_QUEUE: i8 = 0;
const JMS_TEXT: i8 = 5;

/// The AMQP message for one destination.
pub(super) fn encode(message: &IoMessage, lane: &Lane) -> Bytes {
    let annotations = vec![
        (Value::Symbol(JMS_DESTINATION.into()), Value::Byte(JMS_QUEUE)),
        (Value::Symbol(JMS_TYPE.into()), Value::Byte(JMS_TEXT)),
    ];
    let properties = Properties {
        message_id: Some(Value::from(format!("ID:{}", message.id))),
        to: Some(lane.destination.as_str().to_owned()),
        creation_time: i64::try_from(message.timestamp).ok(),
        ..Properties::default()
    };
    let encoded = Message {
        message_annotations: annotations,
        properties: Some(properties),
        body: Body::Value(Value::from(message.to_json())),
        ..Message::default()
    };
    encoded.encode()
}

/// The ioMessage in an AMQP message; the error names what is wrong.
pub(super) fn decode(encoded: &Bytes) -> Result<IoMessage, String> {
    let message = Message::decode(encoded).map_err(|error| error.to_string())?;
    let json = match &message.body {
        Body::Value(value) => value.as_str().map(str::as_bytes),
        Body::Data(sections) if sections.len() == 1 => sections.first().map(|data| &data[..]),
        _ => None,
    };
    let json = json.ok_or_else(|| "body is not text".to_owned())?;
    IoMessage::from_json(json).map_err(|error| error.to_string())
}

/// The link of a lane.
pub(super) fn sender_options(lane: &Lane, connection: &str) -> SenderOptions {
    SenderOptions {
        name: format!("iofog:sender:{connection}:{}:{}", lane.publisher, lane.destination),
        target: Some(lane.destination.as_str().to_owned()),
        source: Some(lane.publisher.as_str().to_owned()),
        target_capabilities: vec!["queue".into()],
        ..SenderOptions::default()
    }
}

/// The link of a consumer.
pub(super) fn receiver_options(
    consumer: &MicroserviceUuid,
    connection: &str,
    credit: u32,
    max_message_bytes: usize,
) -> ReceiverOptions {
    ReceiverOptions {
        name: format!("iofog:receiver:{connection}:{consumer}"),
        source: consumer.as_str().into(),
        source_capabilities: vec!["queue".into()],
        initial_credit: credit,
        auto_credit: true,
        max_message_size: max_message_bytes,
        ..ReceiverOptions::default()
    }
}
