//! Provisioning and deprovisioning (spec section 6).

use core::fmt;
use core::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::id::{FogUuid, MicroserviceUuid};

/// `POST /agent/provision`: exchanges a one-use key for an identity.
#[derive(Clone, Serialize, Deserialize)]
pub struct ProvisionRequest {
    /// Fog type: 0 unspecified, 1 x86, 2 ARM.
    #[serde(rename = "type")]
    pub fog_type: u8,
    /// Eight characters, valid for 20 minutes.
    pub key: String,
    /// True architecture, such as `mipsel`: ours alone, left alone by a Controller that does not know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
}

/// `POST /agent/enrol`: exchanges the key of a batch for an identity of the device's own (ours alone).
#[derive(Clone, Serialize, Deserialize)]
pub struct EnrolRequest {
    /// Fog type, as in [`ProvisionRequest`].
    #[serde(rename = "type")]
    pub fog_type: u8,
    /// Key of the batch.
    pub key: String,
    /// Tells the device from others of the batch.
    pub device: String,
    /// A secret of the device: with it alone it is given its identity again.
    pub proof: String,
    /// Its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<IpAddr>,
    /// True architecture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
}

/// Answer to [`ProvisionRequest`] and [`EnrolRequest`].
#[derive(Clone, Serialize, Deserialize)]
pub struct ProvisionReply {
    /// The agent that the key belonged to.
    pub uuid: FogUuid,
    /// Raw value of the `Authorization` header from now on.
    pub token: String,
}

/// `POST /agent/deprovision`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeprovisionRequest {
    /// Microservices that the agent is about to stop.
    pub microservice_uuids: Vec<MicroserviceUuid>,
}

// Keys and tokens stay out of logs, so Debug is written by hand.
impl fmt::Debug for ProvisionRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProvisionRequest").field("fog_type", &self.fog_type).finish_non_exhaustive()
    }
}

impl fmt::Debug for EnrolRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnrolRequest").field("device", &self.device).finish_non_exhaustive()
    }
}

impl fmt::Debug for ProvisionReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProvisionReply").field("uuid", &self.uuid).finish_non_exhaustive()
    }
}
