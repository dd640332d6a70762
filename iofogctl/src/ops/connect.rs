//! `connect`: takes a running control plane into an empty namespace.

use super::Context;
use super::control_plane::needs_operator;
use crate::config::AgentRecord;
use crate::config::ControlPlane;
use crate::config::records::{IofogUser, RemoteAgent, RemoteControlPlane, RemoteController};
use crate::output;
use crate::rest::{Client, connect_endpoint};
use crate::text::{Error, Result, base64, names};
use crate::yaml::documents::{self, Document};

/// What `connect` was given.
#[derive(Clone, Default)]
pub struct Options {
    /// YAML file.
    pub file: String,
    /// Name for the controller.
    pub name: String,
    /// Address of the Controller.
    pub address: String,
    /// Kubernetes config file.
    pub kube: String,
    /// Mail address.
    pub email: String,
    /// Password.
    pub password: String,
    /// The password is base64 already.
    pub encoded: bool,
    /// Overwrite what is in the namespace.
    pub force: bool,
}

/// Connects. The namespace is created when absent, and stays when the rest fails.
///
/// # Errors
/// Contradicting or missing options, a namespace in use, or the login failed.
pub fn connect(context: &mut Context, options: &Options) -> Result<()> {
    if !options.file.is_empty() && (!options.address.is_empty() || !options.kube.is_empty()) {
        return Err(Error::input(
            "Either use a YAML file or provide Controller endpoint or Kube config to connect",
        ));
    }
    prepare_namespace(context, options.force)?;
    let plane = if options.file.is_empty() {
        from_flags(options)?
    } else {
        from_file(context, &options.file)?
    };
    let Some(plane) = plane else { return Ok(()) };
    let endpoint = ControlPlane::Remote(&plane).endpoint()?.to_owned();
    let agents = Client::login(&endpoint, &plane.iofog_user)?.agents(false)?;
    let record = context.record()?;
    for agent in agents {
        let agent = RemoteAgent {
            name: agent.name,
            uuid: agent.uuid,
            host: agent.ip_address_external,
            ..RemoteAgent::default()
        };
        record.add_agent(AgentRecord::Remote(agent))?;
    }
    record.set_remote_control_plane(plane);
    context.store.flush()
}

fn prepare_namespace(context: &mut Context, force: bool) -> Result<()> {
    let name = context.namespace.clone();
    match context.record() {
        Ok(record) if record.agents().is_empty() && record.controller_count() == 0 => Ok(()),
        Ok(_) if !force => Err(Error::input("You must use an empty or non-existent namespace")),
        Ok(record) => {
            record.clear_control_plane();
            record.local_agents.clear();
            record.remote_agents.clear();
            record.volumes.clear();
            context.store.flush()
        }
        Err(error) if error.is_not_found() => context.store.add_namespace(&name),
        Err(error) => Err(error),
    }
}

fn from_flags(options: &Options) -> Result<Option<RemoteControlPlane>> {
    if options.email.is_empty() || options.password.is_empty() {
        return Err(Error::input("Must provide ioFog User and Password flags"));
    }
    if !options.kube.is_empty() {
        if !options.name.is_empty() || !options.address.is_empty() {
            return Err(Error::input(
                "Cannot specify Controller Name and Endpoint for Kubernetes Control Plane",
            ));
        }
        return Err(needs_operator("find the Controller of a Kubernetes cluster"));
    }
    if options.name.is_empty() || options.address.is_empty() {
        return Err(Error::input(
            "Must provide Controller Name and Endpoint flags for Remote Control Plane",
        ));
    }
    let (endpoint, host) = connect_endpoint(&options.address)?;
    let password = if options.encoded {
        options.password.clone()
    } else {
        base64::encode(options.password.as_bytes())
    };
    Ok(Some(RemoteControlPlane {
        iofog_user: IofogUser { email: options.email.clone(), password, ..IofogUser::default() },
        controllers: vec![RemoteController {
            name: options.name.clone(),
            host,
            endpoint,
            ..RemoteController::default()
        }],
        ..RemoteControlPlane::default()
    }))
}

/// The last control plane of a file; nothing when it holds none of a known kind.
fn from_file(context: &mut Context, file: &str) -> Result<Option<RemoteControlPlane>> {
    let mut plane = None;
    let mut any = false;
    for document in documents::read(file)? {
        document.check(&context.namespace)?;
        match document.kind.as_str() {
            "ControlPlane" => {
                plane = Some(remote_from(&document)?);
                any = true;
            }
            "KubernetesControlPlane" => {
                return Err(needs_operator("find the Controller of a Kubernetes cluster"));
            }
            kind => output::notice(&documents::skipped(kind)),
        }
    }
    if any { Ok(plane) } else { Err(documents::nothing_to_do()) }
}

fn remote_from(document: &Document) -> Result<RemoteControlPlane> {
    let mut plane: RemoteControlPlane = document.spec()?;
    if plane.iofog_user.password.is_empty() || plane.iofog_user.email.is_empty() {
        return Err(Error::input(
            "To connect, Control Plane Iofog User must contain non-empty values in email and password fields",
        ));
    }
    plane.iofog_user.encode_password();
    if plane.controllers.is_empty() {
        return Err(Error::input(
            "Control Plane must have at least one Controller instance specified.",
        ));
    }
    for controller in &mut plane.controllers {
        names::check("Controller", &controller.name)?;
        (controller.endpoint, controller.host) = connect_endpoint(&controller.host)?;
        if controller.ssh.port == 0 {
            controller.ssh.port = 22;
        }
        controller.ssh.key_file = names::expand_path(&controller.ssh.key_file)?;
    }
    Ok(plane)
}

/// The command that connects another machine.
///
/// # Errors
/// No such namespace, no control plane, or a local one.
pub fn connection_string(context: &mut Context) -> Result<String> {
    let record = context.record().map_err(|_| {
        Error::input("Cannot generate Connection String for non-existent Namespace")
    })?;
    let plane = record.control_plane()?;
    if matches!(plane, ControlPlane::Local(_)) {
        return Err(Error::input("Cannot generate Connection String for Local Control Plane"));
    }
    let endpoint =
        plane.endpoint().map_err(|_| Error::plain("Could not get Control Plane endpoint"))?;
    let user = plane.user();
    Ok(format!(
        "iofogctl connect --ecn-addr {endpoint} --name remote --email {} --pass {} --b64",
        user.email, user.password
    ))
}
