//! What an agent receives (controller contract 6.2).

use serde_json::{Value, json};

use crate::domain::microservice::Microservice;
use crate::domain::registry::Registry;
use crate::store::route::Route;

/// An item of `GET agent/microservices`.
#[must_use]
pub fn microservice(of: &Microservice, image: &str, registry: i64, routes: &[Route]) -> Value {
    let spec = &of.spec;
    let ports: Vec<Value> = spec
        .ports
        .iter()
        .map(|port| {
            json!({
                "portInternal": port.internal,
                "portExternal": port.external,
                "isUdp": if spec.system_ports { Value::Null } else { Value::from(port.udp) },
            })
        })
        .collect();
    let volumes: Vec<Value> = spec
        .volumes
        .iter()
        .map(|volume| {
            json!({
                "hostDestination": volume.host,
                "containerDestination": volume.container,
                "accessMode": volume.access,
                "type": volume.kind,
            })
        })
        .collect();
    let env: Vec<Value> =
        spec.env.iter().map(|var| json!({ "key": var.key, "value": var.value })).collect();
    let hosts: Vec<String> =
        spec.extra_hosts.iter().map(|host| format!("{}:{}", host.name, host.value)).collect();
    let destinations: Vec<&str> = routes
        .iter()
        .filter(|route| route.source == of.uuid)
        .map(|route| route.dest.as_str())
        .collect();
    json!({
        "uuid": of.uuid,
        "imageId": image,
        "config": spec.config,
        "rebuild": of.rebuild,
        "rootHostAccess": spec.root_host_access,
        "logSize": spec.log_size.max(1),
        "registryId": registry,
        "portMappings": ports,
        "volumeMappings": volumes,
        "imageSnapshot": "",
        "delete": false,
        "deleteWithCleanup": false,
        "env": env,
        "extraHosts": hosts,
        "cmd": spec.cmd,
        "routes": destinations,
        "isConsumer": routes.iter().any(|route| route.dest == of.uuid),
    })
}

/// A registry; agents get the password, users do not.
#[must_use]
pub fn registry(of: &Registry, with_password: bool) -> Value {
    let settings = &of.settings;
    let mut body = json!({
        "id": of.id,
        "url": settings.url,
        "isPublic": settings.is_public,
        "isSecure": settings.is_secure,
        "certificate": settings.certificate,
        "requiresCert": settings.requires_cert,
        "username": settings.username,
        "userEmail": settings.email,
        "userId": of.user_id,
    });
    if let (true, Value::Object(body)) = (with_password, &mut body) {
        body.insert("password".to_owned(), Value::from(settings.password.as_str()));
    }
    body
}
