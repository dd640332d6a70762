//! The operations of the management agent.

use iofog_amqp::Value;
use serde_json::{Map as JsonMap, Value as Json};

use super::entity::{Family, Kind};
use super::views::{Record, connector_attributes, listener_attributes, optional};
use super::{Command, CommandAction, Refusal, Request, process, reply, schema};
use crate::config::{
    Attributes, ConfigError, address_rule, auto_link, check_auto_links, connector, link_route,
    listener, ssl_profile,
};
use crate::core::Core;
use crate::core::link_route::{Via, Way};
use crate::core::slab::ConnId;

/// Status, text, body; none when the answer comes later.
type Answer = Option<(i32, &'static str, Value)>;

impl Core {
    pub(super) fn operate(&mut self, from: ConnId, request: Request) -> Result<Answer, Refusal> {
        match request.operation.as_str() {
            "QUERY" => self.query(&request),
            "READ" => self.read(&request),
            "CREATE" if request.kind == Some(Kind::ConnectionLinkRoute) => {
                self.create_link_route(from, &request)
            }
            "CREATE" => self.create(request),
            "UPDATE" => self.update(&request),
            "DELETE" => self.delete(from, request),
            "GET-TYPES" => {
                let prefix = request.ticket.family.prefix();
                types(&request, |kind| {
                    words(schema::bases(kind).map(|base| [prefix, base].concat()))
                })
            }
            "GET-ANNOTATIONS" => types(&request, |_| Value::List(Vec::new())),
            "GET-OPERATIONS" => types(&request, |kind| words(kind.operations().iter().copied())),
            "GET-ATTRIBUTES" => types(&request, |kind| words(schema::names(kind))),
            "GET-SCHEMA" => Ok(ok(from_json(&schema::document(request.ticket.family)))),
            "GET-JSON-SCHEMA" => Ok(ok(schema::document(request.ticket.family).to_string().into())),
            "GET-MGMT-NODES" => Ok(ok(self.management_nodes())),
            "GET-LOG" => Ok(ok(Value::List(Vec::new()))),
            "" => Err(refuse(400, "no operation")),
            other => Err(refuse(501, format!("operation {other} is not implemented"))),
        }
    }

    fn query(&self, request: &Request) -> Result<Answer, Refusal> {
        let kinds = kinds(request)?;
        let records: Vec<Record> = kinds.iter().flat_map(|kind| self.records(*kind)).collect();
        let asked = super::property(&request.body, "attributeNames").and_then(Value::as_list);
        let mut names: Vec<String> = asked
            .unwrap_or_default()
            .iter()
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect();
        if names.is_empty() {
            for (name, _) in records.iter().flatten() {
                if !names.iter().any(|known| known == name) {
                    names.push((*name).to_owned());
                }
            }
        }
        let family = request.ticket.family;
        let row = |record: &Record| {
            let Value::Map(map) = reply::map(record, family) else {
                return Value::Null;
            };
            let cell = |name: &String| super::property(&map, name).cloned().unwrap_or_default();
            Value::List(names.iter().map(cell).collect())
        };
        let rows: Vec<Value> =
            records.iter().skip(request.offset).take(request.count).map(row).collect();
        let names = names.iter().map(|name| Value::from(name.as_str())).collect();
        Ok(ok(Value::Map(vec![
            ("attributeNames".into(), Value::List(names)),
            ("results".into(), Value::List(rows)),
        ])))
    }

    fn find(&self, request: &Request) -> Result<(Kind, Record), Refusal> {
        let kinds = kinds(request)?;
        if request.name.is_none() && request.identity.is_none() {
            return Err(refuse(400, "needs name or identity"));
        }
        let is = |record: &Record, attribute: &str, wanted: &Option<String>| {
            wanted.as_deref().is_none_or(|wanted| {
                record
                    .iter()
                    .any(|(name, value)| *name == attribute && value.as_str() == Some(wanted))
            })
        };
        for kind in kinds {
            for record in self.records(kind) {
                if is(&record, "name", &request.name) && is(&record, "identity", &request.identity)
                {
                    return Ok((kind, record));
                }
            }
        }
        let wanted = request.name.as_ref().or(request.identity.as_ref());
        Err(refuse(404, format!("no entity {}", wanted.map_or("", |name| name))))
    }

    fn read(&self, request: &Request) -> Result<Answer, Refusal> {
        let (_, record) = self.find(request)?;
        Ok(ok(reply::map(&record, request.ticket.family)))
    }

    fn create(&mut self, request: Request) -> Result<Answer, Refusal> {
        let kind = known_kind(&request)?;
        let mut attributes = json_map(&request.body);
        attributes.remove("type");
        attributes.remove("identity");
        if let Some(name) = &request.name {
            attributes.insert("name".to_owned(), Json::String(name.clone()));
        }
        let from = Attributes::new(kind.name(), attributes);
        let (action, created) = match kind {
            Kind::Listener => {
                let config = listener(from)?;
                crate::config::role_allowed(self.mode, "listener", &config.name, config.role)?;
                let users = self.settings.sasl_users_file.is_some();
                crate::config::check_listener(&config, &self.entities.ssl_profiles, users)?;
                if self.entities.listeners.iter().any(|known| known.name == config.name) {
                    return Err(refuse(400, format!("listener {} exists", config.name)));
                }
                let created = listener_attributes(&config);
                (CommandAction::CreateListener(config), created)
            }
            Kind::Connector => {
                let config = connector(from)?;
                crate::config::role_allowed(self.mode, "connector", &config.name, config.role)?;
                crate::config::check_connector(&config, &self.entities.ssl_profiles)?;
                if self.entities.connectors.iter().any(|(known, _)| known.name == config.name) {
                    return Err(refuse(400, format!("connector {} exists", config.name)));
                }
                let created = connector_attributes(&config);
                (CommandAction::CreateConnector(config), created)
            }
            Kind::AddressRule => {
                let rule = address_rule(from)?;
                let record = vec![
                    ("name", optional(rule.name.as_deref())),
                    ("pattern", rule.pattern.as_str().into()),
                    ("distribution", rule.distribution.as_str().into()),
                    ("type", kind.name().into()),
                ];
                self.table.rules.add(rule);
                return Ok(Some((201, "Created", reply::map(&record, request.ticket.family))));
            }
            Kind::SslProfile => {
                let profile = ssl_profile(from)?;
                let record =
                    vec![("name", profile.name.as_str().into()), ("type", kind.name().into())];
                self.entities.ssl_profiles.retain(|known| known.name != profile.name);
                self.entities.ssl_profiles.push(profile);
                return Ok(Some((201, "Created", reply::map(&record, request.ticket.family))));
            }
            Kind::LinkRoute => {
                let config = link_route(from)?;
                if self.containers.routes.iter().any(|known| known.name == config.name) {
                    return Err(refuse(400, format!("linkRoute {} exists", config.name)));
                }
                self.put_route(config);
                return Ok(self.created(kind, request.ticket.family));
            }
            Kind::AutoLink => {
                let config = auto_link(from)?;
                let known = self.containers.auto_links.iter().map(|link| &link.config);
                let mut all: Vec<_> = known.cloned().collect();
                if all.iter().any(|known| known.name == config.name) {
                    return Err(refuse(400, format!("autoLink {} exists", config.name)));
                }
                all.push(config.clone());
                check_auto_links(&all)?;
                self.put_auto_link(config);
                return Ok(self.created(kind, request.ticket.family));
            }
            _ => return Err(refuse(501, format!("{} cannot be created", kind.name()))),
        };
        let mut ticket = request.ticket;
        let mut created = created;
        created.push(("type", kind.name().into()));
        ticket.created = Some(created);
        self.entities.commands.push_back(Command { action, ticket });
        Ok(None)
    }

    /// The answer to a creation: the newest entity of its type.
    fn created(&self, kind: Kind, family: Family) -> Answer {
        let records = self.records(kind);
        let record = records.last().map_or(&[][..], |record| record);
        Some((201, "Created", reply::map(record, family)))
    }

    /// A route over the very connection that the request came by; it lives as long as that.
    fn create_link_route(&mut self, from: ConnId, request: &Request) -> Result<Answer, Refusal> {
        let text = |name: &str| super::property(&request.body, name).and_then(Value::as_str);
        let entity = Kind::ConnectionLinkRoute.name();
        if !self.may_make_routes(from) {
            return Err(refuse(403, format!("{entity} is not allowed for the user")));
        }
        let leads = self.leads_links;
        if let Some(conn) = self.conns.get_mut(from) {
            conn.routing.told = Some(leads);
        }
        if !leads {
            return Err(refuse(501, "the router above this edge leads no links"));
        }
        let fail = |attribute: &str, rule: &str| {
            Refusal::from(ConfigError::Attribute {
                entity: entity.to_owned(),
                attribute: attribute.to_owned(),
                rule: rule.to_owned(),
            })
        };
        let pattern = text("pattern").filter(|pattern| !pattern.is_empty());
        let pattern = pattern.ok_or_else(|| fail("pattern", "is required"))?.to_owned();
        let way = text("direction").and_then(Way::parse);
        let way = way.ok_or_else(|| fail("direction", "must be in or out"))?;
        let name = request.name.clone().unwrap_or_else(|| pattern.clone());
        let via = Via::Conn(from);
        if self.link_routes.iter().any(|known| known.via == via && known.name == name) {
            return Err(refuse(400, format!("{entity} {name} exists on this connection")));
        }
        self.add_link_route(name.clone(), &pattern, way, from);
        Ok(self.created(Kind::ConnectionLinkRoute, request.ticket.family))
    }

    fn update(&mut self, request: &Request) -> Result<Answer, Refusal> {
        let (kind, record) = self.find(request)?;
        if kind == Kind::Log && !self.entities.owns_log {
            return Err(refuse(403, "log: belongs to the program that this router is part of"));
        }
        if kind == Kind::Log {
            let enable = super::property(&request.body, "enable").and_then(Value::as_str);
            process::set_log_level(enable.ok_or_else(|| refuse(400, "log: needs `enable`"))?)?;
            let (_, record) = self.find(request)?;
            return Ok(ok(reply::map(&record, request.ticket.family)));
        }
        if kind != Kind::SslProfile {
            return Err(refuse(403, format!("{} cannot be changed", kind.name())));
        }
        let mut attributes = json_map(&request.body);
        for (name, value) in &record {
            if let Some(text) = value.as_str().filter(|_| !matches!(*name, "type" | "identity")) {
                attributes.entry(*name).or_insert_with(|| Json::String(text.to_owned()));
            }
        }
        attributes.remove("type");
        attributes.remove("identity");
        let profile = ssl_profile(Attributes::new(kind.name(), attributes))?;
        self.entities.ssl_profiles.retain(|known| known.name != profile.name);
        self.entities.ssl_profiles.push(profile);
        let (_, record) = self.find(request)?;
        Ok(ok(reply::map(&record, request.ticket.family)))
    }

    fn delete(&mut self, from: ConnId, request: Request) -> Result<Answer, Refusal> {
        if request.kind == Some(Kind::ConnectionLinkRoute) && request.identity.is_none() {
            // Several connections may have routes of one name: the caller means its own.
            let own = self.link_routes.iter().find(|route| {
                route.via == Via::Conn(from) && Some(&route.name) == request.name.as_ref()
            });
            let number = own.map(|route| route.number);
            return match number {
                Some(number) => {
                    self.remove_link_route(number);
                    Ok(Some((204, "No Content", Value::Map(Vec::new()))))
                }
                None => Err(refuse(404, "no such link route on this connection")),
            };
        }
        let (kind, record) = self.find(&request)?;
        let name = record.iter().find(|(name, _)| *name == "name").and_then(|(_, v)| v.as_str());
        let name = name.unwrap_or_default().to_owned();
        let action = match kind {
            Kind::Listener => CommandAction::DeleteListener(name),
            Kind::Connector => CommandAction::DeleteConnector(name),
            Kind::AddressRule => {
                self.table.rules.remove(&name);
                return Ok(Some((204, "No Content", Value::Map(Vec::new()))));
            }
            Kind::SslProfile => {
                self.entities.ssl_profiles.retain(|known| known.name != name);
                return Ok(Some((204, "No Content", Value::Map(Vec::new()))));
            }
            Kind::LinkRoute => {
                self.take_route(&name);
                return Ok(Some((204, "No Content", Value::Map(Vec::new()))));
            }
            Kind::AutoLink => {
                self.take_auto_link(&name);
                return Ok(Some((204, "No Content", Value::Map(Vec::new()))));
            }
            Kind::ConnectionLinkRoute => {
                let identity = record.iter().find(|(name, _)| *name == "identity");
                let number = identity.and_then(|(_, value)| value.as_str()?.parse().ok());
                self.remove_link_route(number.unwrap_or(0));
                return Ok(Some((204, "No Content", Value::Map(Vec::new()))));
            }
            _ => return Err(refuse(403, format!("{} cannot be deleted", kind.name()))),
        };
        self.entities.commands.push_back(Command { action, ticket: request.ticket });
        Ok(None)
    }

    fn management_nodes(&self) -> Value {
        let Some(network) = self.network.as_ref() else {
            return Value::List(vec![Value::from("amqp:/_local/$management")]);
        };
        let others = network.routers().filter(|(_, _, route)| route.is_some());
        let all = std::iter::once(&self.id).chain(others.map(|(id, _, _)| id));
        Value::List(all.map(|id| format!("amqp:/_topo/0/{id}/$management").into()).collect())
    }
}

impl From<ConfigError> for Refusal {
    fn from(error: ConfigError) -> Self {
        refuse(400, error.to_string())
    }
}

fn ok(body: Value) -> Answer {
    Some((200, "OK", body))
}

fn refuse(code: i32, text: impl Into<String>) -> Refusal {
    Refusal { code, text: text.into() }
}

fn unknown_type(given: &str) -> Refusal {
    refuse(404, format!("no entity type {given}"))
}

fn known_kind(request: &Request) -> Result<Kind, Refusal> {
    match (&request.type_given, request.kind) {
        (_, Some(kind)) => Ok(kind),
        (Some(given), None) => Err(unknown_type(given)),
        (None, None) => Err(refuse(400, "needs a type")),
    }
}

/// A map from type name to something, for one type or for all.
fn types(request: &Request, value: impl Fn(Kind) -> Value) -> Result<Answer, Refusal> {
    let family: Family = request.ticket.family;
    let kinds = kinds(request)?;
    let entries = kinds.into_iter().map(|kind| (family.full(kind).into(), value(kind)));
    Ok(ok(Value::Map(entries.collect())))
}

/// The type that a request is about, or all.
fn kinds(request: &Request) -> Result<Vec<Kind>, Refusal> {
    match (&request.type_given, request.kind) {
        (_, Some(kind)) => Ok(vec![kind]),
        (Some(given), None) => Err(unknown_type(given)),
        (None, None) => Ok(Kind::ALL.to_vec()),
    }
}

fn words<T: Into<Value>>(words: impl IntoIterator<Item = T>) -> Value {
    Value::List(words.into_iter().map(Into::into).collect())
}

/// A document as AMQP has it; the schema has no other numbers than small whole ones.
fn from_json(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(flag) => (*flag).into(),
        Json::Number(number) => Value::Int(
            number.as_i64().and_then(|number| i32::try_from(number).ok()).unwrap_or(i32::MAX),
        ),
        Json::String(text) => text.as_str().into(),
        Json::Array(items) => Value::List(items.iter().map(from_json).collect()),
        Json::Object(map) => {
            let entries = map.iter().map(|(key, value)| (key.as_str().into(), from_json(value)));
            Value::Map(entries.collect())
        }
    }
}

/// Attributes as the configuration readers take them.
fn json_map(body: &[(Value, Value)]) -> JsonMap<String, Json> {
    let entries = body.iter().filter_map(|(key, value)| {
        let value = match value {
            Value::Bool(flag) => Json::Bool(*flag),
            Value::Null => Json::Null,
            Value::Map(map) => Json::Object(json_map(map)),
            other => match (other.as_str(), other.as_i64(), other.as_u64()) {
                (Some(text), _, _) => Json::String(text.to_owned()),
                (_, Some(number), _) => Json::from(number),
                (_, _, Some(number)) => Json::from(number),
                _ => return None,
            },
        };
        Some((key.as_str()?.to_owned(), value))
    });
    entries.collect()
}
