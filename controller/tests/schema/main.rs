//! Throws requests made from the OpenAPI document at the running Controller: no status that the route table does not declare, no
//! panic, no trace in a body, and the schemas say what the checks do. `IOFOG_FUZZ_CASES` and `IOFOG_FUZZ_SEED` make longer and other runs.

#![allow(clippy::unwrap_used, clippy::cast_precision_loss, reason = "a test may fail here")]
#![allow(unreachable_pub, missing_docs, reason = "parts of one test")]

#[path = "../common/mod.rs"]
mod common;
mod generate;
mod random;
mod world;

use std::collections::BTreeMap;

use common::{Answer, Controller};
use generate::{Change, ODD};
use iofog_controller::openapi;
use random::Random;
use serde_json::Value;
use world::World;

/// Where the document is checked in.
const CHECKED_IN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");

/// Guesses at keys are refused after some: a world could not be made anew then.
const FEW: &str = "agent.provision";

struct Operation {
    id: String,
    method: String,
    path: String,
    about: Value,
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

fn operations(document: &Value) -> Vec<Operation> {
    let paths = document["paths"].as_object().unwrap();
    let each = paths.iter().flat_map(|(path, methods)| {
        methods.as_object().unwrap().iter().map(move |(method, about)| Operation {
            id: about["operationId"].as_str().unwrap().to_owned(),
            method: method.to_ascii_uppercase(),
            path: path.clone(),
            about: about.clone(),
        })
    });
    each.collect()
}

#[test]
fn the_checked_in_document_is_the_generated_one() {
    let generated = format!("{:#}\n", openapi::document());
    if std::env::var("IOFOG_WRITE_OPENAPI").is_ok() {
        std::fs::write(CHECKED_IN, &generated).unwrap();
    }
    let known = std::fs::read_to_string(CHECKED_IN).unwrap_or_default();
    assert!(
        known == generated,
        "docs/openapi.json is old: IOFOG_WRITE_OPENAPI=1 cargo test -p iofog-controller --test schema checked_in"
    );
}

#[test]
fn the_document_is_served() {
    let controller = Controller::start();
    let root = controller.base.trim_end_matches("/api/v3").to_owned();
    let get = |path: &str| {
        let request = ureq::http::Request::builder().uri(format!("{root}{path}"));
        controller.send(request.body(String::new()).unwrap())
    };
    assert_eq!(&get("/docs/openapi.json").body, openapi::document());
    for path in ["/docs", "/docs/"] {
        let page = get(path);
        assert_eq!(
            (page.status, page.headers["content-type"].as_bytes()),
            (200, &b"text/html; charset=utf-8"[..])
        );
        assert!(page.text.contains("<code>/agent/config/changes</code>"), "{}", page.text);
    }
}

#[test]
fn no_request_gets_an_undeclared_answer() {
    let controller = Controller::start();
    let root = controller.base.trim_end_matches("/api/v3").to_owned();
    let request = ureq::http::Request::builder().uri(format!("{root}/docs/openapi.json"));
    let document = controller.send(request.body(String::new()).unwrap()).body;
    let operations = operations(&document);
    let first = controller.user("first@b.co");
    controller.system_agent(&first);
    let (cases, seed) = (setting("IOFOG_FUZZ_CASES", 1500), setting("IOFOG_FUZZ_SEED", 1));
    let mut random = Random::new(seed);
    let mut worlds = 1;
    let mut world = World::new(&controller, worlds);
    let mut wrong: BTreeMap<String, String> = BTreeMap::new();
    let mut reached: BTreeMap<&str, usize> = BTreeMap::new();
    let mut few = 0;
    for case in 0..usize::try_from(cases).unwrap() {
        let operation = &operations[case % operations.len()];
        if operation.id == FEW {
            few += 1;
            if few > 3 {
                continue;
            }
        }
        let shot = Shot::new(&mut random, &world, operation);
        let answer = shot.fire(&controller);
        if answer.status < 300 {
            *reached.entry(operation.id.as_str()).or_default() += 1;
        }
        for complaint in shot.judge(operation, &answer) {
            let key = format!("{}: {complaint}", operation.id);
            let told = format!("case {case}: {shot:?} -> {} {}", answer.status, cut(&answer.text));
            wrong.entry(key).or_insert(told);
        }
        let gone = answer.status == 401 && shot.rightful;
        let ended = ["user.logout", "user.delete", "agent.delete-node", "fog.delete"]
            .contains(&operation.id.as_str())
            && answer.status < 300;
        let eaten = ["application.delete", "flow.delete", "microservice.delete"]
            .contains(&operation.id.as_str())
            && answer.status < 300;
        if gone || ended || eaten {
            worlds += 1;
            world = World::new(&controller, worlds);
        }
    }
    println!(
        "seed {seed}, {cases} cases, {worlds} worlds, {} of {} operations succeeded at least once",
        reached.len(),
        operations.len()
    );
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn cut(text: &str) -> String {
    text.chars().take(300).collect()
}

/// One request.
struct Shot {
    method: String,
    path: String,
    token: Option<String>,
    /// The token is the one that the operation wants.
    rightful: bool,
    kind: String,
    body: String,
    change: Change,
}

impl std::fmt::Debug for Shot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} {} {} {:?} {}",
            self.method,
            self.path,
            self.kind,
            self.change,
            cut(&self.body)
        )
    }
}

impl Shot {
    fn new(random: &mut Random, world: &World, operation: &Operation) -> Self {
        let own = match operation.about["security"][0].as_object().and_then(|o| o.keys().next()) {
            None => None,
            Some(kind) if kind == "user" => Some(world.user.clone()),
            Some(_) => Some(world.agent.clone()),
        };
        let rightful = !random.one_in(25);
        let token = match (own, rightful) {
            (own, true) => own,
            (_, false) => {
                [None, Some(world.agent.clone()), Some("wrong".to_owned())][random.below(3)].clone()
            }
        };
        let path = path(random, world, operation);
        let contents = &operation.about["requestBody"]["content"];
        let json = "application/json".to_owned();
        let (kind, body, change) = if let Some(form) = contents.get("multipart/form-data") {
            let (kind, body) = multipart(random, world, &form["schema"]);
            (kind, body, Change::Odd)
        } else if let Some(content) = contents.get("application/json") {
            let (body, change) = generate::body(random, world, &content["schema"]);
            match random.below(20) {
                0 => (json, body.to_string().split_off(1), Change::Odd),
                1 => ("text/plain".to_owned(), body.to_string(), Change::Odd),
                2 => (
                    "application/x-www-form-urlencoded".to_owned(),
                    "a[b][0]=1&a[b]=2&name=x&=".to_owned(),
                    Change::Odd,
                ),
                3 => (json, "[1,{}]".to_owned(), Change::Odd),
                _ => (json, body.to_string(), change),
            }
        } else {
            let body = random.pick(&["", "", "{}", "[]", "{\"a\":1}", "{"]).to_string();
            (json, body, Change::Odd)
        };
        Self { method: operation.method.clone(), path, token, rightful, kind, body, change }
    }

    fn fire(&self, controller: &Controller) -> Answer {
        let mut request = ureq::http::Request::builder()
            .method(self.method.as_str())
            .uri(format!("{}{}", controller.base, self.path))
            .header("content-type", &self.kind);
        if let Some(token) = &self.token {
            request = request.header("authorization", token);
        }
        controller.send_unchecked(request.body(self.body.clone()).unwrap())
    }

    /// What is wrong with an answer.
    fn judge(&self, operation: &Operation, answer: &Answer) -> Vec<String> {
        let mut complaints = Vec::new();
        let status = answer.status;
        if operation.about["responses"].get(status.to_string()).is_none() {
            complaints.push(format!("{status} is not declared"));
        }
        for trace in ["panicked", "\"stack\"", ".rs:", "InternalError", "RUST_BACKTRACE"] {
            if answer.text.contains(trace) && !self.body.contains(trace) {
                complaints.push(format!("the body says {trace}"));
            }
        }
        let is_error = answer.body["name"].is_string() && answer.body["message"].is_string();
        if status >= 400
            && self.method != "HEAD"
            && !is_error
            && !answer.text.starts_with("<!DOCTYPE html>")
        {
            complaints.push(format!("{status} without an error"));
        }
        let message = answer.body["message"].as_str().unwrap_or_default();
        let schema = ["is not of a type(s)", "is not one of enum values"];
        let of_path = operation.about["parameters"].as_array().into_iter().flatten().any(|one| {
            message.contains(&format!("'{}'", one["name"].as_str().unwrap_or_default()))
        });
        if self.change == Change::None
            && !of_path
            && schema.iter().any(|part| message.contains(part))
        {
            complaints.push(format!("the document promises what is refused: {message}"));
        }
        if let Change::Type(place) = &self.change
            && status < 300
        {
            complaints.push(format!("another type is taken at {place}"));
        }
        complaints
    }
}

fn path(random: &mut Random, world: &World, operation: &Operation) -> String {
    let part =
        |random: &mut Random, segment: &str| match segment.strip_prefix('{') {
            None => segment.to_owned(),
            Some(name) => {
                let name = name.trim_end_matches('}');
                let odd = if random.one_in(6) { Some(random.pick(ODD)) } else { None };
                // An empty segment would be another route.
                let odd = odd.filter(|odd| !odd.is_empty());
                encode(&odd.map_or_else(
                    || world.parameter(&operation.path, name),
                    |odd| (*odd).to_owned(),
                ))
            }
        };
    let mut path: Vec<String> = Vec::new();
    for segment in operation.path.split('/') {
        path.push(part(random, segment));
    }
    let mut path = path.join("/");
    let mut sign = '?';
    for parameter in operation.about["parameters"].as_array().into_iter().flatten() {
        if parameter["in"] == "query" && random.below(5) != 0 {
            let name = parameter["name"].as_str().unwrap_or_default();
            let fitting = generate::fitting(random, world, &parameter["schema"], name);
            let odd = random.one_in(4).then(|| (*random.pick(ODD)).to_owned());
            let value = odd.unwrap_or_else(|| fitting.as_str().unwrap_or_default().to_owned());
            path.push_str(&format!("{sign}{name}={}", encode(&value)));
            sign = '&';
        }
    }
    if operation.id == "fog.list" && random.one_in(2) {
        let filters = "filters%5B0%5D%5Bkey%5D=name&filters%5B0%5D%5Bvalue%5D=gw&filters%5B0%5D%5Bcondition%5D=";
        path.push_str(&format!("{sign}{filters}{}", random.pick(&["has", "equals", "is"])));
    }
    path
}

fn encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// A form with a document, or with something else.
fn multipart(random: &mut Random, world: &World, schema: &Value) -> (String, String) {
    let field = schema["required"][0].as_str().unwrap_or_default();
    let field = if random.one_in(8) { "other" } else { field };
    let name = format!("yam{}", random.below(5));
    let agent = world.known("agentName").unwrap_or_default();
    let one = format!(
        "name: m1, agent: {{name: {agent}}}, images: {{x86: 'i:1', registry: remote}}, config: {{a: 1}}"
    );
    let document = match random.below(8) {
        0 => format!("kind: Application\nmetadata: {{name: {name}}}\nspec: {{microservices: [{{{one}}}], routes: []}}\n"),
        1 => format!("kind: Microservice\nmetadata: {{name: demo/{name}}}\nspec: {{{one}}}\n"),
        2 => format!("kind: ApplicationTemplate\nmetadata: {{name: {name}}}\nspec: {{variables: [{{key: a, defaultValue: 1}}], application: {{microservices: [{{{one}}}], routes: []}}}}\n"),
        3 => "kind: Application\nmetadata: {name: [1]}\nspec: {microservices: {a: 1}, routes: 7}\n".to_owned(),
        4 => "a: &a [*a]\n".to_owned(),
        5 => "kind: Microservice\nmetadata: {name: a/b/c}\nspec: {agent: 5, images: [1], container: x}\n".to_owned(),
        6 => "kind: ApplicationTemplate\nmetadata: {}\nspec: {application: 5, variables: {a: b}}\n".to_owned(),
        _ => (*random.pick(ODD)).to_owned(),
    };
    let body = format!(
        "--XX\r\ncontent-disposition: form-data; name=\"{field}\"; filename=\"f.yaml\"\r\n\r\n{document}\r\n--XX--\r\n"
    );
    let kind = random.pick(&[
        "multipart/form-data; boundary=XX",
        "multipart/form-data; boundary=XX",
        "multipart/form-data; boundary=XX",
        "multipart/form-data; boundary=YY",
        "multipart/form-data",
        "application/json",
    ]);
    ((*kind).to_owned(), body)
}
