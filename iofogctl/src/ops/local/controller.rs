//! The Controller in a container of this machine.

use super::super::Context;
use super::super::agent_config::{self, Plan};
use super::part::CONTROLLER;
use crate::config::records::{LocalControlPlane, LocalController};
use crate::docker::Engine;
use crate::output::progress;
use crate::rest::Client;
use crate::text::time::Moment;
use crate::text::{Error, Result};

/// Where it answers on this machine.
const ENDPOINT: &str = "http://0.0.0.0:51121";
/// How often it is asked from here, a second apart, once it answers in its container.
const TRIES: u32 = 60;

/// Checks a LocalControlPlane document and fills in what it leaves out.
pub fn check(mut plane: LocalControlPlane) -> Result<LocalControlPlane> {
    plane.iofog_user.encode_password();
    Ok(fill_in(plane))
}

/// Fills in what a control plane leaves out of its controller.
pub fn fill_in(mut plane: LocalControlPlane) -> LocalControlPlane {
    complete(plane.controller.get_or_insert_default(), "");
    plane
}

/// Fills in what a controller leaves out: its own name, else that of its document, and where it will be.
pub fn complete(controller: &mut LocalController, name: &str) {
    ENDPOINT.clone_into(&mut controller.endpoint);
    if controller.name.is_empty() {
        let given = if name.is_empty() { "local" } else { name };
        given.clone_into(&mut controller.name);
    }
}

/// Starts the Controller, makes the user, records the control plane and makes the default router known.
///
/// # Errors
/// Another namespace has a local control plane, the container does not come up, or the Controller refuses.
pub fn deploy(context: &mut Context, wanted: &LocalControlPlane) -> Result<()> {
    if wanted.iofog_user.email.is_empty() || wanted.iofog_user.password.is_empty() {
        return Err(Error::input("spec.iofogUser needs email and password"));
    }
    let mut plane = wanted.clone();
    let controller = plane.controller.get_or_insert_default();
    start(context, controller)?;
    progress("Creating the user");
    Client::new(ENDPOINT).ensure_user(&plane.iofog_user)?;
    Client::login(ENDPOINT, &plane.iofog_user)?;
    context.record()?.set_local_control_plane(plane);
    context.store.flush()?;
    let namespace = context.namespace.clone();
    context.enter(&namespace);
    default_router(context)
}

/// Starts the Controller of a control plane that is recorded already.
///
/// # Errors
/// As [`deploy`], or the control plane is no local one.
pub fn deploy_one(context: &mut Context, wanted: &LocalController) -> Result<()> {
    if context.record()?.local_control_plane.is_none() {
        return Err(Error::input("A LocalController needs a Local Control Plane in its Namespace"));
    }
    let mut controller = wanted.clone();
    start(context, &mut controller)?;
    if let Some(plane) = &mut context.record()?.local_control_plane {
        plane.controller = Some(controller);
    }
    context.store.flush()
}

/// Makes the container run and waits until it answers here.
fn start(context: &mut Context, controller: &mut LocalController) -> Result<()> {
    complete(controller, "");
    require_no_other(context)?;
    let engine = Engine::open()?;
    let image = CONTROLLER.image(&engine, &controller.container)?;
    CONTROLLER.ensure(&engine, &image)?;
    Client::new(ENDPOINT).until_online(TRIES).map_err(|last| {
        Error::Plain(format!(
            "The Controller runs in its container, but does not answer at {ENDPOINT}: {last}"
        ))
    })?;
    let known = context.record()?.local_control_plane.clone();
    let known = known.and_then(|plane| plane.controller).map(|known| known.created);
    controller.created =
        known.filter(|created| !created.is_empty()).unwrap_or_else(|| Moment::now().unix_date());
    Ok(())
}

/// There is one container of that name: no other namespace may have its control plane in it.
///
/// # Errors
/// [`Error::Conflict`] naming the namespace that has.
pub fn require_no_other(context: &mut Context) -> Result<()> {
    let own = context.namespace.clone();
    for name in context.store.namespace_names()? {
        if name != own && context.store.namespace(&name)?.local_control_plane.is_some() {
            return Err(Error::Conflict(format!(
                "This machine has room for one local Control Plane, and Namespace {name} has it"
            )));
        }
    }
    Ok(())
}

/// The router that Agents use unless told otherwise; no Agent is started for it here.
fn default_router(context: &mut Context) -> Result<()> {
    agent_config::deploy(context, &Plan::default_router("localhost")).map(|_| ())
}

/// Removes the Controller's container with its data.
///
/// # Errors
/// The engine refuses.
pub fn remove() -> Result<()> {
    CONTROLLER.remove(&Engine::open()?).map(|_| ())
}
