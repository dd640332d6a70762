//! Random mutations: the request, and what is true once it was accepted.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::world::{self, Random, World};

/// One request that changes something.
#[derive(Debug)]
pub struct Mutation {
    pub method: &'static str,
    pub path: String,
    pub body: Value,
    /// The facts once it was accepted.
    pub after: World,
    /// It has to be refused, and then changes nothing: its last part is wrong.
    pub poisoned: bool,
    /// The fact whose id the answer gives, and the field that gives it.
    pub gives: Option<(String, &'static str)>,
}

/// What a client draws its mutations from.
pub struct Source<'a> {
    /// Tells this client's names from those of others.
    pub prefix: &'a str,
    pub world: &'a World,
    /// Ids by fact.
    pub ids: &'a BTreeMap<String, String>,
    pub random: &'a mut Random,
    /// The system agent, in the hands of the client that owns it.
    pub system: Option<&'a str>,
}

impl Source<'_> {
    /// A mutation that fits the facts; none when the dice ask for something that is not there.
    pub fn next(&mut self) -> Option<Mutation> {
        match self.random.below(30) {
            0..=2 => self.create_agent(),
            3..=5 => self.patch_agent(),
            6 => self.delete_agent(),
            7..=9 => self.put_application(true),
            10..=12 => self.put_application(false),
            13 => self.patch_application(),
            14 => self.delete_application(),
            15..=16 => self.create_microservice(),
            17..=19 => self.patch_microservice(),
            20 => self.delete_microservice(),
            21 => self.route(),
            22 => self.template(),
            23..=24 => self.resource(),
            25 => self.link(),
            26 => self.registry(),
            27 => self.catalog(),
            28 => self.config(),
            _ => self.patch_system(),
        }
    }

    fn make(&self, method: &'static str, path: String, body: Value) -> Mutation {
        let after = self.world.clone();
        Mutation { method, path, body, after, poisoned: false, gives: None }
    }

    fn word(&mut self) -> String {
        format!("w{}", self.random.below(1_000_000))
    }

    fn agents(&self) -> Vec<String> {
        self.world.below("agent/")
    }

    fn applications(&self) -> Vec<String> {
        self.world.below("app/")
    }

    fn id(&self, fact: &str) -> Option<String> {
        self.ids.get(fact).cloned()
    }

    fn mode(&mut self) -> (&'static str, Value) {
        let upstream = self.random.one_in(3).then(|| {
            let interior: Vec<String> = self
                .agents()
                .into_iter()
                .filter(|name| self.world.0[&format!("agent/{name}")].contains(";interior;"))
                .filter_map(|name| self.id(&format!("agent/{name}")))
                .collect();
            self.random.pick(&interior)
        });
        let mut body = match self.random.below(4) {
            0 => json!({ "routerMode": "none" }),
            1 => {
                json!({ "routerMode": "interior", "interRouterPort": 20_000 + self.random.below(9),
                "edgeRouterPort": 30_000 + self.random.below(9) })
            }
            _ => json!({ "routerMode": "edge", "messagingPort": 5672 + self.random.below(3) }),
        };
        let mode = match body["routerMode"].as_str() {
            Some("none") => "none",
            Some("interior") => "interior",
            _ => "edge",
        };
        if let Some(uuid) = upstream.flatten() {
            if mode == "none" {
                body["networkRouter"] = uuid.into();
            } else {
                body["upstreamRouters"] = json!([uuid]);
            }
        }
        (mode, body)
    }

    fn create_agent(&mut self) -> Option<Mutation> {
        if self.agents().len() > 6 {
            return self.delete_agent();
        }
        let name = format!("{}-{}", self.prefix, self.random.below(1000));
        if self.world.0.contains_key(&format!("agent/{name}")) {
            return None;
        }
        let (mode, mut body) = self.mode();
        let (description, host) = (self.word(), format!("10.0.0.{}", self.random.below(250)));
        body["name"] = name.as_str().into();
        body["fogType"] = 1.into();
        body["host"] = host.as_str().into();
        body["description"] = description.as_str().into();
        body["abstractedHardwareEnabled"] = self.random.one_in(3).into();
        let mut made = self.make("POST", "/iofog".to_owned(), body);
        made.after.put(format!("agent/{name}"), world::agent(&description, mode, &host));
        made.gives = Some((format!("agent/{name}"), "uuid"));
        Some(made)
    }

    fn patch_agent(&mut self) -> Option<Mutation> {
        let name = self.random.pick(&self.agents())?;
        let path = format!("/iofog/{}", self.id(&format!("agent/{name}"))?);
        let (mode, mut body) = self.mode();
        let (description, host) = (self.word(), format!("10.0.1.{}", self.random.below(250)));
        body["host"] = host.as_str().into();
        body["description"] = description.as_str().into();
        body["bluetoothEnabled"] = self.random.one_in(2).into();
        let mut made = self.make("PATCH", path, body);
        made.after.put(format!("agent/{name}"), world::agent(&description, mode, &host));
        Some(made)
    }

    fn delete_agent(&mut self) -> Option<Mutation> {
        let name = self.random.pick(&self.agents())?;
        let path = format!("/iofog/{}", self.id(&format!("agent/{name}"))?);
        let mut made = self.make("DELETE", path, Value::Null);
        made.after.remove_agent(&name);
        Some(made)
    }

    /// The host and ports that every other router dials.
    fn patch_system(&mut self) -> Option<Mutation> {
        let uuid = self.system?;
        let (host, edge) =
            (format!("10.1.0.{}", self.random.below(250)), 56_700 + self.random.below(9));
        let body = json!({ "host": host, "routerMode": "interior", "edgeRouterPort": edge,
            "interRouterPort": 56_800 + self.random.below(9) });
        let mut made = self.make("PATCH", format!("/iofog/{uuid}"), body);
        made.after.put("system".to_owned(), format!("{host};{edge}"));
        Some(made)
    }

    fn ports(&mut self) -> Vec<Value> {
        let mut ports = Vec::new();
        if self.random.one_in(2) {
            let mut port =
                json!({ "internal": 80, "external": 10_000 + self.random.below(20_000) });
            if self.random.one_in(2) {
                port["public"] = json!({ "schemes": ["http"], "protocol": "http" });
            }
            ports.push(port);
        }
        ports
    }

    fn microservice_body(&mut self, name: &str) -> Option<(Value, String)> {
        let agent = self.random.pick(&self.agents())?;
        let (config, ports) = (format!("{{\"c\":{}}}", self.random.below(1000)), self.ports());
        let said = world::microservice(&agent, &config, &ports);
        let body = json!({ "name": name, "agentName": agent, "registryId": 2, "config": config,
            "ports": ports, "images": [{ "containerImage": "i:1", "fogTypeId": 1 }],
            "env": [{ "key": "K", "value": self.word() }] });
        Some((body, said))
    }

    /// Creates an application, or makes a known one another.
    fn put_application(&mut self, new: bool) -> Option<Mutation> {
        let all = self.applications();
        let name = if new {
            if all.len() > 6 {
                return self.delete_application();
            }
            format!("a{}", self.random.below(1000))
        } else {
            self.random.pick(&all)?
        };
        if new && all.contains(&name) {
            return None;
        }
        let (mut bodies, mut facts, mut names) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..self.random.below(4) {
            let one = format!("m{}", number + self.random.below(2) * 4);
            let (body, said) = self.microservice_body(&one)?;
            bodies.push(body);
            facts.push((format!("ms/{name}/{one}"), said));
            names.push(one);
        }
        let mut routes = Vec::new();
        for pair in names.windows(2) {
            routes.push(json!({ "from": pair[0], "to": pair[1] }));
            let fact = format!("route/{name}/r-{}-{}", pair[0], pair[1]);
            facts.push((fact, format!("{}>{}", pair[0], pair[1])));
        }
        let poisoned = self.random.one_in(6);
        if poisoned {
            routes.push(json!({ "from": "nobody", "to": "nowhere" }));
        }
        let active = self.random.one_in(2);
        let body = json!({ "name": name, "isActivated": active, "microservices": bodies,
            "routes": routes });
        let (method, path) = if new {
            ("POST", "/application".to_owned())
        } else {
            ("PUT", format!("/application/{name}"))
        };
        let mut made = self.make(method, path, body);
        made.poisoned = poisoned;
        made.after.remove_below(&format!("ms/{name}/"));
        made.after.remove_below(&format!("route/{name}/"));
        made.after.put(format!("app/{name}"), active.to_string());
        facts.into_iter().for_each(|(fact, said)| made.after.put(fact, said));
        Some(made)
    }

    fn patch_application(&mut self) -> Option<Mutation> {
        let name = self.random.pick(&self.applications())?;
        let active = self.random.one_in(2);
        let body = json!({ "isActivated": active });
        let mut made = self.make("PATCH", format!("/application/{name}"), body);
        made.after.put(format!("app/{name}"), active.to_string());
        Some(made)
    }

    fn delete_application(&mut self) -> Option<Mutation> {
        let name = self.random.pick(&self.applications())?;
        let mut made = self.make("DELETE", format!("/application/{name}"), Value::Null);
        made.after.0.remove(&format!("app/{name}"));
        made.after.remove_below(&format!("ms/{name}/"));
        made.after.remove_below(&format!("route/{name}/"));
        Some(made)
    }

    fn create_microservice(&mut self) -> Option<Mutation> {
        let application = self.random.pick(&self.applications())?;
        let name = format!("n{}", self.random.below(1000));
        let fact = format!("ms/{application}/{name}");
        if self.world.0.contains_key(&fact) {
            return None;
        }
        let (mut body, said) = self.microservice_body(&name)?;
        body["application"] = application.into();
        let mut made = self.make("POST", "/microservices".to_owned(), body);
        made.after.put(fact.clone(), said);
        made.gives = Some((fact, "uuid"));
        Some(made)
    }

    fn some_microservice(&mut self) -> Option<(String, String, String)> {
        let which = self.random.pick(&self.world.below("ms/"))?;
        let uuid = self.id(&format!("ms/{which}"))?;
        let (application, name) = which.split_once('/')?;
        Some((application.to_owned(), name.to_owned(), uuid))
    }

    fn patch_microservice(&mut self) -> Option<Mutation> {
        let (application, name, uuid) = self.some_microservice()?;
        let (body, said) = self.microservice_body(&name)?;
        let mut made = self.make("PATCH", format!("/microservices/{uuid}"), body);
        made.after.put(format!("ms/{application}/{name}"), said);
        Some(made)
    }

    fn delete_microservice(&mut self) -> Option<Mutation> {
        let (application, name, uuid) = self.some_microservice()?;
        let mut made = self.make("DELETE", format!("/microservices/{uuid}"), Value::Null);
        made.after.remove_microservice(&application, &name);
        Some(made)
    }

    fn route(&mut self) -> Option<Mutation> {
        let application = self.random.pick(&self.applications())?;
        let known = self.world.below(&format!("route/{application}/"));
        if let Some(name) = self.random.pick(&known).filter(|_| self.random.one_in(2)) {
            let path = format!("/routes/{application}/{name}");
            let mut made = self.make("DELETE", path, Value::Null);
            made.after.0.remove(&format!("route/{application}/{name}"));
            return Some(made);
        }
        let members = self.world.below(&format!("ms/{application}/"));
        let (from, to) = (self.random.pick(&members)?, self.random.pick(&members)?);
        let ends = format!("{from}>{to}");
        let same = known
            .iter()
            .any(|name| self.world.0.get(&format!("route/{application}/{name}")) == Some(&ends));
        let name = format!("x{}", self.random.below(1000));
        if same || known.contains(&name) {
            return None;
        }
        let body = json!({ "name": name, "from": from, "to": to, "application": application });
        let mut made = self.make("POST", "/routes".to_owned(), body);
        made.after.put(format!("route/{application}/{name}"), ends);
        Some(made)
    }

    fn template(&mut self) -> Option<Mutation> {
        let known = self.world.below("template/");
        let word = self.word();
        match self.random.pick(&known) {
            Some(name) if self.random.one_in(3) => {
                let path = format!("/applicationTemplate/{name}");
                let mut made = self.make("DELETE", path, Value::Null);
                made.after.0.remove(&format!("template/{name}"));
                Some(made)
            }
            Some(name) if self.random.one_in(2) => {
                let body = json!({ "description": word });
                let mut made = self.make("PATCH", format!("/applicationTemplate/{name}"), body);
                made.after.put(format!("template/{name}"), word);
                Some(made)
            }
            _ => {
                let name = format!("t{}", self.random.below(1000));
                if known.contains(&name) {
                    return None;
                }
                let body = json!({ "name": name, "description": word,
                    "application": { "microservices": [], "routes": [] },
                    "variables": [{ "key": "k", "defaultValue": "v" }] });
                let mut made = self.make("POST", "/applicationTemplate".to_owned(), body);
                made.after.put(format!("template/{name}"), word);
                Some(made)
            }
        }
    }

    fn resource(&mut self) -> Option<Mutation> {
        let known = self.world.below("resource/");
        let word = self.word();
        if let Some(name) = self.random.pick(&known)
            && self.random.one_in(3)
        {
            let mut made = self.make("DELETE", format!("/edgeResource/{name}/1.0.0"), Value::Null);
            made.after.0.remove(&format!("resource/{name}"));
            made.after.remove_below(&format!("link/{name}@"));
            return Some(made);
        }
        let name = format!("e{}", self.random.below(8));
        let body = json!({ "name": name, "version": "1.0.0", "interfaceProtocol": "http",
            "description": word, "orchestrationTags": [word],
            "interface": { "endpoints": [{ "name": "get", "method": "GET", "url": "/" }] } });
        let mut made = self.make("PUT", format!("/edgeResource/{name}/1.0.0"), body);
        made.after.put(format!("resource/{name}"), word);
        Some(made)
    }

    fn link(&mut self) -> Option<Mutation> {
        let resource = self.random.pick(&self.world.below("resource/"))?;
        let agent = self.random.pick(&self.agents())?;
        let uuid = self.id(&format!("agent/{agent}"))?;
        let fact = format!("link/{resource}@{agent}");
        let linked = self.world.0.contains_key(&fact);
        let path = format!("/edgeResource/{resource}/1.0.0/link");
        let method = if linked { "DELETE" } else { "POST" };
        let mut made = self.make(method, path, json!({ "uuid": uuid }));
        if linked {
            made.after.0.remove(&fact);
        } else {
            made.after.put(fact, "");
        }
        Some(made)
    }

    fn registry(&mut self) -> Option<Mutation> {
        let known = self.world.below("registry/");
        let word = self.word();
        if let Some(url) = self.random.pick(&known) {
            let path = format!("/registries/{}", self.id(&format!("registry/{url}"))?);
            if self.random.one_in(2) {
                let mut made = self.make("DELETE", path, Value::Null);
                made.after.0.remove(&format!("registry/{url}"));
                return Some(made);
            }
            let mut made = self.make("PATCH", path, json!({ "username": word }));
            made.after.put(format!("registry/{url}"), word);
            return Some(made);
        }
        let url = format!("{}-{word}.example", self.prefix);
        let body = json!({ "url": url, "isPublic": false, "username": word, "password": "p",
            "email": "a@b.co" });
        let mut made = self.make("POST", "/registries".to_owned(), body);
        made.after.put(format!("registry/{url}"), word);
        made.gives = Some((format!("registry/{url}"), "id"));
        Some(made)
    }

    fn catalog(&mut self) -> Option<Mutation> {
        let path = "/catalog/microservices";
        let word = self.word();
        if let Some(name) = self.random.pick(&self.world.below("item/")) {
            let path = format!("{path}/{}", self.id(&format!("item/{name}"))?);
            if self.random.one_in(2) {
                let mut made = self.make("DELETE", path, Value::Null);
                made.after.0.remove(&format!("item/{name}"));
                return Some(made);
            }
            let mut made = self.make("PATCH", path, json!({ "description": word }));
            made.after.put(format!("item/{name}"), word);
            return Some(made);
        }
        let name = format!("{}-{word}", self.prefix);
        let body = json!({ "name": name, "registryId": 1, "description": word,
            "images": [{ "containerImage": "i:1", "fogTypeId": 1 }] });
        let mut made = self.make("POST", path.to_owned(), body);
        made.after.put(format!("item/{name}"), word);
        made.gives = Some((format!("item/{name}"), "id"));
        Some(made)
    }

    fn config(&mut self) -> Option<Mutation> {
        let (key, value) = (format!("{}-{}", self.prefix, self.random.below(5)), self.word());
        let body = json!({ "key": key, "value": value });
        let mut made = self.make("PUT", "/config".to_owned(), body);
        made.after.put(format!("config/{key}"), value);
        Some(made)
    }
}
