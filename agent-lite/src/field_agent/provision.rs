//! Getting and giving back an identity (agent contract 3.4, 3.10, with the fix of 14/11).

use iofog_api::agent::ProvisionReply;

use super::{FieldAgent, Link};
use crate::controller_client::{Access, ControllerError};
use crate::fault;
use crate::ids::{FogUuid, MicroserviceUuid};

/// Why provisioning or deprovisioning did not happen.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// Another one is under way.
    #[error("provisioning is in progress")]
    InProgress,
    /// There is no identity to give back.
    #[error("not provisioned")]
    NotProvisioned,
    /// The Controller refused or could not be reached.
    #[error(transparent)]
    Controller(#[from] ControllerError),
}

/// Keeps a second attempt out while it lives.
pub(super) struct Attempt<'a>(&'a FieldAgent);

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.0.core.provisioning.set(false);
    }
}

impl FieldAgent {
    /// Provisions with `key`. The present identity stays until the new one is granted and written.
    pub async fn provision(&self, key: &str) -> Result<FogUuid, ProvisionError> {
        let _attempt = self.attempt()?;
        let access = Access {
            token: String::new(),
            ..super::connection::access(&self.core.config.borrow())
        };
        let fog_type = self.core.config.borrow().fog_type();
        // A client of its own: the loops go on with the present identity meanwhile.
        let client = crate::controller_client::ControllerClient::new(access);
        let granted = client.provision(key, fog_type).await.inspect_err(|error| {
            log::warn!(target: "field-agent", "provisioning failed: {error}");
        })?;
        let uuid = granted.uuid.clone();
        self.adopt(granted).await;
        Ok(uuid)
    }

    /// Takes an identity that was granted.
    pub(super) async fn adopt(&self, granted: ProvisionReply) {
        self.core.config.borrow_mut().set_identity(&granted.uuid, &granted.token);
        fault::before("identity.grant");
        self.save_config();
        fault::after("identity.grant");
        self.core.state.borrow_mut().take_identity(&granted.uuid);
        self.save_state();
        *self.core.interface.borrow_mut() =
            super::connection::detect_interface(&self.core.config.borrow());
        self.core.initialised.set(false);
        self.set_link(Link::Ok);
        self.spread_identity();
        self.spread_desired();
        log::info!(target: "field-agent", "provisioned as {}", granted.uuid);
        self.push_config().await;
        self.core.changes_due.notify_one();
        self.core.status_due.notify_one();
    }

    /// Gives the identity back. The Controller is told, but its answer does not matter.
    pub async fn deprovision(&self) -> Result<(), ProvisionError> {
        let _attempt = self.attempt()?;
        if !self.core.config.borrow().is_provisioned() {
            return Err(ProvisionError::NotProvisioned);
        }
        if let Err(error) = self.core.client.deprovision(self.known_microservices()).await {
            log::warn!(target: "field-agent", "the controller was not told of the deprovisioning: {error}");
        }
        self.drop_identity();
        Ok(())
    }

    /// Forgets the identity: containers are stopped and kept, modules end.
    pub(super) fn drop_identity(&self) {
        // The state first: a crash between the two leaves a node that can be told again. The other way round it would
        // have no identity to give back, and containers that take that for damage and run on.
        self.core.state.borrow_mut().take_identity(&FogUuid::default());
        fault::before("identity.drop");
        self.save_state();
        fault::after("identity.drop");
        self.core.config.borrow_mut().set_identity(&FogUuid::default(), "");
        self.save_config();
        self.set_link(Link::NotProvisioned);
        self.core.link_error.borrow_mut().clear();
        self.core.initialised.set(false);
        self.spread_identity();
        self.spread_desired();
        log::info!(target: "field-agent", "deprovisioned");
    }

    /// Desired and present microservices.
    pub(super) fn known_microservices(&self) -> Vec<MicroserviceUuid> {
        let state = self.core.state.borrow();
        let mut known: Vec<_> =
            state.desired.workloads.iter().map(|one| one.uuid.clone()).collect();
        known.extend(self.core.processes.reports().into_iter().map(|report| report.uuid));
        known.sort();
        known.dedup();
        known
    }

    pub(super) fn attempt(&self) -> Result<Attempt<'_>, ProvisionError> {
        if self.core.provisioning.replace(true) {
            return Err(ProvisionError::InProgress);
        }
        Ok(Attempt(self))
    }
}
