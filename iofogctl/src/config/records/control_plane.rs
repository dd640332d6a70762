//! Control plane records: remote, local and Kubernetes, with their controllers.

use serde::{Deserialize, Serialize};

use super::{Container, Package, Ssh, is_zero};
use crate::text::base64;

/// The account the tool uses; the password is base64 in the files.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct IofogUser {
    /// First name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Last name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub surname: String,
    /// Mail address, the login name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub email: String,
    /// Password.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub password: String,
}

impl std::fmt::Debug for IofogUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IofogUser").field("email", &self.email).finish_non_exhaustive()
    }
}

impl IofogUser {
    /// Turns a plain password into the stored form.
    pub fn encode_password(&mut self) {
        self.password = base64::encode(self.password.as_bytes());
    }

    /// The password to log in with; text that is not base64 is taken as it is.
    pub fn plain_password(&self) -> String {
        base64::decode(&self.password)
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .unwrap_or_else(|| self.password.clone())
    }
}

/// Settings of a Controller process.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ControllerConfig {
    /// Directory of the pid file.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pid_base_dir: String,
    /// Port of the web console.
    #[serde(skip_serializing_if = "is_zero")]
    pub ecn_viewer_port: u16,
}

/// A Controller on another machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RemoteController {
    /// Settings; the key is spelled in one word.
    #[serde(rename = "controllerconfig")]
    pub config: ControllerConfig,
    /// Name.
    pub name: String,
    /// Address.
    pub host: String,
    /// SSH access.
    #[serde(skip_serializing_if = "is_zero")]
    pub ssh: Ssh,
    /// Address of the REST API.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub endpoint: String,
    /// When it was deployed, Unix date form.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub created: String,
}

/// Access to an external database.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are the documented ones of the contract, section 5.1")]
pub struct Database {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub provider: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub host: String,
    #[serde(skip_serializing_if = "is_zero")]
    pub port: u16,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub user: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub password: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub database_name: String,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("host", &self.host).finish_non_exhaustive()
    }
}

/// Images of one system microservice.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SystemImages {
    /// For ARM.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub arm: String,
    /// For x86.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub x86: String,
}

/// Images of the system microservices.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SystemMicroservices {
    /// Router.
    #[serde(skip_serializing_if = "is_zero")]
    pub router: SystemImages,
    /// Proxy.
    #[serde(skip_serializing_if = "is_zero")]
    pub proxy: SystemImages,
}

/// Controllers on other machines.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RemoteControlPlane {
    /// Account.
    pub iofog_user: IofogUser,
    /// Its controllers.
    pub controllers: Vec<RemoteController>,
    /// External database.
    #[serde(skip_serializing_if = "is_zero")]
    pub database: Database,
    /// Controller package.
    #[serde(skip_serializing_if = "is_zero")]
    pub package: Package,
    /// Package of the Agents on the controller hosts.
    #[serde(skip_serializing_if = "is_zero")]
    pub system_agent: Package,
    /// Images of the system microservices.
    #[serde(skip_serializing_if = "is_zero")]
    pub system_microservices: SystemMicroservices,
}

/// The Controller container of this machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LocalController {
    /// Name.
    pub name: String,
    /// Address of the REST API.
    pub endpoint: String,
    /// Its container.
    pub container: Container,
    /// When it was deployed, Unix date form.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub created: String,
}

/// A control plane in a container of this machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct LocalControlPlane {
    /// Account.
    pub iofog_user: IofogUser,
    /// Its controller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controller: Option<LocalController>,
}

/// A Controller pod.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are the documented ones of the contract, section 5.1")]
pub struct KubernetesController {
    pub pod_name: String,
    pub endpoint: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub created: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub status: String,
}

/// How a Kubernetes service is exposed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Service {
    /// Service type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Wanted address.
    pub ip: String,
}

/// The services of a Kubernetes control plane.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the names are the documented ones of the contract, section 5.1")]
pub struct Services {
    pub controller: Service,
    pub router: Service,
    pub proxy: Service,
}

/// How many of each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Replicas {
    /// Controllers; 0 means one.
    pub controller: i32,
}

/// Images of a Kubernetes control plane.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are the documented ones of the contract, section 5.1")]
pub struct KubernetesImages {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub controller: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub operator: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kubelet: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub port_manager: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub router: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub proxy: String,
}

/// A control plane in a Kubernetes cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are the documented ones of the contract, section 5.1")]
pub struct KubernetesControlPlane {
    pub config: String,
    pub iofog_user: IofogUser,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub controller_pods: Vec<KubernetesController>,
    #[serde(skip_serializing_if = "is_zero")]
    pub database: Database,
    #[serde(skip_serializing_if = "is_zero")]
    pub services: Services,
    #[serde(skip_serializing_if = "is_zero")]
    pub replicas: Replicas,
    #[serde(skip_serializing_if = "is_zero")]
    pub images: KubernetesImages,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub endpoint: String,
    #[serde(skip_serializing_if = "is_zero")]
    pub controller: ControllerConfig,
}
