//! A microservice as users see it (controller contract 10.2 and 10.3).

use iofog_api::{ApiError, number, time};
use serde_json::{Map, Value, json};

use crate::app::Work;
use crate::domain::broker::BrokerPort;
use crate::domain::microservice::Microservice;
use crate::domain::port::{Port, PublicPort};
use crate::domain::router::DEFAULT_ROUTER;
use crate::domain::status::MicroserviceStatus;
use crate::store;

/// The representation of a microservice.
///
/// # Errors
/// When the database fails.
pub fn microservice(
    work: &mut Work<'_>,
    of: &Microservice,
    application: &str,
) -> Result<Map<String, Value>, ApiError> {
    let ports = ports(work, of)?;
    let routes: Vec<String> = store::route::of_microservice(work.tx, &of.uuid)?
        .into_iter()
        .filter(|route| route.source == of.uuid)
        .map(|route| route.dest.to_string())
        .collect();
    let status = work.live.statuses.microservice(&of.uuid);
    let spec = &of.spec;
    let volumes: Vec<Value> = spec
        .volumes
        .iter()
        .map(|volume| {
            json!({
                "hostDestination": volume.host,
                "containerDestination": volume.container,
                "accessMode": volume.access,
                "id": volume.id,
                "type": volume.kind,
            })
        })
        .collect();
    let env: Vec<Value> =
        spec.env.iter().map(|var| json!({ "key": var.key, "value": var.value })).collect();
    let hosts: Vec<Value> = spec
        .extra_hosts
        .iter()
        .map(|host| json!({ "name": host.name, "address": host.address, "value": host.value }))
        .collect();
    let images: Vec<Value> = spec
        .images
        .iter()
        .map(|image| match &image.architecture {
            None => json!({ "containerImage": image.image, "fogTypeId": image.fog_type }),
            Some(name) => json!({ "containerImage": image.image, "architecture": name }),
        })
        .collect();
    let body = json!({
        "uuid": of.uuid,
        "config": spec.config,
        "name": of.name,
        "rootHostAccess": spec.root_host_access,
        "logSize": spec.log_size,
        "delete": false,
        "deleteWithCleanup": false,
        "createdAt": time::iso(of.created),
        "updatedAt": time::iso(of.updated),
        "applicationId": of.application_id,
        "catalogItemId": of.catalog_item_id,
        "registryId": of.registry_id,
        "iofogUuid": of.fog,
        "userId": of.user_id,
        "ports": ports,
        "volumeMappings": volumes,
        "routes": routes,
        "env": env,
        "cmd": spec.cmd,
        "extraHosts": hosts,
        "images": images,
        "status": self::status(&status),
        "application": application,
        "flowId": of.application_id,
    });
    match body {
        Value::Object(body) => Ok(body),
        _ => Err(ApiError::internal("a representation is an object")),
    }
}

fn status(of: &MicroserviceStatus) -> Value {
    json!({
        "operatingDuration": of.operating_duration,
        "startTime": of.start_time,
        "memoryUsage": number::json(of.memory_usage),
        "status": of.status,
        "cpuUsage": number::json(of.cpu_usage),
        "containerId": of.container_id,
        "percentage": number::json(of.percentage),
        "errorMessage": of.error_message,
        "createdAt": time::iso(of.created),
        "updatedAt": time::iso(of.updated),
    })
}

/// The ports of a microservice with links of the public ones.
///
/// # Errors
/// When the database fails.
pub fn ports(work: &mut Work<'_>, of: &Microservice) -> Result<Vec<Value>, ApiError> {
    let granted = store::public_port::of_microservice(work.tx, &of.uuid)?;
    let brokered = match of.spec.ports.iter().any(|port| port.brokered) {
        true => store::broker_port::of_microservice(work.tx, &of.uuid)?,
        false => Vec::new(),
    };
    of.spec.ports.iter().map(|port| self::port(work, of, port, &granted, &brokered)).collect()
}

/// A port that the broker opens: the two numbers that it was asked with, and where users reach it.
#[must_use]
pub fn broker_port(port: &BrokerPort) -> Value {
    let details = &port.details;
    json!({
        "internal": port.internal,
        "external": details.external,
        "proxy": broker_end(port),
    })
}

/// Where users reach it.
#[must_use]
pub fn broker_end(port: &BrokerPort) -> Value {
    let (lease, udp) = (&port.details.lease, port.details.udp);
    json!({ "host": lease.host, "port": lease.port, "protocol": protocol(udp) })
}

fn protocol(udp: bool) -> &'static str {
    if udp { "udp" } else { "tcp" }
}

fn port(
    work: &mut Work<'_>,
    of: &Microservice,
    port: &Port,
    granted: &[PublicPort],
    brokered: &[BrokerPort],
) -> Result<Value, ApiError> {
    let mut body = json!({
        "internal": port.internal,
        "external": port.external,
        "protocol": protocol(port.udp),
    });
    let own = brokered.iter().find(|own| own.internal == port.internal);
    if let (Some(own), Value::Object(body)) = (own, &mut body) {
        body.insert("proxy".to_owned(), broker_end(own));
    }
    let own = granted.iter().find(|own| own.internal == port.internal);
    if let (Some(own), Value::Object(body)) = (own, &mut body) {
        let host = link_host(work, own)?;
        let details = &own.details;
        let links: Vec<String> = details
            .schemes
            .iter()
            .map(|scheme| format!("{scheme}://{host}:{}", own.public_port))
            .collect();
        let shown = match &details.host {
            Some(fog) if details.explicit_host => fog.to_string(),
            _ => DEFAULT_ROUTER.to_owned(),
        };
        let public = json!({
            "links": links,
            "protocol": details.protocol,
            "schemes": details.schemes,
            "enabled": of.fog.is_some(),
            "router": { "port": own.public_port, "host": shown },
        });
        body.insert("public".to_owned(), public);
    }
    Ok(body)
}

/// Host in the links of a public port (contract 20.5).
fn link_host(work: &mut Work<'_>, own: &PublicPort) -> Result<String, ApiError> {
    if let Some(fog) = &own.details.host
        && let Some(router) = store::router::by_fog(work.tx, fog)?
    {
        return Ok(router.settings.host);
    }
    let entry = store::config::get(work.tx, "default-proxy-host")?;
    Ok(entry.map_or_else(|| "undefined-proxy-host".to_owned(), |entry| entry.value))
}
