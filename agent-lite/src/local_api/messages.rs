//! Messages over REST: send, take, query.

use bytes::Bytes;
use hyper::StatusCode;
use iofog_iomessage::IoMessage;
use serde_json::{Value, json};

use super::reply::{self, Answer, Refusal};
use super::server::{Peer, Shared};
use super::{identity, request};
use crate::bus::PublishError;
use crate::ids::MicroserviceUuid;

/// Publishers that one query may name.
const MAX_PUBLISHERS: usize = 256;

/// `POST /v2/messages/new`: answered once the message is consumed or safe.
pub(super) async fn new(shared: &Shared, peer: &Peer, body: &[u8]) -> Result<Answer, Refusal> {
    let message = IoMessage::from_posted_json(body)
        .map_err(|error| Refusal::bad_request(error.to_string()))?;
    let publisher = request::identifier(&message.publisher)?;
    identity::require(shared, peer.address, &publisher).await?;
    let receipt = shared.bus.publish(message).await.map_err(refuse)?;
    let body = json!({ "status": "okay", "timestamp": receipt.timestamp, "id": receipt.id });
    Ok(reply::plain(body.to_string()))
}

/// SDKs take 400 as the only refusal.
fn refuse(error: PublishError) -> Refusal {
    match error {
        PublishError::Encode(cause) => Refusal::bad_request(cause.to_string()),
        other => Refusal::bad_request(other.to_string()),
    }
}

/// `POST /v2/messages/next`: all that waits, oldest first.
pub(super) async fn next(shared: &Shared, peer: &Peer, body: &[u8]) -> Result<Answer, Refusal> {
    let id = request::id(&request::object(body)?)?;
    identity::require(shared, peer.address, &id).await?;
    let batch = shared.bus.take(&id);
    let messages = array(batch.messages());
    let count = batch.messages().len();
    peer.handed.replace(Some(batch));
    Ok(reply::plain(format!(r#"{{"status":"okay","count":{count},"messages":{messages}}}"#)))
}

/// `POST /v2/messages/query`: published messages of a time frame, for the consumer itself and for
/// holders of the Local API token.
pub(super) async fn query(
    shared: &Shared,
    peer: &Peer,
    trusted: bool,
    body: &[u8],
) -> Result<Answer, Refusal> {
    let object = request::object(body)?;
    let id = request::id(&object)?;
    let start = request::number(&object, "timeframestart")?;
    let end = request::number(&object, "timeframeend")?;
    let publishers = publishers(object.get("publishers"))?;
    if !trusted {
        identity::require(shared, peer.address, &id).await?;
    }
    let found = shared.bus.query(&id, &publishers, start, end);
    let last = found.last().and_then(|payload| IoMessage::decode(payload).ok());
    let end = last.map_or(end, |message| message.timestamp);
    let (count, messages) = (found.len(), array(&found));
    let frame = format!(r#""timeframestart":{start},"timeframeend":{end}"#);
    let body = format!(r#"{{"status":"okay","count":{count},{frame},"messages":{messages}}}"#);
    Ok(reply::plain(body))
}

pub(super) fn publishers(value: Option<&Value>) -> Result<Vec<MicroserviceUuid>, Refusal> {
    let list = value.and_then(Value::as_array);
    let list = list.ok_or_else(|| Refusal::bad_request("publishers must be an array"))?;
    if list.len() > MAX_PUBLISHERS {
        let text = format!("publishers has more than {MAX_PUBLISHERS} entries");
        return Err(Refusal::new(StatusCode::BAD_REQUEST, text));
    }
    let uuids = list.iter().map(|one| one.as_str().map(MicroserviceUuid::from));
    let uuids: Option<Vec<_>> = uuids.collect();
    uuids.ok_or_else(|| Refusal::bad_request("publishers must be strings"))
}

/// Binary messages as a JSON array.
fn array(messages: &[Bytes]) -> String {
    let mut text = String::from("[");
    for message in messages.iter().filter_map(|payload| IoMessage::decode(payload).ok()) {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(&message.to_json());
    }
    text.push(']');
    text
}
