//! The router topologies that a Controller may be asked for, with a real Controller and daemons as processes: an edge
//! router shared by two Agents, an Agent without a router, an interior router on a gateway. Messages posted at the
//! Local API of one node are taken from that of another. No container runs: who may send and receive is in the list.

#![allow(clippy::unwrap_used, reason = "helpers of tests: failures are their purpose")]

#[cfg(test)]
mod support;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU8, Ordering};

use serde_json::{Value, json};
use support::daemon::Daemon;
use support::network::Network;
use support::{eventually, folder, free_port};

/// Gateways on loopback addresses of their own: each Local API has its documented port.
struct World {
    root: PathBuf,
    network: Network,
    nodes: Vec<Node>,
}

struct Node {
    uuid: String,
    name: String,
    address: String,
    daemon: Daemon,
}

/// A loopback address that no other test has.
fn address() -> String {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [.., high, low] = std::process::id().to_be_bytes();
    format!("127.{}.{low}.{}", 64 + high % 64, NEXT.fetch_add(1, Ordering::Relaxed))
}

impl World {
    /// A Controller, and the default router on the system agent.
    fn start(name: &str) -> Self {
        let root = folder(name);
        let network = Network::start(&root.join("controller"));
        let mut world = Self { root: root.clone(), network, nodes: Vec::new() };
        let list = world.network.call("GET", "iofog-list?system=true", &Value::Null);
        let uuid = list["fogs"][0]["uuid"].as_str().unwrap().to_owned();
        let address = address();
        let disk = root.join("system");
        let change = json!({
            "host": address, "messagingPort": free_port(), "diskDirectory": disk, "logDirectory": disk,
        });
        world.network.call("PATCH", &format!("iofog/{uuid}"), &change);
        world.run("system", uuid, address);
        world
    }

    /// A gateway with these fields beside its name and host.
    fn gateway(&mut self, name: &str, fields: &Value) -> String {
        let address = address();
        let mut body = json!({ "name": name, "fogType": 1, "host": address, "statusFrequency": 2 });
        for (field, value) in fields.as_object().unwrap() {
            body[field] = value.clone();
        }
        let created = self.network.call("POST", "iofog", &body);
        let uuid = created["uuid"].as_str().unwrap().to_owned();
        self.run(name, uuid.clone(), address);
        uuid
    }

    fn run(&mut self, name: &str, uuid: String, address: String) {
        let folder = self.root.join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let url = self.network.url();
        let elements = [
            ("controller_url", url.as_str()),
            ("bind_address", &address),
            ("status_update_freq", "2"),
        ];
        let daemon = Daemon::start(&folder, &elements);
        let path = format!("iofog/{uuid}/provisioning-key");
        let key = self.network.call("GET", &path, &Value::Null);
        let done = daemon.command(&["provision", key["key"].as_str().unwrap()]);
        assert_eq!(done.status.code(), Some(0), "{done:?}");
        self.nodes.push(Node { uuid, name: name.to_owned(), address, daemon });
    }

    fn node(&self, name: &str) -> &Node {
        self.nodes.iter().find(|node| node.name == name).unwrap()
    }

    /// One microservice per node, with its name, and a route in both directions between each of `pairs`.
    fn deploy(&self, pairs: &[(&str, &str)]) {
        let microservices: Vec<Value> = self
            .nodes
            .iter()
            .map(|node| {
                json!({
                    "name": node.name, "agentName": node.name, "registryId": 2, "config": "{}",
                    "rootHostAccess": true,
                    "images": [{ "fogTypeId": 1, "containerImage": "iofog-no-such-image:1" }],
                })
            })
            .collect();
        let routes: Vec<Value> = pairs
            .iter()
            .flat_map(|(one, other)| [(one, other), (other, one)])
            .map(|(from, to)| json!({ "name": format!("{from}-{to}"), "from": from, "to": to }))
            .collect();
        let body = json!({ "name": "demo", "isActivated": true, "microservices": microservices, "routes": routes });
        self.network.call("POST", "application", &body);
        for (one, other) in pairs {
            self.travels(one, other);
            self.travels(other, one);
        }
    }

    /// A message goes from one microservice to the other.
    fn travels(&self, from: &str, to: &str) {
        let (from_id, _, _) = self.network.shown(from).unwrap();
        let (to_id, _, _) = self.network.shown(to).unwrap();
        let message = json!({
            "publisher": from_id, "tag": format!("{from} to {to}"), "version": 4,
            "infotype": "text", "infoformat": "text", "contentdata": "aGVsbG8=",
        });
        eventually(&format!("{from} may send"), || self.node(from).post("messages/new", &message));
        eventually(&format!("a message from {from} reaches {to}"), || {
            let answer = self.node(to).post("messages/next", &json!({ "id": to_id }))?;
            let came = answer["messages"].as_array()?;
            came.iter().any(|one| one["publisher"] == from_id.as_str()).then_some(())
        });
    }

    /// Whether a node's log tells of this.
    fn told(&self, name: &str, text: &str) -> bool {
        self.node(name).daemon.log().contains(text)
    }

    fn end(mut self) {
        for node in self.nodes.drain(..) {
            assert!(node.daemon.terminate());
        }
        self.network.stop();
        let _ = std::fs::remove_dir_all(self.root);
    }
}

impl Node {
    /// The answer of the Local API, if it is a success.
    fn post(&self, path: &str, body: &Value) -> Option<Value> {
        let url = format!("http://{}:54321/v2/{path}", self.address);
        let mut answer = ureq::post(&url).send_json(body).ok()?;
        answer.body_mut().read_json().ok()
    }
}

/// A second Agent without a router of its own uses the edge router of the first.
#[test]
fn two_agents_share_an_edge_router() {
    let mut world = World::start("shared-router");
    let port = free_port();
    let first = world.gateway("first", &json!({ "routerMode": "edge", "messagingPort": port }));
    world.gateway("second", &json!({ "routerMode": "none", "networkRouter": first }));
    world.gateway("far", &json!({ "routerMode": "edge", "messagingPort": free_port() }));
    world.deploy(&[("first", "second"), ("second", "far"), ("first", "far")]);
    assert!(world.told("first", &format!("listener-normal-0.0.0.0-{port}")));
    assert!(!world.told("second", "listener-normal"));
    // The two speak with each other while the default router is away.
    let at = world.nodes.iter().position(|node| node.name == "system").unwrap();
    world.nodes.remove(at).daemon.kill();
    world.travels("second", "first");
    world.travels("first", "second");
    world.end();
}

/// An Agent without a router uses the default router of the network.
#[test]
fn an_agent_without_a_router_uses_the_default_router() {
    let mut world = World::start("no-router");
    world.gateway("plain", &json!({ "routerMode": "none" }));
    world.gateway("other", &json!({ "routerMode": "none" }));
    world.gateway("edge", &json!({ "routerMode": "edge", "messagingPort": free_port() }));
    world.deploy(&[("plain", "edge"), ("plain", "other"), ("plain", "system")]);
    assert!(!world.told("plain", "listener-normal"));
    world.end();
}

/// A gateway's own interior router has edge routers below it and the default router beside it.
#[test]
fn an_interior_router_on_a_gateway_joins_the_network() {
    let mut world = World::start("interior");
    let hub = world.gateway(
        "hub",
        &json!({
            "routerMode": "interior", "messagingPort": free_port(),
            "edgeRouterPort": free_port(), "interRouterPort": free_port(),
        }),
    );
    let below =
        json!({ "routerMode": "edge", "messagingPort": free_port(), "upstreamRouters": [&hub] });
    world.gateway("below", &below);
    world.gateway("aside", &json!({ "routerMode": "edge", "messagingPort": free_port() }));
    world.deploy(&[("below", "aside"), ("below", "hub"), ("hub", "system")]);
    // The hub dials the default router, whose own is the aside's; the one below dials the hub.
    let dials = |name: &str, to: &str, role: &str| {
        world.told(name, &format!("connector connector-{to}-{role}-"))
    };
    let system = &world.node("system").uuid;
    assert!(dials("hub", system, "inter-router") && dials("aside", system, "edge"));
    assert!(dials("below", &hub, "edge") && !dials("below", system, "edge"));
    world.end();
}
