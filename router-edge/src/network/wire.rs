//! Control messages as AMQP messages: `opcode` property and a map body (router.md 5.3).

use iofog_amqp::{Body, Header, Map, Message, Properties, Value};
use iofog_sorted::SortedMap;
use thiserror::Error;

use super::message::{
    Advertisement, ControlMessage, Hello, LinkState, LinkStateUpdate, MobileChange, MobileUpdate,
    Request,
};
use crate::address::{AREA, Key};
use crate::config::RouterId;

/// A control message that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WireError {
    /// Not a control message at all.
    #[error("no opcode or no map body")]
    NotControl,
    /// An opcode of another protocol version.
    #[error("unknown opcode `{0}`")]
    Opcode(String),
    /// The sender speaks a newer version.
    #[error("protocol version {0} is above ours")]
    Version(i64),
    /// A field is missing or of another type.
    #[error("{opcode}: field `{field}` is missing or not of its type")]
    Field {
        /// The message's opcode.
        opcode: &'static str,
        /// The field.
        field: &'static str,
    },
}

/// Protocol version of MAU and of the metadata on the same connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// Plain key strings with a phase digit, treatments beside.
    One,
    /// Each address is a list.
    Two,
}

const INSTANCE: &str = "instance";
const LINK_STATE_SEQUENCE: &str = "ls_seq";
const MOBILE_SEQUENCE: &str = "mobile_seq";

/// The message with header, `to`, opcode and body; router metadata is added on sending.
#[must_use]
pub fn encode(message: &ControlMessage, to: String, version: Version) -> Message {
    let mut body = Fields(vec![
        ("id".into(), message.sender().as_str().into()),
        ("pv".into(), Value::Long(protocol_version(message, version))),
        ("area".into(), AREA.into()),
    ]);
    match message {
        ControlMessage::Hello(hello) => {
            body.number(INSTANCE, hello.instance);
            body.put("seen", list(hello.seen.iter().map(RouterId::as_str)));
        }
        ControlMessage::Advertisement(message) => {
            body.number(INSTANCE, message.instance);
            body.number(LINK_STATE_SEQUENCE, message.link_state_sequence);
            body.number(MOBILE_SEQUENCE, message.mobile_sequence);
        }
        ControlMessage::LinkStateRequest(_) => {}
        ControlMessage::LinkStateUpdate(update) => {
            body.number(INSTANCE, update.instance);
            body.number(LINK_STATE_SEQUENCE, update.state.sequence);
            body.put("ls", link_state(update));
        }
        ControlMessage::MobileRequest(request) => body.number("have_seq", request.have),
        ControlMessage::MobileUpdate(update) => mobile(&mut body, update, version),
    }
    Message {
        header: Some(Header::default()),
        properties: Some(Properties { to: Some(to), ..Properties::default() }),
        application_properties: vec![("opcode".into(), message.opcode().into())],
        body: Body::Value(Value::Map(body.0)),
        ..Message::default()
    }
}

/// Reads a control message; router metadata has been taken off already.
///
/// # Errors
/// [`WireError`]; the message is then to be ignored.
pub fn decode(message: &Message) -> Result<ControlMessage, WireError> {
    let opcode = message
        .application_properties
        .iter()
        .find(|(key, _)| key.as_str() == Some("opcode"))
        .and_then(|(_, value)| value.as_str())
        .ok_or(WireError::NotControl)?;
    let Body::Value(body) = &message.body else {
        return Err(WireError::NotControl);
    };
    let highest = if opcode == "MAU" { 2 } else { 1 };
    let version = body.get("pv").and_then(Value::as_i64).unwrap_or(1);
    if version > highest {
        return Err(WireError::Version(version));
    }
    let read = |opcode| Reader { opcode, body };
    Ok(match opcode {
        "HELLO" => {
            let from = read("HELLO");
            ControlMessage::Hello(Hello {
                id: from.id()?,
                instance: from.number_or_zero(INSTANCE),
                seen: from.strings("seen")?.into_iter().map(RouterId::new).collect(),
            })
        }
        "RA" => {
            let from = read("RA");
            ControlMessage::Advertisement(Advertisement {
                id: from.id()?,
                instance: from.number_or_zero(INSTANCE),
                link_state_sequence: from.number(LINK_STATE_SEQUENCE)?,
                mobile_sequence: from.number(MOBILE_SEQUENCE)?,
            })
        }
        "LSR" => ControlMessage::LinkStateRequest(Request { id: read("LSR").id()?, have: 0 }),
        "LSU" => ControlMessage::LinkStateUpdate(read("LSU").link_state()?),
        "MAR" => {
            let from = read("MAR");
            ControlMessage::MobileRequest(Request {
                id: from.id()?,
                have: from.number("have_seq")?,
            })
        }
        "MAU" => ControlMessage::MobileUpdate(read("MAU").mobile(version)?),
        other => return Err(WireError::Opcode(other.to_owned())),
    })
}

fn protocol_version(message: &ControlMessage, version: Version) -> i64 {
    match (message, version) {
        (ControlMessage::MobileUpdate(_), Version::Two) => 2,
        _ => 1,
    }
}

/// A map body under construction.
struct Fields(Map);

impl Fields {
    fn put(&mut self, key: &str, value: Value) {
        self.0.push((key.into(), value));
    }

    fn number(&mut self, key: &str, value: u64) {
        self.put(key, Value::Long(i64::try_from(value).unwrap_or(i64::MAX)));
    }
}

fn list<'a>(items: impl Iterator<Item = &'a str>) -> Value {
    Value::List(items.map(Value::from).collect())
}

fn link_state(update: &LinkStateUpdate) -> Value {
    let peers = update
        .state
        .peers
        .iter()
        .map(|(id, cost)| (id.as_str().into(), Value::Long(i64::from(*cost))))
        .collect();
    let mut state =
        Fields(vec![("id".into(), update.id.as_str().into()), ("area".into(), AREA.into())]);
    state.number(LINK_STATE_SEQUENCE, update.state.sequence);
    state.put("peers", Value::Map(peers));
    Value::Map(state.0)
}

fn mobile(body: &mut Fields, update: &MobileUpdate, version: Version) {
    body.number(MOBILE_SEQUENCE, update.sequence);
    match &update.change {
        MobileChange::Absolute(exist) => addresses(body, "exist", exist, version),
        MobileChange::Differential { add, del } => {
            addresses(body, "add", add, version);
            let del = del.iter().map(|key| match version {
                Version::One => Value::from(phased(key)),
                Version::Two => Value::List(vec![key.as_str().into()]),
            });
            body.put("del", Value::List(del.collect()));
        }
    }
}

fn addresses(body: &mut Fields, name: &str, list: &[(String, u8)], version: Version) {
    match version {
        Version::One => {
            let keys = list.iter().map(|(key, _)| Value::from(phased(key)));
            body.put(name, Value::List(keys.collect()));
            let hints = list.iter().map(|(_, hint)| Value::Int(i32::from(*hint)));
            body.put("hints", Value::List(hints.collect()));
        }
        Version::Two => {
            let items = list.iter().map(|(key, hint)| {
                Value::List(vec![
                    key.as_str().into(),
                    Value::Int(i32::from(*hint)),
                    Value::Int(0),
                    Value::Null,
                ])
            });
            body.put(name, Value::List(items.collect()));
        }
    }
}

/// Our keys carry no phase digit; version 1 wants one.
fn phased(key: &str) -> String {
    Key::from_wire(key, false).map_or_else(|| key.to_owned(), |key| key.to_wire(true))
}

/// Reads fields of one body; names the field in every error.
struct Reader<'a> {
    opcode: &'static str,
    body: &'a Value,
}

impl<'a> Reader<'a> {
    fn field<T>(
        &self,
        field: &'static str,
        read: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<T, WireError> {
        self.body.get(field).and_then(read).ok_or(WireError::Field { opcode: self.opcode, field })
    }

    fn id(&self) -> Result<RouterId, WireError> {
        self.field("id", Value::as_str).map(RouterId::new)
    }

    fn number(&self, field: &'static str) -> Result<u64, WireError> {
        self.field(field, Value::as_u64)
    }

    fn number_or_zero(&self, field: &'static str) -> u64 {
        self.number(field).unwrap_or(0)
    }

    fn strings(&self, field: &'static str) -> Result<Vec<&'a str>, WireError> {
        self.field(field, |value| value.as_list()?.iter().map(Value::as_str).collect())
    }

    fn link_state(&self) -> Result<LinkStateUpdate, WireError> {
        let peers = self.field("ls", |state| {
            let peers = state.get("peers")?.as_map()?.iter();
            peers
                .map(|(id, cost)| {
                    let cost = u32::try_from(cost.as_u64()?).ok()?;
                    Some((RouterId::new(id.as_str()?), cost))
                })
                .collect::<Option<SortedMap<_, _>>>()
        })?;
        Ok(LinkStateUpdate {
            id: self.id()?,
            instance: self.number_or_zero(INSTANCE),
            state: LinkState { sequence: self.number(LINK_STATE_SEQUENCE)?, peers },
        })
    }

    fn mobile(&self, version: i64) -> Result<MobileUpdate, WireError> {
        let change = if self.body.get("exist").is_some() {
            MobileChange::Absolute(self.addresses("exist", version)?)
        } else {
            let del = self.field("del", |list| {
                list.as_list()?.iter().map(|item| key_of(item, version)).collect()
            })?;
            MobileChange::Differential { add: self.addresses("add", version)?, del }
        };
        Ok(MobileUpdate { id: self.id()?, sequence: self.number(MOBILE_SEQUENCE)?, change })
    }

    fn addresses(&self, field: &'static str, version: i64) -> Result<Vec<(String, u8)>, WireError> {
        let hints = self.body.get("hints").and_then(Value::as_list).unwrap_or_default();
        self.field(field, |list| {
            list.as_list()?
                .iter()
                .enumerate()
                .map(|(index, item)| {
                    let hint = if version == 2 { item.as_list()?.get(1) } else { hints.get(index) };
                    let hint = hint.and_then(Value::as_u64).and_then(|n| u8::try_from(n).ok());
                    Some((key_of(item, version)?, hint.unwrap_or(DEFAULT_HINT)))
                })
                .collect()
        })
    }
}

/// Balanced.
const DEFAULT_HINT: u8 = 3;

/// A key without phase digit. Classes that we do not route by (link routes) stay as they are; mobile keys of
/// phases above 0 lead to way-points, which are none of ours: their letter is taken from them.
fn key_of(item: &Value, version: i64) -> Option<String> {
    let text = if version == 2 { item.as_list()?.first()?.as_str()? } else { item.as_str()? };
    if version == 1
        && let Some(phased) = text.strip_prefix('M')
        && !phased.starts_with('0')
    {
        return Some(format!("?{phased}"));
    }
    let key = Key::from_wire(text, version == 1);
    Some(key.map_or_else(|| text.to_owned(), |key| key.to_wire(false)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples() -> Vec<ControlMessage> {
        let id = RouterId::new("A");
        let request = Request { id: id.clone(), have: 0 };
        let update = |change| {
            ControlMessage::MobileUpdate(MobileUpdate {
                id: RouterId::new("A"),
                sequence: 4,
                change,
            })
        };
        vec![
            ControlMessage::Hello(Hello {
                id: id.clone(),
                instance: 7,
                seen: vec!["B".into(), "C".into()],
            }),
            ControlMessage::Advertisement(Advertisement {
                id: id.clone(),
                instance: 7,
                link_state_sequence: 2,
                mobile_sequence: 3,
            }),
            ControlMessage::LinkStateRequest(request.clone()),
            ControlMessage::LinkStateUpdate(LinkStateUpdate {
                id,
                instance: 7,
                state: LinkState { sequence: 9, peers: SortedMap::from([("B".into(), 2)]) },
            }),
            ControlMessage::MobileRequest(Request { have: 5, ..request }),
            update(MobileChange::Absolute(vec![("Mq/x".into(), 2), ("He1".into(), 3)])),
            update(MobileChange::Differential {
                add: vec![("Ma".into(), 1)],
                del: vec!["Mb".into()],
            }),
        ]
    }

    #[test]
    fn both_versions_read_what_they_write() {
        for version in [Version::One, Version::Two] {
            for message in samples() {
                let encoded = encode(&message, "amqp:/_local/x".to_owned(), version);
                assert_eq!(decode(&encoded), Ok(message), "{version:?}");
            }
        }
    }

    #[test]
    fn version_one_keys_carry_the_phase() {
        let message = encode(&samples()[6], String::new(), Version::One);
        let Body::Value(body) = message.body else { unreachable!() };
        assert_eq!(body.get("add"), Some(&Value::List(vec!["M0a".into()])));
        assert_eq!(body.get("hints"), Some(&Value::List(vec![Value::Int(1)])));
    }

    #[test]
    fn nonsense_is_named() {
        let mut message = encode(&samples()[1], String::new(), Version::Two);
        message.body = Body::Value(Value::Map(vec![("id".into(), "A".into())]));
        assert_eq!(
            decode(&message).unwrap_err().to_string(),
            "RA: field `ls_seq` is missing or not of its type"
        );
        message.body = Body::Value(Value::Map(vec![("pv".into(), Value::Int(3))]));
        assert_eq!(decode(&message), Err(WireError::Version(3)));
        message.body = Body::Empty;
        assert_eq!(decode(&message), Err(WireError::NotControl));
        message.body = Body::Value(Value::Map(Map::new()));
        message.application_properties = vec![("opcode".into(), "X".into())];
        assert_eq!(decode(&message), Err(WireError::Opcode("X".to_owned())));
    }
}
