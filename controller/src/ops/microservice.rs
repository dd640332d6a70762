//! Microservices as users create, change, move and remove them (controller contract 10).

use std::collections::BTreeSet;

use iofog_api::{ApiError, MicroserviceUuid};

use super::{broker_port, extra_host, images, public_port, router};
use crate::app::Work;
use crate::domain::change::Flags;
use crate::domain::fog::Fog;
use crate::domain::microservice::{AgentReference, Microservice, Request, Spec, Volume};
use crate::domain::port::{self, Port, PublicPort};
use crate::domain::status::MicroserviceStatus;
use crate::store::{self, application::Application};

fn agent(work: &mut Work<'_>, user: i64, reference: &AgentReference) -> Result<Fog, ApiError> {
    let (found, shown) = match reference {
        AgentReference::Uuid(uuid) => {
            (store::fog::by_uuid(work.tx, uuid)?, uuid.as_str().to_owned())
        }
        AgentReference::Name(name) => {
            let mut named = store::fog::by_name(work.tx, name)?;
            named.retain(|fog| fog.user_id == user);
            (named.pop(), name.clone())
        }
    };
    found.ok_or_else(|| ApiError::validation(format!("Invalid ioFog UUID '{shown}'")))
}

/// External ports of the other microservices on an agent, and the public ports opened there.
fn taken_ports(
    work: &mut Work<'_>,
    fog: &Fog,
    except: Option<&MicroserviceUuid>,
) -> Result<BTreeSet<i64>, ApiError> {
    let mut taken = store::public_port::taken(work.tx, Some(&fog.uuid))?;
    for other in store::microservice::of_fog(work.tx, &fog.uuid)? {
        if Some(&other.uuid) != except {
            taken.extend(other.spec.ports.iter().map(|port| port.external));
        }
    }
    Ok(taken)
}

/// Gives ids to new volumes; a mapping that was there keeps its own.
fn with_volume_ids(
    work: &mut Work<'_>,
    known: &[Volume],
    volumes: Vec<Volume>,
) -> Result<Vec<Volume>, ApiError> {
    let id_of = |new: &Volume| {
        known.iter().find(|old| Volume { id: 0, ..(*old).clone() } == *new).map(|old| old.id)
    };
    volumes
        .into_iter()
        .map(|volume| {
            let id = match id_of(&volume) {
                Some(id) => id,
                None => store::microservice::next_volume_id(work.tx)?,
            };
            Ok(Volume { id, ..volume })
        })
        .collect()
}

/// Creates a microservice in an application.
///
/// # Errors
/// With the contract's messages.
pub fn create(
    work: &mut Work<'_>,
    application: &Application,
    request: Request,
) -> Result<Microservice, ApiError> {
    let user = application.user_id;
    let name = request.name.clone().ok_or_else(|| iofog_api::check::missing("name"))?;
    let siblings = store::microservice::of_application(work.tx, application.id)?;
    if siblings.iter().any(|sibling| sibling.name == name) {
        return Err(ApiError::duplicate_name(&name));
    }
    let fog = request.agent.as_ref().map(|reference| agent(work, user, reference)).transpose()?;
    let item = request.catalog_item_id.map(|id| images::item(work, user, id)).transpose()?;
    let own_images = request.images.clone().unwrap_or_default();
    images::check(
        &name,
        item.as_ref(),
        &own_images,
        fog.as_ref().map(|fog| fog.settings.platform()),
    )?;
    let registry_id = match &item {
        Some(item) => item.settings.registry_id,
        None => request.registry_id.unwrap_or(1),
    };
    images::check_registry(work, user, registry_id)?;
    let ports = request.ports.unwrap_or_default();
    if let Some(fog) = &fog {
        port::check_free(&ports, &taken_ports(work, fog, None)?)?;
    }
    let extra_hosts = extra_host::resolve(work, user, &request.extra_hosts.unwrap_or_default())?;
    let config = request.config.unwrap_or_else(|| "{}".to_owned());
    let microservice = Microservice {
        uuid: MicroserviceUuid::from(router::new_uuid()?),
        name,
        application_id: Some(application.id),
        fog: fog.map(|fog| fog.uuid),
        user_id: Some(user),
        catalog_item_id: item.as_ref().map(|item| item.id),
        registry_id,
        rebuild: false,
        created: work.now,
        updated: work.now,
        spec: Spec {
            config,
            root_host_access: request.root_host_access.unwrap_or(false),
            log_size: request.log_size.unwrap_or(1).max(1),
            images: if item.is_some() { Vec::new() } else { own_images },
            ports,
            system_ports: false,
            volumes: with_volume_ids(work, &[], request.volumes.unwrap_or_default())?,
            env: request.env.unwrap_or_default(),
            cmd: request.cmd.unwrap_or_default(),
            extra_hosts,
        },
    };
    work.insert_microservice(&microservice)?;
    if let Some(fog) = &microservice.fog {
        let simple = !microservice.spec.env.is_empty()
            || !microservice.spec.cmd.is_empty()
            || !microservice.spec.ports.is_empty();
        work.flag(fog, if simple { Flags::COMMON } else { Flags::MICROSERVICE_LIST })?;
    }
    public_port::grant(work, &microservice)?;
    broker_port::grant(work, &microservice)?;
    extra_host::refresh(work)?;
    Ok(microservice)
}

/// Changes a microservice, maybe moves it.
///
/// # Errors
/// With the contract's messages.
pub fn update(
    work: &mut Work<'_>,
    stored: &Microservice,
    request: Request,
) -> Result<(), ApiError> {
    let user = stored.user_id.unwrap_or_default();
    let Some(application_id) = stored.application_id else {
        return Err(ApiError::validation(format!(
            "Microservice uuid {} is system and can't be updated",
            stored.uuid
        )));
    };
    let mut changed = stored.clone();
    if let Some(name) = &request.name
        && *name != stored.name
    {
        let siblings = store::microservice::of_application(work.tx, application_id)?;
        if siblings.iter().any(|sibling| sibling.name == *name) {
            return Err(ApiError::duplicate_name(name));
        }
        changed.name.clone_from(name);
    }
    // Without an agent in the body it stays where it is.
    let fog = match (&request.agent, &stored.fog) {
        (Some(reference), _) => Some(agent(work, user, reference)?),
        (None, Some(uuid)) => store::fog::by_uuid(work.tx, uuid)?,
        (None, None) => None,
    };
    changed.fog = fog.as_ref().map(|fog| fog.uuid.clone());
    let moved = changed.fog != stored.fog;
    changed.rebuild |= request.rebuild == Some(true);
    if let Some(id) = request.catalog_item_id.filter(|id| Some(*id) != stored.catalog_item_id) {
        let item = images::item(work, user, id)?;
        changed.catalog_item_id = Some(id);
        changed.spec.images.clear();
        changed.registry_id = item.settings.registry_id;
    } else if let Some(own) = request.images.clone().filter(|own| !own.is_empty())
        && request.catalog_item_id.is_none()
    {
        changed.catalog_item_id = None;
        changed.spec.images = own;
    }
    if let Some(id) = request.registry_id {
        images::check_registry(work, user, id)?;
        changed.registry_id = id;
    }
    let item = match changed.catalog_item_id {
        Some(id) => store::catalog::by_id(work.tx, id)?,
        None => None,
    };
    let platform = fog.as_ref().map(|fog| fog.settings.platform());
    // Given beside an item, they are the item's or refused.
    let given = request.images.as_ref().filter(|_| item.is_some());
    let own = given.unwrap_or(&changed.spec.images);
    images::check(&changed.name, item.as_ref(), own, platform)?;
    if item.is_none() && request.images.as_ref().is_some_and(Vec::is_empty) {
        let name = &changed.name;
        let text = format!("Microservice {name} does not have valid images");
        return Err(ApiError::validation(text));
    }
    let spec = &mut changed.spec;
    if let Some(config) = request.config {
        spec.config = config;
    }
    spec.root_host_access = request.root_host_access.unwrap_or(spec.root_host_access);
    spec.log_size = request.log_size.unwrap_or(1).max(1);
    if let Some(env) = request.env {
        spec.env = env;
    }
    if let Some(cmd) = request.cmd {
        spec.cmd = cmd;
    }
    if let Some(volumes) = request.volumes {
        spec.volumes = with_volume_ids(work, &stored.spec.volumes, volumes)?;
    }
    if let Some(hosts) = request.extra_hosts {
        spec.extra_hosts = extra_host::resolve(work, user, &hosts)?;
    }
    let ports_before = std::mem::take(&mut spec.ports);
    let new_ports = request.ports.filter(|ports| *ports != ports_before);
    spec.ports = new_ports.clone().unwrap_or_else(|| ports_before.clone());
    if let Some(fog) = &fog
        && (moved || new_ports.is_some())
    {
        let mut taken = taken_ports(work, fog, Some(&stored.uuid))?;
        let (_, gone) = kept_and_gone(work, stored, &changed)?;
        for own in gone.iter().filter(|own| own.details.host.as_ref() == Some(&fog.uuid)) {
            taken.remove(&own.public_port);
        }
        port::check_free(&changed.spec.ports, &taken)?;
    }
    changed.rebuild |= stored.differs_for_container(&changed);
    changed.updated = work.now;
    work.update_microservice(&changed)?;
    move_public_ports(work, stored, &changed, new_ports.is_some())?;
    broker_port::follow(work, stored, &changed)?;
    if moved {
        work.set_status(&changed.uuid, Some(MicroserviceStatus::queued(work.now)));
        if let Some(old) = &stored.fog {
            work.flag(old, Flags::FULL)?;
        }
    }
    if let Some(fog) = &changed.fog {
        work.flag(fog, Flags::FULL)?;
    }
    extra_host::refresh(work)
}

/// Granted public ports whose request is unchanged, and the others.
fn kept_and_gone(
    work: &mut Work<'_>,
    before: &Microservice,
    after: &Microservice,
) -> Result<(Vec<PublicPort>, Vec<PublicPort>), ApiError> {
    fn wanted(ports: &[Port], internal: i64) -> Option<&Port> {
        ports.iter().find(|port| port.internal == internal && port.public.is_some())
    }
    let granted = public_port::of(work, &before.uuid)?;
    Ok(granted.into_iter().partition(|own| {
        let old = wanted(&before.spec.ports, own.internal);
        before.spec.ports == after.spec.ports
            || old.is_some() && old == wanted(&after.spec.ports, own.internal)
    }))
}

/// Moves the local side of public ports that are kept, takes back and grants the rest.
fn move_public_ports(
    work: &mut Work<'_>,
    before: &Microservice,
    after: &Microservice,
    ports_changed: bool,
) -> Result<(), ApiError> {
    let (kept, gone) = kept_and_gone(work, before, after)?;
    public_port::release(work, before.fog.as_ref(), &gone)?;
    if before.fog != after.fog {
        for own in &kept {
            if let Some(old) = &before.fog {
                public_port::disconnect_local(work, old, own)?;
            }
            public_port::connect(work, after, own)?;
        }
    }
    if ports_changed {
        let known: BTreeSet<i64> = kept.iter().map(|own| own.internal).collect();
        let mut new = after.clone();
        new.spec.ports.retain(|port| !known.contains(&port.internal));
        public_port::grant(work, &new)?;
    }
    Ok(())
}

/// Removes a microservice with its routes, public ports and ports of the broker.
///
/// # Errors
/// When the database fails.
pub fn delete(work: &mut Work<'_>, microservice: &Microservice) -> Result<(), ApiError> {
    let ports = public_port::of(work, &microservice.uuid)?;
    public_port::release(work, microservice.fog.as_ref(), &ports)?;
    let ports = broker_port::of(work, &microservice.uuid)?;
    broker_port::release(work, microservice.fog.as_ref(), &ports)?;
    for route in store::route::of_microservice(work.tx, &microservice.uuid)? {
        super::route::delete(work, &route)?;
    }
    work.delete_microservice(&microservice.uuid)?;
    let ports = !microservice.spec.ports.is_empty();
    match &microservice.fog {
        Some(fog) => work.flag(fog, if ports { Flags::COMMON } else { Flags::MICROSERVICE_LIST }),
        None => Ok(()),
    }
}

/// Replaces the ports of a microservice, as `POST` and `DELETE port-mapping` do.
///
/// # Errors
/// With the contract's messages.
pub fn set_ports(
    work: &mut Work<'_>,
    stored: &Microservice,
    ports: Vec<Port>,
) -> Result<(), ApiError> {
    port::check_unique(&ports)?;
    let log_size = Some(stored.spec.log_size);
    update(work, stored, Request { ports: Some(ports), log_size, ..Request::default() })
}

/// Replaces the volumes of a microservice; ids are kept. Unlike 3.0.4, the agent is told.
///
/// # Errors
/// When the database fails.
pub fn set_volumes(
    work: &mut Work<'_>,
    stored: &Microservice,
    volumes: Vec<Volume>,
) -> Result<(), ApiError> {
    let mut changed = stored.clone();
    changed.spec.volumes = volumes;
    changed.rebuild = true;
    changed.updated = work.now;
    work.update_microservice(&changed)?;
    match &changed.fog {
        Some(fog) => work.flag(fog, Flags::COMMON),
        None => Ok(()),
    }
}
