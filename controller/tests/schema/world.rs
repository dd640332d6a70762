//! What exists while requests are thrown at the Controller: one user with one of each thing, made anew when it is gone.

use serde_json::{Value, json};

use crate::common::Controller;

pub struct World {
    number: u32,
    pub user: String,
    pub agent: String,
    fog: String,
    microservices: Vec<String>,
    ids: Vec<(&'static str, String)>,
}

impl World {
    /// Everything, in the name of a new user.
    pub fn new(controller: &Controller, number: u32) -> Self {
        let email = format!("fuzz{number}@b.co");
        let user = controller.user(&email);
        let post = |path: &str, body: &Value| {
            let answer = controller.call("POST", path, Some(&user), body);
            assert!(answer.status < 300, "{path}: {}", answer.text);
            answer.body
        };
        let fog = controller.gateway(&user, &format!("gw{number}"), "10.0.0.1");
        let agent = controller.provision(&user, &fog);
        let mut body = crate::common::application("x", "x");
        for one in body["microservices"].as_array_mut().into_iter().flatten() {
            one["agentName"] = json!(format!("gw{number}"));
            // The public port of a world before is still taken.
            one["ports"] = json!([]);
        }
        let application = post("/application", &body)["id"].to_string();
        let shown = controller.call("GET", "/application/demo", Some(&user), &Value::Null).body;
        let uuid =
            |index: usize| shown["microservices"][index]["uuid"].as_str().unwrap_or_default();
        let microservices = vec![uuid(0).to_owned(), uuid(1).to_owned()];
        post(
            "/applicationTemplate",
            &json!({ "name": format!("t{number}"), "application":
            { "microservices": [], "routes": [] } }),
        );
        post(
            "/edgeResource",
            &json!({ "name": "door", "version": "1.0.0",
            "interfaceProtocol": "http", "interface": { "endpoints": [] } }),
        );
        let registry = post(
            "/registries",
            &json!({ "url": "r.example", "isPublic": false,
            "username": "u", "password": "p", "email": "a@b.co" }),
        );
        let item = post(
            "/catalog/microservices",
            &json!({ "name": format!("item{number}"),
            "registryId": 1, "images": [{ "containerImage": "i:1", "fogTypeId": 1 }] }),
        );
        let volume = post(
            &format!("/microservices/{}/volume-mapping", microservices[0]),
            &json!({
            "hostDestination": "/a", "containerDestination": "/b", "accessMode": "rw" }),
        );
        let ids = vec![
            ("/flow/", application),
            ("/registries/", registry["id"].to_string()),
            ("/catalog/", item["id"].to_string()),
            ("volume-mapping/", volume["id"].to_string()),
        ];
        Self { number, user, agent, fog, microservices, ids }
    }

    /// The value of a parameter that exists.
    pub fn parameter(&self, path: &str, name: &str) -> String {
        match name {
            "uuid" if path.starts_with("/iofog") => self.fog.clone(),
            "uuid" | "microserviceUuid" => self.microservices[0].clone(),
            "receiverUuid" => self.microservices[1].clone(),
            "id" if path.starts_with("/iofog") => self.fog.clone(),
            "id" => self
                .ids
                .iter()
                .find(|(part, _)| path.contains(part))
                .map_or_else(|| "1".to_owned(), |(_, id)| id.clone()),
            "versionCommand" => "upgrade".to_owned(),
            "internalPort" => "80".to_owned(),
            "version" => "1.0.0".to_owned(),
            "appName" => "demo".to_owned(),
            "key" => "k".to_owned(),
            "name" if path.starts_with("/routes") => "r-sensor-dashboard".to_owned(),
            "name" if path.starts_with("/edgeResource") => "door".to_owned(),
            "name" if path.starts_with("/applicationTemplate") => format!("t{}", self.number),
            _ => "demo".to_owned(),
        }
    }

    /// A text for a field of this name that exists.
    pub fn known(&self, field: &str) -> Option<String> {
        Some(match field {
            "agentName" => format!("gw{}", self.number),
            "application" | "flowId" => "demo".to_owned(),
            "iofogUuid" | "uuid" | "nodeName" => self.fog.clone(),
            "from" => "sensor".to_owned(),
            "to" => "dashboard".to_owned(),
            "sourceMicroserviceUuid" | "microserviceUuid" => self.microservices[0].clone(),
            "destMicroserviceUuid" => self.microservices[1].clone(),
            "upstreamRouters" => "default-router".to_owned(),
            _ => return None,
        })
    }
}
