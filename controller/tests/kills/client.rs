//! One client: a user with agents of its own, who mutates until the Controller dies, and knows what must be true then.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use serde_json::{Value, json};

use crate::common::Controller;
use crate::mutation::{Mutation, Source};
use crate::world::{self, Random, World};

/// What an agent of the client holds.
#[derive(Clone, Debug, Default)]
struct Agent {
    /// Its token, once provisioned.
    token: Option<String>,
    /// A key that nobody has redeemed.
    key: Option<String>,
    /// Change flags that were caused and not acknowledged.
    due: BTreeSet<&'static str>,
}

/// What was under way when the Controller died.
enum Pending {
    Nothing,
    Mutation(Box<Mutation>),
    /// A new key for an agent.
    Key(String),
    /// A redemption by an agent.
    Redemption(String),
    Logout,
}

pub struct Client {
    email: String,
    prefix: String,
    random: Random,
    http: ureq::Agent,
    tokens: Vec<String>,
    /// Tokens that were revoked.
    revoked: Vec<String>,
    world: World,
    ids: BTreeMap<String, String>,
    agents: BTreeMap<String, Agent>,
    system: Option<String>,
    pending: Pending,
    /// An answer that the server failed counts as none: its database may be gone for a moment.
    pub forgiving: bool,
    /// Mutations that were answered with success, refused, and cut off.
    pub accepted: u32,
    pub refused: u32,
    pub cut: u32,
}

/// The Controller is gone.
pub struct Gone;

type Called = Result<(u16, Value), Gone>;

impl Client {
    pub fn new(controller: &Controller, number: u64, seed: u64) -> Self {
        let email = format!("user{number}@b.co");
        let token = controller.user(&email);
        let system = (number == 0).then(|| controller.system_agent(&token));
        let http = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(std::time::Duration::from_secs(120)))
            .build();
        let mut client = Self {
            email,
            prefix: format!("u{number}"),
            random: Random(seed.wrapping_mul(1_000_003).wrapping_add(number)),
            http: http.into(),
            tokens: vec![token],
            revoked: Vec::new(),
            world: World::default(),
            ids: BTreeMap::new(),
            agents: BTreeMap::new(),
            system,
            pending: Pending::Nothing,
            forgiving: false,
            accepted: 0,
            refused: 0,
            cut: 0,
        };
        client.world = client.observe(&controller.base).0;
        client
    }

    fn call(&self, base: &str, method: &str, path: &str, token: &str, body: &Value) -> Called {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{base}{path}"))
            .header("content-type", "application/json")
            .header("authorization", token)
            .body(text)
            .unwrap();
        let mut answer = self.http.run(request).map_err(|_| Gone)?;
        let text = answer.body_mut().read_to_string().map_err(|_| Gone)?;
        if self.forgiving && answer.status().is_server_error() {
            return Err(Gone);
        }
        Ok((answer.status().as_u16(), serde_json::from_str(&text).unwrap_or(Value::Null)))
    }

    fn as_user(&self, base: &str, method: &str, path: &str, body: &Value) -> Called {
        self.call(base, method, path, self.tokens.last().unwrap(), body)
    }

    /// Mutates until the Controller is gone or `stop` is set; counts the answers.
    pub fn run(&mut self, base: &str, answered: &AtomicU32, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) && self.one(base).is_ok() {
            answered.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn one(&mut self, base: &str) -> Result<(), Gone> {
        match self.random.below(40) {
            0..=3 => self.provision(base),
            4..=5 => self.acknowledge(base),
            6 if self.random.one_in(3) => self.log_out_and_in(base),
            _ => self.mutate(base),
        }
    }

    fn mutate(&mut self, base: &str) -> Result<(), Gone> {
        let mut source = Source {
            prefix: &self.prefix,
            world: &self.world,
            ids: &self.ids,
            random: &mut self.random,
            system: self.system.as_deref(),
        };
        let Some(made) = source.next() else { return Ok(()) };
        let answer = self.as_user(base, made.method, &made.path, &made.body);
        let Ok((status, body)) = answer else {
            self.pending = Pending::Mutation(Box::new(made));
            self.cut += 1;
            return Err(Gone);
        };
        if (400..500).contains(&status) {
            self.refused += 1;
            return Ok(());
        }
        assert!((200..300).contains(&status), "{made:?}: {status} {body}");
        assert!(!made.poisoned, "{made:?} was accepted");
        self.accepted += 1;
        self.note_due(&made);
        if let Some((fact, field)) = &made.gives {
            self.ids.insert(fact.clone(), id(&body[*field]));
        }
        self.take(made.after);
        Ok(())
    }

    fn take(&mut self, after: World) {
        self.world = after;
        self.ids.retain(|fact, _| self.world.0.contains_key(fact));
        let (agents, revoked) = (&mut self.agents, &mut self.revoked);
        agents.retain(|name, agent| {
            let stays = self.world.0.contains_key(&format!("agent/{name}"));
            revoked.extend(agent.token.take_if(|_| !stays));
            stays
        });
    }

    /// Flags that an accepted mutation leaves for agents.
    fn note_due(&mut self, made: &Mutation) {
        for (fact, said) in &made.after.0 {
            if self.world.0.get(fact) == Some(said) {
                continue;
            }
            if let Some(name) = fact.strip_prefix("agent/") {
                let agent = self.agents.entry(name.to_owned()).or_default();
                agent.due.insert(if made.method == "PATCH" {
                    "config"
                } else {
                    "microserviceList"
                });
            } else if fact.starts_with("ms/") {
                let on = said.strip_prefix("on=").and_then(|rest| rest.split(';').next());
                let agent = self.agents.entry(on.unwrap_or_default().to_owned()).or_default();
                agent.due.insert("microserviceList");
            }
        }
    }

    fn provision(&mut self, base: &str) -> Result<(), Gone> {
        let Some(name) = self.random.pick(&self.world.below("agent/")) else { return Ok(()) };
        let Some(uuid) = self.ids.get(&format!("agent/{name}")) else { return Ok(()) };
        let path = format!("/iofog/{uuid}/provisioning-key");
        let answer = self.as_user(base, "GET", &path, &Value::Null);
        let agent = self.agents.entry(name.clone()).or_default();
        let Ok((status, body)) = answer else {
            // The former key is good still, or no more.
            self.pending = Pending::Key(name);
            return Err(Gone);
        };
        assert_eq!(status, 201, "{body}");
        let key = id(&body["key"]);
        agent.key = Some(key.clone());
        let body = json!({ "type": 1, "key": key });
        match self.call(base, "POST", "/agent/provision", "", &body) {
            Ok((status, body)) => {
                assert_eq!(status, 200, "{body}");
                self.redeemed(&name, id(&body["token"]));
                Ok(())
            }
            Err(Gone) => {
                self.pending = Pending::Redemption(name);
                Err(Gone)
            }
        }
    }

    fn redeemed(&mut self, name: &str, token: String) {
        let agent = self.agents.entry(name.to_owned()).or_default();
        agent.key = None;
        self.revoked.extend(agent.token.replace(token));
    }

    fn acknowledge(&mut self, base: &str) -> Result<(), Gone> {
        let with_token = |(name, agent): (&String, &Agent)| {
            agent.token.clone().map(|token| (name.clone(), token))
        };
        let all: Vec<_> = self.agents.iter().filter_map(with_token).collect();
        let Some((name, token)) = self.random.pick(&all) else { return Ok(()) };
        let (status, body) =
            self.call(base, "GET", "/agent/config/changes", &token, &Value::Null)?;
        assert_eq!(status, 200, "{body}");
        self.check_due(&name, &body);
        let stamp = json!({ "lastUpdated": body["lastUpdated"] });
        // Answered or not, the flags may be gone from here on.
        self.agents.entry(name.clone()).or_default().due.clear();
        let (status, body) = self.call(base, "PATCH", "/agent/config/changes", &token, &stamp)?;
        assert_eq!(status, 200, "{body}");
        let (status, body) =
            self.call(base, "GET", "/agent/microservices", &token, &Value::Null)?;
        assert_eq!(status, 200, "{body}");
        let report = json!({ "daemonStatus": "RUNNING", "memoryUsage": 1.5 });
        let (status, body) = self.call(base, "PUT", "/agent/status", &token, &report)?;
        assert_eq!(status, 204, "{body}");
        Ok(())
    }

    fn check_due(&self, name: &str, flags: &Value) {
        for flag in &self.agents[name].due {
            assert_eq!(flags[*flag], json!(true), "{name}: {flag} is lost: {flags}");
        }
    }

    fn log_out_and_in(&mut self, base: &str) -> Result<(), Gone> {
        let Ok((status, body)) = self.as_user(base, "POST", "/user/logout", &Value::Null) else {
            self.pending = Pending::Logout;
            return Err(Gone);
        };
        assert_eq!(status, 204, "{body}");
        self.revoked.append(&mut self.tokens);
        self.log_in(base)
    }

    /// Should the Controller go during it, there is no token left, and the check after the restart gets one.
    fn log_in(&mut self, base: &str) -> Result<(), Gone> {
        let body = json!({ "email": self.email, "password": "password1" });
        let (status, body) = self.call(base, "POST", "/user/login", "", &body)?;
        assert_eq!(status, 200, "{body}");
        self.tokens.push(id(&body["accessToken"]));
        Ok(())
    }

    /// Gone as long as the Controller has no database.
    pub fn settle(&mut self, base: &str) -> Result<(), Gone> {
        if self.tokens.is_empty() {
            // Cut between the logout and the login.
            self.log_in(base)?;
        }
        let body = json!({ "key": self.prefix.replace('u', "settle"), "value": "v" });
        (0..4).try_for_each(|_| {
            self.as_user(base, "PUT", "/config", &body)?;
            self.as_user(base, "GET", "/config", &Value::Null).map(drop)
        })
    }

    /// Checks after a restart: all that was answered is there, what was not is there as a whole or not at all.
    pub fn check(&mut self, base: &str) -> Result<(), Gone> {
        let pending = std::mem::replace(&mut self.pending, Pending::Nothing);
        self.check_tokens(base, matches!(pending, Pending::Logout))?;
        let (seen, ids) = self.observe(base);
        let before = self.world.clone();
        match &pending {
            Pending::Mutation(made) if !made.poisoned && seen == made.after => {
                self.take(made.after.clone());
            }
            Pending::Mutation(made) => assert!(
                seen == before,
                "{} {} is half done\nagainst before: {:#?}\nagainst after: {:#?}",
                made.method,
                made.path,
                seen.differences(&before),
                seen.differences(&made.after)
            ),
            _ => assert!(seen == before, "lost or made up: {:#?}", seen.differences(&before)),
        }
        for (fact, known) in &self.ids {
            assert_eq!(ids.get(fact), Some(known), "{fact} is another one now");
        }
        self.ids = ids;
        self.check_agents(base, &pending)
    }

    fn check_tokens(&mut self, base: &str, may_be_out: bool) -> Result<(), Gone> {
        let mut answers = BTreeSet::new();
        for token in &self.tokens {
            answers.insert(self.call(base, "GET", "/user/profile", token, &Value::Null)?.0);
        }
        let good = answers == BTreeSet::from([200]);
        assert!(good || answers.is_empty() || may_be_out, "tokens are lost: {answers:?}");
        assert!(answers.len() < 2, "a logout is half done: {answers:?}");
        if !good {
            self.revoked.append(&mut self.tokens);
            self.log_in(base)?;
        }
        for token in &self.revoked {
            for path in ["/user/profile", "/agent/config"] {
                let (status, _) = self.call(base, "GET", path, token, &Value::Null)?;
                assert_eq!(status, 401, "a revoked token is good again");
            }
        }
        let surplus = self.revoked.len().saturating_sub(6);
        self.revoked.drain(..surplus);
        Ok(())
    }

    fn check_agents(&mut self, base: &str, pending: &Pending) -> Result<(), Gone> {
        for (name, agent) in self.agents.clone() {
            let redeeming = matches!(pending, Pending::Redemption(of) if *of == name);
            let good = match &agent.token {
                Some(token) => {
                    let path = "/agent/config/changes";
                    let (status, flags) = self.call(base, "GET", path, token, &Value::Null)?;
                    if status == 200 {
                        self.check_due(&name, &flags);
                    }
                    assert!(status == 200 || redeeming, "the token of {name} is lost: {flags}");
                    status == 200
                }
                None => false,
            };
            let Some(key) = &agent.key else { continue };
            let body = json!({ "type": 1, "key": key });
            let (status, body) = self.call(base, "POST", "/agent/provision", "", &body)?;
            match status {
                200 => {
                    let taken_back = good || agent.token.is_none() || !redeeming;
                    assert!(taken_back, "{name}: redeemed, and the key is good still");
                    self.redeemed(&name, id(&body["token"]));
                }
                404 if redeeming => {
                    assert!(!good, "{name}: the key is gone, and nothing came of it");
                    // The new token was never told; the next round makes another.
                    let agent = self.agents.entry(name.clone()).or_default();
                    agent.key = None;
                    self.revoked.extend(agent.token.take());
                }
                404 if matches!(pending, Pending::Key(of) if *of == name) => {
                    self.agents.entry(name.clone()).or_default().key = None;
                }
                _ => panic!("the key of {name} is lost: {status} {body}"),
            }
        }
        Ok(())
    }

    /// The facts as the Controller tells them, and the ids of what has one.
    fn observe(&self, base: &str) -> (World, BTreeMap<String, String>) {
        let (mut world, mut ids) = (World::default(), BTreeMap::new());
        let get = |path: &str| match self.as_user(base, "GET", path, &Value::Null) {
            Ok((200, body)) => body,
            Ok((status, body)) => panic!("{path}: {status} {body}"),
            Err(Gone) => panic!("{path}: no answer"),
        };
        let list = |path: &str, field: &str| get(path)[field].as_array().cloned().unwrap();
        let word = |body: &Value, field: &str| body[field].as_str().unwrap_or_default().to_owned();
        let mut names = BTreeMap::new();
        for one in list("/iofog-list", "fogs") {
            let name = word(&one, "name");
            names.insert(word(&one, "uuid"), name.clone());
            ids.insert(format!("agent/{name}"), word(&one, "uuid"));
            for linked in one["edgeResources"].as_array().into_iter().flatten() {
                world.put(format!("link/{}@{name}", word(linked, "name")), "");
            }
            let mode = word(&one, "routerMode");
            let said = world::agent(&word(&one, "description"), &mode, &word(&one, "host"));
            world.put(format!("agent/{name}"), said);
        }
        if let Some(system) = &self.system {
            let one = get(&format!("/iofog/{system}"));
            let said = format!("{};{}", word(&one, "host"), one["edgeRouterPort"]);
            world.put("system".to_owned(), said);
        }
        for one in list("/application", "applications") {
            let name = word(&one, "name");
            world.put(format!("app/{name}"), one["isActivated"].to_string());
            for inner in one["microservices"].as_array().unwrap() {
                let fact = format!("ms/{name}/{}", word(inner, "name"));
                ids.insert(fact.clone(), word(inner, "uuid"));
                let on = names.get(&word(inner, "iofogUuid")).cloned().unwrap_or_default();
                let ports = inner["ports"].as_array().unwrap();
                world.put(fact, world::microservice(&on, &word(inner, "config"), ports));
            }
            for route in one["routes"].as_array().unwrap() {
                let ends = format!("{}>{}", word(route, "from"), word(route, "to"));
                world.put(format!("route/{name}/{}", word(route, "name")), ends);
            }
        }
        for one in list("/applicationTemplates", "applicationTemplates") {
            world.put(format!("template/{}", word(&one, "name")), word(&one, "description"));
        }
        for one in list("/edgeResources", "edgeResources") {
            world.put(format!("resource/{}", word(&one, "name")), word(&one, "description"));
        }
        for one in list("/registries", "registries") {
            if word(&one, "url").starts_with(&self.prefix) {
                let fact = format!("registry/{}", word(&one, "url"));
                ids.insert(fact.clone(), id(&one["id"]));
                world.put(fact, word(&one, "username"));
            }
        }
        for one in list("/catalog/microservices", "catalogItems") {
            if word(&one, "name").starts_with(&self.prefix) {
                let fact = format!("item/{}", word(&one, "name"));
                ids.insert(fact.clone(), id(&one["id"]));
                world.put(fact, word(&one, "description"));
            }
        }
        for one in list("/config", "config") {
            if word(&one, "key").starts_with(&self.prefix) {
                world.put(format!("config/{}", word(&one, "key")), word(&one, "value"));
            }
        }
        (world, ids)
    }
}

/// An id, a key or a token, as text.
fn id(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
