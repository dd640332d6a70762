//! What holds in the whole database at any time, read past the Controller: every row has its parents, and the
//! configurations of Routers and Proxies are those that follow from the rows.

use std::collections::{BTreeMap, BTreeSet};

use iofog_controller::domain::catalog;
use iofog_controller::domain::fog::{FogSettings, RouterMode};
use iofog_controller::domain::microservice::Spec;
use iofog_controller::domain::port::PublicDetails;
use iofog_controller::domain::proxy::{self, NetworkRouter, ProxyConfig};
use iofog_controller::domain::router::{self, Router, RouterSettings};
use rusqlite::types::ValueRef;

use crate::common::Controller;

/// The rows of a parent that is not there: what is wrong, and a query for it.
const ORPHANS: &[(&str, &str)] = &[
    ("agents without user", "SELECT uuid FROM fogs WHERE user_id NOT IN (SELECT id FROM users)"),
    ("tokens without user", "SELECT hash FROM user_tokens WHERE user_id NOT IN (SELECT id FROM users)"),
    ("codes without user", "SELECT hash FROM activation_codes WHERE user_id NOT IN (SELECT id FROM users)"),
    ("temporary passwords without user", "SELECT user_id FROM temporary_passwords WHERE user_id NOT IN (SELECT id FROM users)"),
    ("enrolment keys without user", "SELECT id FROM enrolment_keys WHERE user_id NOT IN (SELECT id FROM users)"),
    ("enrolments without agent", "SELECT device FROM enrolments WHERE fog_uuid NOT IN (SELECT uuid FROM fogs)"),
    ("applications without user", "SELECT id FROM applications WHERE user_id NOT IN (SELECT id FROM users)"),
    ("templates without user", "SELECT id FROM application_templates WHERE user_id NOT IN (SELECT id FROM users)"),
    ("resources without user", "SELECT id FROM edge_resources WHERE user_id NOT IN (SELECT id FROM users)"),
    ("registries without user", "SELECT id FROM registries WHERE user_id NOT IN (SELECT id FROM users)"),
    ("items without user", "SELECT id FROM catalog_items WHERE user_id NOT IN (SELECT id FROM users)"),
    ("statuses without agent", "SELECT fog_uuid FROM fog_status WHERE fog_uuid NOT IN (SELECT uuid FROM fogs)"),
    ("agent tokens without agent", "SELECT fog_uuid FROM fog_tokens WHERE fog_uuid NOT IN (SELECT uuid FROM fogs)"),
    ("keys without agent", "SELECT fog_uuid FROM provision_keys WHERE fog_uuid NOT IN (SELECT uuid FROM fogs)"),
    ("commands without agent", "SELECT fog_uuid FROM version_commands WHERE fog_uuid NOT IN (SELECT uuid FROM fogs)"),
    ("changes without agent", "SELECT fog_uuid FROM changes WHERE fog_uuid NOT IN (SELECT uuid FROM fogs)"),
    ("hardware without agent", "SELECT fog_uuid FROM hal_info WHERE fog_uuid NOT IN (SELECT uuid FROM fogs)"),
    ("tunnels without agent", "SELECT fog_uuid FROM tunnels WHERE fog_uuid NOT IN (SELECT uuid FROM fogs)"),
    ("routers without agent", "SELECT id FROM routers
       WHERE fog_uuid IS NOT NULL AND fog_uuid NOT IN (SELECT uuid FROM fogs)"),
    ("connections without router", "SELECT source_id FROM router_connections
       WHERE source_id NOT IN (SELECT id FROM routers) OR dest_id NOT IN (SELECT id FROM routers)"),
    ("links without resource or agent", "SELECT fog_uuid FROM edge_resource_links
       WHERE fog_uuid NOT IN (SELECT uuid FROM fogs) OR resource_id NOT IN (SELECT id FROM edge_resources)"),
    ("microservices without application", "SELECT uuid FROM microservices
       WHERE application_id IS NOT NULL AND application_id NOT IN (SELECT id FROM applications)"),
    ("microservices without agent", "SELECT uuid FROM microservices
       WHERE fog_uuid IS NOT NULL AND fog_uuid NOT IN (SELECT uuid FROM fogs)"),
    ("microservices without either", "SELECT uuid FROM microservices WHERE application_id IS NULL AND fog_uuid IS NULL"),
    ("microservices without item", "SELECT uuid FROM microservices
       WHERE catalog_item_id NOT IN (SELECT id FROM catalog_items)"),
    ("microservices without registry", "SELECT uuid FROM microservices
       WHERE registry_id NOT IN (SELECT id FROM registries)"),
    ("statuses without microservice", "SELECT microservice_uuid FROM microservice_status
       WHERE microservice_uuid NOT IN (SELECT uuid FROM microservices)"),
    ("public ports without microservice", "SELECT id FROM public_ports
       WHERE microservice_uuid NOT IN (SELECT uuid FROM microservices)"),
    ("traces without microservice", "SELECT microservice_uuid FROM straces
       WHERE microservice_uuid NOT IN (SELECT uuid FROM microservices)"),
    ("snapshots without microservice", "SELECT microservice_uuid FROM image_snapshots
       WHERE microservice_uuid NOT IN (SELECT uuid FROM microservices)"),
    ("routes without an end in their application", "SELECT r.id FROM routes r WHERE
       NOT EXISTS (SELECT 1 FROM microservices m WHERE m.uuid = r.source_uuid AND m.application_id = r.application_id)
       OR NOT EXISTS (SELECT 1 FROM microservices m WHERE m.uuid = r.dest_uuid AND m.application_id = r.application_id)"),
    ("more than one default router", "SELECT count(*) FROM routers WHERE is_default = 1 HAVING count(*) > 1"),
    ("more than one system agent", "SELECT count(*) FROM fogs WHERE is_system = 1 HAVING count(*) > 1"),
];

/// A connection past the Controller.
enum Database {
    Sqlite(rusqlite::Connection),
    Postgres(postgres::Client),
}

type Rows = Vec<Vec<String>>;

impl Database {
    fn open(controller: &Controller) -> Self {
        let Some(database) = controller.database() else {
            let path = controller.folder().join("controller.sqlite");
            return Self::Sqlite(rusqlite::Connection::open(path).unwrap());
        };
        let mut client = database.client();
        // What a killed Controller had under way ends first: it holds the writers' lock.
        client.batch_execute("BEGIN; SELECT pg_advisory_xact_lock(7310027)").unwrap();
        Self::Postgres(client)
    }

    /// All columns as text; null is empty.
    fn rows(&mut self, sql: &str) -> Rows {
        match self {
            Self::Sqlite(connection) => {
                let mut statement = connection.prepare(sql).unwrap();
                let columns = statement.column_count();
                let text = |value: ValueRef<'_>| match value {
                    ValueRef::Integer(number) => number.to_string(),
                    ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                    _ => String::new(),
                };
                let rows = statement.query_map([], |row| {
                    (0..columns).map(|at| row.get_ref(at).map(text)).collect()
                });
                rows.unwrap().map(Result::unwrap).collect()
            }
            Self::Postgres(client) => {
                let messages = client.simple_query(sql).unwrap();
                let rows = messages.iter().filter_map(|message| match message {
                    postgres::SimpleQueryMessage::Row(row) => Some(row),
                    _ => None,
                });
                let text =
                    |row: &postgres::SimpleQueryRow, at| row.get(at).unwrap_or_default().to_owned();
                rows.map(|row| (0..row.len()).map(|at| text(row, at)).collect()).collect()
            }
        }
    }
}

/// What is wrong in the database of a Controller that is not running.
pub fn violations(controller: &Controller) -> Vec<String> {
    let mut database = Database::open(controller);
    let mut wrong = Vec::new();
    for (what, sql) in ORPHANS {
        let rows = database.rows(sql);
        if !rows.is_empty() {
            wrong.push(format!("{what}: {rows:?}"));
        }
    }
    configurations(&mut database, &mut wrong);
    wrong
}

struct Network {
    fogs: BTreeMap<String, FogSettings>,
    routers: BTreeMap<i64, Router>,
    /// System microservices by agent and catalog item.
    system: BTreeMap<(String, i64), Vec<Spec>>,
}

impl Network {
    fn read(database: &mut Database) -> Self {
        let fogs = database.rows("SELECT uuid, document FROM fogs").into_iter();
        let fogs = fogs.map(|row| (row[0].clone(), serde_json::from_str(&row[1]).unwrap()));
        let routers = database.rows("SELECT id, fog_uuid, is_default, document FROM routers");
        let routers = routers.into_iter().map(|row| {
            let settings: RouterSettings = serde_json::from_str(&row[3]).unwrap();
            let fog = Some(row[1].as_str()).filter(|uuid| !uuid.is_empty()).map(Into::into);
            let id = row[0].parse().unwrap();
            let is_default = row[2] == "1";
            (id, Router { id, fog, is_default, created: 0, updated: 0, settings })
        });
        let mut system: BTreeMap<_, Vec<Spec>> = BTreeMap::new();
        let sql = "SELECT fog_uuid, catalog_item_id, document FROM microservices WHERE application_id IS NULL";
        for row in database.rows(sql) {
            let key = (row[0].clone(), row[1].parse().unwrap());
            system.entry(key).or_default().push(serde_json::from_str(&row[2]).unwrap());
        }
        Self { fogs: fogs.collect(), routers: routers.collect(), system }
    }

    fn router_of(&self, fog: &str) -> Option<&Router> {
        let owned = |router: &&Router| router.fog.as_ref().is_some_and(|uuid| uuid.as_str() == fog);
        self.routers.values().find(owned)
    }

    /// The router that carries an agent's messages.
    fn carrier(&self, fog: &str) -> Option<&Router> {
        let settings = self.fogs.get(fog)?;
        if settings.router_mode != RouterMode::None {
            return self.router_of(fog);
        }
        let named = settings.network_router.as_deref().and_then(|uuid| self.router_of(uuid));
        named.or_else(|| self.routers.values().find(|router| router.is_default))
    }
}

fn configurations(database: &mut Database, wrong: &mut Vec<String>) {
    let network = Network::read(database);
    let mut upstreams: BTreeMap<i64, Vec<Router>> = BTreeMap::new();
    let sql = "SELECT source_id, dest_id FROM router_connections ORDER BY dest_id";
    for row in database.rows(sql) {
        let (source, dest): (i64, i64) = (row[0].parse().unwrap(), row[1].parse().unwrap());
        let Some(router) = network.routers.get(&dest) else { continue };
        if router.settings.is_edge {
            wrong.push(format!("router {source} dials router {dest}, which is a leaf"));
        }
        upstreams.entry(source).or_default().push(router.clone());
    }
    let mut mappings: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let sql = "SELECT m.fog_uuid, p.public_port, p.document FROM public_ports p
               JOIN microservices m ON m.uuid = p.microservice_uuid";
    for row in database.rows(sql) {
        let details: PublicDetails = serde_json::from_str(&row[2]).unwrap();
        let local = proxy::local_mapping(&details.queue, &details.protocol, details.external);
        mappings.entry(row[0].clone()).or_default().insert(local);
        let Some(host) = &details.host else { continue };
        if !network.fogs.contains_key(host.as_str()) {
            wrong.push(format!("a public port on agent {host}, which is gone"));
        }
        let port = row[1].parse().unwrap();
        let remote = proxy::remote_mapping(&details.queue, &details.protocol, port);
        mappings.entry(host.to_string()).or_default().insert(remote);
    }
    for (uuid, settings) in &network.fogs {
        let none = Vec::new();
        let of = |item| network.system.get(&(uuid.clone(), item)).unwrap_or(&none);
        let wanted = match (network.router_of(uuid), settings.router_mode) {
            (None, RouterMode::None) => Vec::new(),
            (Some(own), mode) if own.settings.is_edge == (mode == RouterMode::Edge) => {
                let above = upstreams.get(&own.id).cloned().unwrap_or_default();
                vec![router::config_text(&uuid.as_str().into(), &own.settings, &above)]
            }
            (router, mode) => {
                wrong.push(format!("agent {uuid} in mode {mode:?} has {router:?}"));
                continue;
            }
        };
        let found: Vec<&String> = of(catalog::ROUTER).iter().map(|spec| &spec.config).collect();
        if found != wanted.iter().collect::<Vec<_>>() {
            wrong.push(format!("Router of {uuid}: {found:?} and not {wanted:?}"));
        }
        for (item, wanted) in
            [(catalog::HAL, settings.hal), (catalog::BLUETOOTH, settings.bluetooth)]
        {
            if of(item).len() != usize::from(wanted) {
                wrong.push(format!("agent {uuid}: {} of item {item}", of(item).len()));
            }
        }
        check_proxy(&network, uuid, (of(catalog::PROXY), mappings.get(uuid)), wrong);
    }
}

fn check_proxy(
    network: &Network,
    uuid: &str,
    (found, mappings): (&[Spec], Option<&BTreeSet<String>>),
    wrong: &mut Vec<String>,
) {
    let found: Vec<ProxyConfig> =
        found.iter().map(|spec| ProxyConfig::parse(&spec.config)).collect();
    let shown: Vec<(BTreeSet<String>, &NetworkRouter)> = found
        .iter()
        .map(|config| (config.mappings.iter().cloned().collect(), &config.network_router))
        .collect();
    let carrier = network.carrier(uuid).map(|router| NetworkRouter {
        host: router.settings.host.clone(),
        port: router.settings.messaging_port,
    });
    let carrier = carrier.unwrap_or_default();
    let wanted: Vec<_> = mappings.iter().map(|all| ((*all).clone(), &carrier)).collect();
    if shown != wanted {
        wrong.push(format!("Proxy of {uuid}: {shown:?} and not {wanted:?}"));
    }
}
