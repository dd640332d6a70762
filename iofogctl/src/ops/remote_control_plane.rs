//! Control planes on other machines, installed over SSH.

use super::agent_config::{self, DEFAULT_ROUTER, Plan};
use super::{Context, device, install};
use crate::config::ControlPlane;
use crate::config::records::{RemoteAgent, RemoteControlPlane, RemoteController};
use crate::output::{notice, progress};
use crate::rest::{Client, deploy_endpoint, endpoint_host};
use crate::text::time::Moment;
use crate::text::{Error, Result, names};

/// How often the Controller is asked from here, a second apart, once it answers on its machine.
const TRIES: u32 = 60;

/// Checks a ControlPlane document and fills in what deploying needs.
///
/// # Errors
/// [`Error::Input`] naming the controller or the field and the rule.
pub fn check(mut plane: RemoteControlPlane) -> Result<RemoteControlPlane> {
    for (at, controller) in plane.controllers.iter_mut().enumerate() {
        names::check("Controller", &controller.name)?;
        if controller.host.is_empty() {
            return Err(Error::Input(format!("spec.controllers[{at}].host must not be empty")));
        }
        if controller.ssh.port == 0 && !controller.ssh.user.is_empty() {
            controller.ssh.port = 22;
        }
        controller.ssh.key_file = names::expand_path(&controller.ssh.key_file)?;
    }
    let provider = plane.database.provider.as_str();
    if !matches!(provider, "" | "postgres") {
        return Err(Error::Input(format!(
            "spec.database.provider must be postgres or be left out, not {provider}"
        )));
    }
    if plane.controllers.len() > 1 && plane.database.host.is_empty() {
        return Err(Error::input(
            "spec.database is needed when there is more than one Controller: they share their data through it",
        ));
    }
    plane.iofog_user.encode_password();
    Ok(plane)
}

/// Installs a control plane on its machines: the Controllers, the user, the record here, and the
/// system Agent with the default router beside the first Controller.
///
/// # Errors
/// The failures, each with the name of its Controller; repeating it goes on where it stopped.
pub fn deploy(context: &mut Context, wanted: &RemoteControlPlane) -> Result<()> {
    if wanted.controllers.is_empty() {
        return Err(Error::input(
            "Control Plane must have at least one Controller instance specified.",
        ));
    }
    if wanted.iofog_user.email.is_empty() || wanted.iofog_user.password.is_empty() {
        return Err(Error::input("spec.iofogUser needs email and password"));
    }
    let mut plane = wanted.clone();
    let known = context.record()?.remote_control_plane.clone();
    for controller in &mut plane.controllers {
        controller.endpoint = deploy_endpoint(&controller.host);
        let before = known.iter().flat_map(|plane| &plane.controllers);
        let before = before.into_iter().find(|before| before.name == controller.name);
        controller.created = before
            .map(|before| before.created.clone())
            .filter(|created| !created.is_empty())
            .unwrap_or_else(|| Moment::now().unix_date());
    }
    let results: Vec<Result<()>> = std::thread::scope(|scope| {
        let workers: Vec<_> = plane
            .controllers
            .iter()
            .map(|controller| (controller, scope.spawn(|| deploy_controller(&plane, controller))))
            .collect();
        let lost = || Err(Error::internal("a worker ended unexpectedly"));
        let named = |name: &str, result: Result<()>| {
            result.map_err(|error| Error::Plain(format!("Controller {name}: {error}")))
        };
        workers
            .into_iter()
            .map(|(controller, worker)| {
                named(&controller.name, worker.join().unwrap_or_else(|_| lost()))
            })
            .collect()
    });
    let failures: Vec<Error> = results.into_iter().filter_map(Result::err).collect();
    if let Some(error) = Error::join(failures) {
        return Err(error);
    }
    let Some(first) = plane.controllers.first().cloned() else { return Ok(()) };
    progress("Creating the user");
    Client::new(&first.endpoint).ensure_user(&plane.iofog_user)?;
    Client::login(&first.endpoint, &plane.iofog_user)?;
    let record = context.record()?;
    record.clear_control_plane();
    record.set_remote_control_plane(plane);
    context.store.flush()?;
    let namespace = context.namespace.clone();
    context.enter(&namespace);
    system_agent(context, &first)
}

fn deploy_controller(plane: &RemoteControlPlane, controller: &RemoteController) -> Result<()> {
    let host = endpoint_host(&controller.endpoint);
    let session = device::session(host, &controller.ssh, "Controller")?;
    install::install_controller(&session, plane, controller)?;
    progress(&format!("Controller {}: waiting until it answers here", controller.name));
    Client::new(&controller.endpoint).until_online(TRIES).map_err(|last| {
        Error::Plain(format!("it runs on its machine, but does not answer here: {last}"))
    })
}

/// The Agent beside the first Controller, whose router all others find by default.
fn system_agent(context: &mut Context, controller: &RemoteController) -> Result<()> {
    let host = endpoint_host(&controller.endpoint).to_owned();
    progress("Deploying the system Agent");
    let plan = Plan::default_router(&host);
    let uuid = agent_config::deploy(context, &plan)?;
    let agent = RemoteAgent {
        name: DEFAULT_ROUTER.to_owned(),
        host,
        ssh: controller.ssh.clone(),
        ..RemoteAgent::default()
    };
    let client = context.client()?;
    match device::deploy_agent(&client, &agent, &controller.endpoint, &uuid) {
        Err(Error::Plain(text)) if text.starts_with("no Agent binary") => {
            notice(&format!(
                "The Controller runs without a system Agent: messages between devices and public ports need one. {text}"
            ));
            Ok(())
        }
        Err(error) => {
            Err(Error::Plain(format!("System Agent of Controller {}: {error}", controller.name)))
        }
        Ok(()) => agent_config::deploy(context, &plan).map(|_| ()),
    }
}

/// A Controller of the namespace that can be reached over SSH.
fn find(context: &mut Context, name: &str) -> Result<(RemoteControlPlane, RemoteController)> {
    let ControlPlane::Remote(plane) = context.record()?.control_plane()? else {
        return Err(Error::input("Only Controllers on other machines can be changed over SSH"));
    };
    let found = plane.controllers.iter().find(|controller| controller.name == name);
    let found = found.ok_or_else(|| Error::Plain(format!("Could not find Controller {name}")))?;
    Ok((plane.clone(), found.clone()))
}

/// Puts this version's program in the place of a Controller's, or returns to the one before.
///
/// # Errors
/// There is no such Controller, it cannot be reached, or the program does not come up.
pub fn change_version(context: &mut Context, name: &str, command: &str) -> Result<()> {
    let (plane, controller) = find(context, name)?;
    if command == "upgrade" {
        return deploy_controller(&plane, &controller);
    }
    let host = endpoint_host(&controller.endpoint);
    progress(&format!("Controller {name}: returning to the program of before"));
    install::rollback_controller(&device::session(host, &controller.ssh, "Controller")?)
}

/// Removes a Controller and the system Agent beside it from their machine.
///
/// # Errors
/// [`Error::NoSsh`] for one that `connect` took in without SSH details; the machine cannot be
/// reached, or a file cannot be removed.
pub fn remove(controller: &RemoteController) -> Result<()> {
    let host = match controller.endpoint.as_str() {
        "" => controller.host.as_str(),
        endpoint => endpoint_host(endpoint),
    };
    install::uninstall_controller(&device::session(host, &controller.ssh, "Controller")?)
}
