//! Microservices, users' and the system's, with their lists, statuses, public ports and traces.

use std::collections::HashMap;

use anyhow::{Context, Result};
use iofog_api::{FogUuid, MicroserviceUuid, time};

use super::source::Record;
use super::{Import, catalog};
use crate::domain::broker::{BrokerDetails, Lease, is_name};
use crate::domain::change::Flags;
use crate::domain::microservice::{EnvVar, ExtraHost, Microservice, Spec, Volume};
use crate::domain::port::{Port, PublicDetails, PublicPort, PublicRequest};
use crate::domain::status::MicroserviceStatus;
use crate::store;

/// Rows of the tables that belong to a microservice, by its uuid.
struct Lists {
    images: HashMap<String, Vec<Record>>,
    ports: HashMap<String, Vec<Record>>,
    /// By the id of the port.
    public: HashMap<String, Vec<Record>>,
    /// By the id of the port.
    brokered: HashMap<String, Vec<Record>>,
    volumes: HashMap<String, Vec<Record>>,
    env: HashMap<String, Vec<Record>>,
    cmd: HashMap<String, Vec<Record>>,
    hosts: HashMap<String, Vec<Record>>,
    statuses: HashMap<String, Vec<Record>>,
}

fn of<'a>(lists: &'a HashMap<String, Vec<Record>>, key: &str) -> &'a [Record] {
    lists.get(key).map_or(&[], Vec::as_slice)
}

pub(super) fn import(import: &mut Import<'_, '_>) -> Result<()> {
    let by = |table, order| import.source.rows_by(table, "microservice_uuid", order);
    let lists = Lists {
        images: by("CatalogItemImages", "id")?,
        ports: by("MicroservicePorts", "id")?,
        public: import.source.rows_by("MicroservicePublicPorts", "port_id", "id")?,
        brokered: import.source.rows_by("MicroserviceProxyPorts", "port_id", "id")?,
        // The id's column has this name.
        volumes: by("VolumeMappings", "uuid")?,
        env: by("MicroserviceEnvs", "id")?,
        cmd: by("MicroserviceArgs", "id")?,
        hosts: by("MicroserviceExtraHost", "id")?,
        statuses: by("MicroserviceStatuses", "id")?,
    };
    let mut kept = 0;
    for row in import.source.rows("Microservices", "created_at, rowid")? {
        let uuid = row.needed_text("uuid")?;
        let one = || format!("microservice {uuid}");
        if row.flag("delete")? {
            // Its agent removes it once it is off the list.
            if let Some(fog) = row.text("iofog_uuid")?.map(FogUuid::from) {
                let stamp = time::iso(import.work.now);
                store::change::insert(import.work.tx, &fog, &stamp, Flags::FULL)?;
            }
            continue;
        }
        let new = microservice(import, &row, &uuid, &lists).with_context(one)?;
        store::microservice::insert(import.work.tx, &new).with_context(one)?;
        for port in of(&lists.ports, &uuid) {
            import_public(import, &new, port, &lists).with_context(one)?;
            import_brokered(import, &new, port, &lists).with_context(one)?;
        }
        if let Some(row) = of(&lists.statuses, &uuid).first() {
            let status = status(row).with_context(one)?;
            store::microservice::put_status(import.work.tx, &new.uuid, &status)?;
        }
        kept += 1;
    }
    import.count("microservices", kept);
    let mut last = 0;
    for volume in lists.volumes.values().flatten() {
        last = last.max(volume.needed_int("uuid")?);
    }
    store::given::counter(import.work.tx, "volume", last)?;
    import_traces(import)?;
    Ok(())
}

fn microservice(
    import: &Import<'_, '_>,
    row: &Record,
    uuid: &str,
    lists: &Lists,
) -> Result<Microservice> {
    let item = row.int("catalog_item_id")?;
    let application_id = row.int("application_id")?;
    let mut spec = Spec {
        config: row.text("config")?.unwrap_or_else(|| "{}".to_owned()),
        root_host_access: row.flag("root_host_access")?,
        log_size: row.int("log_size")?.unwrap_or_default(),
        images: catalog::images(of(&lists.images, uuid))?,
        system_ports: application_id.is_none(),
        ..Spec::default()
    };
    for row in of(&lists.ports, uuid) {
        spec.ports.push(port(import, row, lists)?);
    }
    for row in of(&lists.volumes, uuid) {
        spec.volumes.push(Volume {
            id: row.needed_int("uuid")?,
            host: row.text_or_empty("host_destination")?,
            container: row.text_or_empty("container_destination")?,
            access: row.text_or_empty("access_mode")?,
            kind: row.text("type")?.unwrap_or_else(|| "bind".to_owned()),
        });
    }
    for row in of(&lists.env, uuid) {
        let (key, value) = (row.text_or_empty("key")?, row.text_or_empty("value")?);
        spec.env.push(EnvVar { key, value });
    }
    for row in of(&lists.cmd, uuid) {
        spec.cmd.push(row.text_or_empty("cmd")?);
    }
    for row in of(&lists.hosts, uuid) {
        spec.extra_hosts.push(ExtraHost {
            name: row.text_or_empty("name")?,
            address: row.text_or_empty("template")?,
            value: row.text_or_empty("value")?,
        });
    }
    Ok(Microservice {
        uuid: MicroserviceUuid::from(uuid),
        name: row.text_or_empty("name")?,
        application_id,
        fog: row.text("iofog_uuid")?.map(FogUuid::from),
        user_id: row.int("user_id")?,
        catalog_item_id: item.map(|id| import.items.get(&id).copied().unwrap_or(id)),
        registry_id: row.int("registry_id")?.unwrap_or(1),
        rebuild: row.flag("rebuild")?,
        created: row.time("created_at")?,
        updated: row.time("updated_at")?,
        spec,
    })
}

fn port(import: &Import<'_, '_>, row: &Record, lists: &Lists) -> Result<Port> {
    let public = of(&lists.public, &row.text_or_empty("id")?).first();
    let public = public.map(|public| {
        let details = details(import, row, public)?;
        let entry = details.host.filter(|_| details.explicit_host);
        Ok::<_, anyhow::Error>(PublicRequest {
            schemes: details.schemes,
            protocol: details.protocol,
            router_host: entry.map(|fog| fog.to_string()),
            router_port: public.int("public_port")?,
        })
    });
    Ok(Port {
        internal: row.needed_int("port_internal")?,
        external: row.needed_int("port_external")?,
        udp: row.flag("is_udp")?,
        public: public.transpose()?,
        brokered: !of(&lists.brokered, &row.text_or_empty("id")?).is_empty(),
    })
}

fn details(import: &Import<'_, '_>, port: &Record, public: &Record) -> Result<PublicDetails> {
    let host = public.text("host_id")?.filter(|host| !host.is_empty());
    let schemes = public.text("schemes")?.unwrap_or_else(|| "[\"https\"]".to_owned());
    Ok(PublicDetails {
        external: port.needed_int("port_external")?,
        queue: public.text_or_empty("queue_name")?,
        protocol: if public.flag("is_tcp")? { "tcp" } else { "http" }.to_owned(),
        schemes: serde_json::from_str(&schemes).context("schemes of a public port")?,
        explicit_host: host.as_ref().is_some_and(|host| !import.system_fogs.contains(host)),
        host: host.map(FogUuid::from),
    })
}

fn import_public(
    import: &mut Import<'_, '_>,
    microservice: &Microservice,
    port: &Record,
    lists: &Lists,
) -> Result<()> {
    for public in of(&lists.public, &port.text_or_empty("id")?) {
        let granted = PublicPort {
            id: public.needed_int("id")?,
            microservice: microservice.uuid.clone(),
            internal: port.needed_int("port_internal")?,
            public_port: public.needed_int("public_port")?,
            details: details(import, port, public)?,
        };
        store::given::public_port(import.work.tx, &granted)
            .with_context(|| format!("public port {}", granted.public_port))?;
    }
    Ok(())
}

fn import_brokered(
    import: &mut Import<'_, '_>,
    microservice: &Microservice,
    port: &Record,
    lists: &Lists,
) -> Result<()> {
    for row in of(&lists.brokered, &port.text_or_empty("id")?) {
        let details = BrokerDetails {
            external: port.needed_int("port_external")?,
            udp: port.flag("is_udp")?,
            lease: Lease {
                host: row.text_or_empty("host")?,
                port: row.int("public_port")?.unwrap_or_default(),
                admin_port: row.int("admin_port")?.unwrap_or_default(),
                proxy_token: row.text_or_empty("proxy_token")?,
                server_token: row.text_or_empty("server_token")?,
                uuid: row.text_or_empty("port_uuid")?,
            },
        };
        let (uuid, token) = (&details.lease.uuid, &details.lease.server_token);
        if !(is_name(uuid) && is_name(token)) || store::broker_port::has_port(import.work.tx, uuid)?
        {
            import.note(format!("a port of the port broker makes no sense: {uuid:.64}"));
            continue;
        }
        let internal = port.needed_int("port_internal")?;
        store::broker_port::insert(import.work.tx, &microservice.uuid, internal, &details)?;
    }
    Ok(())
}

fn status(row: &Record) -> Result<MicroserviceStatus> {
    Ok(MicroserviceStatus {
        status: row.text("status")?.unwrap_or_else(|| "QUEUED".to_owned()),
        start_time: row.int("start_time")?.unwrap_or_default(),
        operating_duration: row.int("operating_duration")?.unwrap_or_default(),
        cpu_usage: row.real("cpu_usage")?.unwrap_or_default(),
        memory_usage: row.real("memory_usage")?.unwrap_or_default(),
        container_id: row.text_or_empty("container_id")?,
        percentage: row.real("percentage")?.unwrap_or_default(),
        error_message: row.text_or_empty("error_message")?,
        created: row.time("created_at")?,
        updated: row.time("updated_at")?,
    })
}

fn import_traces(import: &mut Import<'_, '_>) -> Result<()> {
    for row in import.source.rows("StraceDiagnostics", "id")? {
        let Some(uuid) = row.text("microservice_uuid")?.map(MicroserviceUuid::from) else {
            continue;
        };
        store::strace::set(import.work.tx, &uuid, row.flag("strace_run")?)?;
        store::strace::put_buffer(import.work.tx, &uuid, &row.text_or_empty("buffer")?)?;
    }
    Ok(())
}
