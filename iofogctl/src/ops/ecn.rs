//! The whole network on this machine: `up` and `down` (decision 0097).

use ring::rand::{SecureRandom, SystemRandom};
use serde::Serialize;

use super::deploy::{self, Work};
use super::{Context, local};
use crate::config::records::{IofogUser, LocalAgent, LocalControlPlane};
use crate::output::progress;
use crate::text::{Error, Result};

/// Name of the Agent where none is recorded, that of the contract.
const AGENT: &str = "local";
/// The account where none is recorded.
const EMAIL: &str = "operator@ecn.local";
const PASSWORD_LETTERS: usize = 24;

/// What runs after `up`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Up {
    /// Namespace that it is recorded in.
    pub namespace: String,
    /// Controller.
    pub controller: Controller,
    /// Agent with its router.
    pub agent: Agent,
}

/// The Controller that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Controller {
    /// Where programs of this machine find it.
    pub endpoint: String,
    /// Its state.
    pub status: String,
    /// Mail address of the account.
    pub user: String,
}

/// The Agent that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Agent {
    /// Name.
    pub name: String,
    /// Identifier.
    pub uuid: String,
    /// State that the Controller sees.
    pub status: String,
    /// Mode of its router.
    pub router_mode: String,
}

/// What `down` did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Down {
    /// Namespace.
    pub namespace: String,
    /// Containers that ran.
    pub stopped: Vec<String>,
    /// Whether data and records are gone as well.
    pub purged: bool,
}

/// Brings up a Controller and an Agent with its router, or what of them does not run. What the namespace records stays as it
/// is, and so does their configuration.
///
/// # Errors
/// The namespace has its control plane elsewhere, or a step fails; repeating it goes on.
pub fn up(context: &mut Context) -> Result<Up> {
    if context.record().is_err_and(|error| error.is_not_found()) {
        let name = context.namespace.clone();
        context.store.add_namespace(&name)?;
    }
    require_local(context)?;
    let record = context.record()?;
    let known = record.local_control_plane.clone();
    let agent = record.local_agents.first().cloned();
    let fresh = known.is_none();
    local::require_engine()?;
    let plane = match known {
        Some(plane) => plane,
        None => LocalControlPlane { iofog_user: user()?, controller: None },
    };
    let plane = local::complete_control_plane(plane);
    if fresh {
        // Written down before the account is made: a run that is broken off must not take the password with it.
        local::require_no_other_control_plane(context)?;
        context.record()?.set_local_control_plane(plane.clone());
        context.store.flush()?;
    }
    let agent =
        agent.unwrap_or_else(|| LocalAgent { name: AGENT.to_owned(), ..LocalAgent::default() });
    local::deploy_control_plane(context, &plane).map_err(|error| match error {
        Error::Http { code: 401, .. } if fresh => Error::plain(
            "A Controller of before runs here, whose password is not known any more. `iofogctl down --purge` removes it with its data",
        ),
        error => error,
    })?;
    let client = context.client()?;
    let mut work = Work { local_agents: vec![agent.clone()], ..Work::default() };
    if !client.agents(false)?.iter().any(|known| known.name == agent.name) {
        work.configure_local_agents();
    }
    deploy::carry_out(context, work)?;
    let client = context.client()?;
    let running = client.agent_by_name(&agent.name, false)?;
    let status = client.status()?;
    Ok(Up {
        namespace: context.namespace.clone(),
        controller: Controller {
            endpoint: context.record()?.control_plane()?.endpoint()?.replacen(
                "0.0.0.0",
                "127.0.0.1",
                1,
            ),
            status: status.status,
            user: plane.iofog_user.email,
        },
        agent: Agent {
            name: running.name,
            uuid: running.uuid,
            status: running.daemon_status,
            router_mode: running.router_mode,
        },
    })
}

/// An account that nobody has to think of.
fn user() -> Result<IofogUser> {
    // 32 of them, so that each is as likely as the others.
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut bytes = [0_u8; PASSWORD_LETTERS];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| Error::internal("the system has no randomness"))?;
    let letter = |byte: &u8| LETTERS.get(usize::from(byte % 32)).copied().map(char::from);
    let mut user = IofogUser {
        name: "Local".to_owned(),
        surname: "Operator".to_owned(),
        email: EMAIL.to_owned(),
        password: bytes.iter().filter_map(letter).collect(),
    };
    user.encode_password();
    Ok(user)
}

fn require_local(context: &mut Context) -> Result<()> {
    let name = context.namespace.clone();
    let record = context.record()?;
    if record.control_plane().is_ok() && record.local_control_plane.is_none() {
        return Err(Error::Input(format!(
            "Namespace {name} has its Control Plane on other machines. Name another Namespace with `-n`"
        )));
    }
    Ok(())
}

/// Stops the Agent, its microservices and the Controller; with `purge` removes them with their data and the records.
///
/// # Errors
/// The namespace has its control plane elsewhere, Agents of other machines need the one here, or the engine refuses.
pub fn down(context: &mut Context, purge: bool) -> Result<Down> {
    if context.record().is_err_and(|error| error.is_not_found()) {
        return Err(Error::NotFound(context.namespace.clone()));
    }
    require_local(context)?;
    local::require_no_other_control_plane(context)?;
    let record = context.record()?;
    let names: Vec<String> = record.local_agents.iter().map(|agent| agent.name.clone()).collect();
    let uuids: Vec<String> = record.local_agents.iter().map(|agent| agent.uuid.clone()).collect();
    let others: Vec<&str> = record.remote_agents.iter().map(|agent| agent.name.as_str()).collect();
    if purge && !others.is_empty() {
        return Err(Error::Input(format!(
            "Agents of other machines belong to the Controller here: {}. Delete or detach them first",
            others.join(", ")
        )));
    }
    progress("Stopping the Edge Compute Network");
    let stopped = local::stop(&uuids)?;
    if purge {
        progress("Removing its data");
        uuids.iter().try_for_each(|uuid| local::remove_agent(uuid))?;
        if uuids.is_empty() {
            // A run that was broken off may have left a container without a record.
            local::remove_agent("")?;
        }
        local::remove_controller()?;
        let record = context.record()?;
        names.iter().for_each(|name| record.forget_agent_in_volumes(name));
        record.local_agents.clear();
        record.clear_control_plane();
        context.store.flush()?;
    }
    Ok(Down { namespace: context.namespace.clone(), stopped, purged: purge })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_account_has_a_password_of_its_own() {
        let (one, other) = (user().unwrap(), user().unwrap());
        assert_ne!(one.password, other.password);
        assert_eq!(one.plain_password().len(), PASSWORD_LETTERS);
    }
}
