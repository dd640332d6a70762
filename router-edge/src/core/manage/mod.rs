//! The management agent (router.md section 9): requests in, replies out. What needs sockets is
//! handed to the runtime as a [`Command`] and answered when that has done it.

mod entity;
mod link;
mod node;
mod operate;
mod policy;
mod process;
mod reply;
mod schema;
mod views;

use std::collections::VecDeque;

use bytes::Bytes;
use iofog_amqp::{Message, Value};
use log::debug;

use super::Core;
use super::slab::ConnId;
use crate::config::{ConnectorConfig, ListenerConfig, SslProfile};
use entity::{Family, Kind};

/// Entities that the runtime owns and management shows.
#[derive(Debug, Clone, Default)]
pub struct Entities {
    /// Open listeners.
    pub listeners: Vec<ListenerConfig>,
    /// Kept connectors, with the last failure of each.
    pub connectors: Vec<(ConnectorConfig, String)>,
    /// TLS profiles.
    pub ssl_profiles: Vec<SslProfile>,
    /// The level of the process's log may be set.
    pub owns_log: bool,
    /// Tells of the machine.
    pub machine: Machine,
    commands: VecDeque<Command>,
}

/// What only the system knows, asked when it is shown. The core itself knows of no system: nothing is shown then.
#[derive(Debug, Clone, Copy)]
pub struct Machine {
    /// The machine's name.
    pub host_name: fn() -> String,
    /// Memory of the process, bytes, by its line in the system's account; none where that does not tell.
    pub memory: fn(&str) -> Option<u64>,
}

/// Something that only the runtime can do.
#[derive(Debug, Clone)]
pub struct Command {
    /// What to do.
    pub action: CommandAction,
    ticket: Ticket,
}

/// Changes of entities that have sockets.
#[derive(Debug, Clone)]
pub enum CommandAction {
    /// Open a listener.
    CreateListener(ListenerConfig),
    /// Start a connector.
    CreateConnector(ConnectorConfig),
    /// Close the listener of this name.
    DeleteListener(String),
    /// Stop the connector of this name.
    DeleteConnector(String),
}

/// Where the answer to a request goes.
#[derive(Debug, Clone)]
pub(super) struct Ticket {
    reply_to: Option<String>,
    correlation: Option<Value>,
    family: Family,
    /// Attributes to answer with when a creation succeeds.
    created: Option<Vec<(&'static str, Value)>>,
}

/// A refusal: status code and text.
#[derive(Debug)]
pub(super) struct Refusal {
    code: i32,
    text: String,
}

/// One request, read.
struct Request {
    operation: String,
    kind: Option<Kind>,
    type_given: Option<String>,
    name: Option<String>,
    identity: Option<String>,
    offset: usize,
    count: usize,
    body: Vec<(Value, Value)>,
    ticket: Ticket,
}

impl Default for Machine {
    fn default() -> Self {
        Self { host_name: String::new, memory: |_| None }
    }
}

impl Core {
    /// Entities as the runtime has them.
    pub fn entities_mut(&mut self) -> &mut Entities {
        &mut self.entities
    }

    /// The next thing that only the runtime can do.
    pub fn take_command(&mut self) -> Option<Command> {
        self.entities.commands.pop_front()
    }

    /// Whether [`Core::take_command`] has something.
    #[must_use]
    pub fn has_commands(&self) -> bool {
        !self.entities.commands.is_empty()
    }

    /// The runtime did, or could not do, what a command asked.
    pub fn answer_command(&mut self, command: Command, result: Result<(), String>) {
        let ticket = command.ticket;
        match (result, &ticket.created) {
            (Err(text), _) => self.refuse_request(&ticket, &Refusal { code: 400, text }),
            (Ok(()), Some(attributes)) => {
                let body = reply::map(attributes, ticket.family);
                self.reply(&ticket, 201, "Created", body);
            }
            (Ok(()), None) => self.reply(&ticket, 204, "No Content", Value::Map(Vec::new())),
        }
        self.run();
    }

    /// A request arrived, whole, over the connection `from`.
    pub(super) fn on_management(&mut self, from: ConnId, payload: &Bytes) {
        let Ok(message) = Message::decode(payload) else {
            debug!("[C{}] management request is malformed", from.number());
            return;
        };
        let request = Request::read(message);
        let ticket = request.ticket.clone();
        match self.operate(from, request) {
            Ok(Some((code, text, body))) => self.reply(&ticket, code, text, body),
            // A command was queued; its end is the answer.
            Ok(None) => {}
            Err(refusal) => self.refuse_request(&ticket, &refusal),
        }
    }
}

impl Request {
    fn read(message: Message) -> Self {
        let about = message.application_properties;
        let type_given = text_of(&about, "type").filter(|given| given != "org.amqp.management");
        let type_given = text_of(&about, "entityType").or(type_given);
        let (kind, family) = match type_given.as_deref() {
            Some(given) => {
                let (short, family) = Family::strip(given);
                (Kind::parse(short), family)
            }
            None => (None, Family::default()),
        };
        let body = match message.body {
            iofog_amqp::Body::Value(Value::Map(map)) => map,
            _ => Vec::new(),
        };
        let properties = message.properties.unwrap_or_default();
        Self {
            // The tools send what was typed.
            operation: text_of(&about, "operation").unwrap_or_default().to_ascii_uppercase(),
            kind,
            type_given,
            name: text_of(&about, "name"),
            identity: text_of(&about, "identity"),
            offset: number_of(&about, "offset").unwrap_or(0),
            count: number_of(&about, "count").unwrap_or(usize::MAX),
            body,
            ticket: Ticket {
                reply_to: properties.reply_to,
                correlation: properties.correlation_id,
                family,
                created: None,
            },
        }
    }
}

fn property<'a>(map: &'a [(Value, Value)], name: &str) -> Option<&'a Value> {
    map.iter().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value)
}

fn text_of(map: &[(Value, Value)], name: &str) -> Option<String> {
    property(map, name)?.as_str().map(str::to_owned)
}

fn number_of(map: &[(Value, Value)], name: &str) -> Option<usize> {
    usize::try_from(property(map, name)?.as_u64()?).ok()
}
