//! Containers: made from a plan, started, stopped, renamed, removed with what they kept.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, HostConfig, Mount, MountType, PortBinding, RestartPolicy,
    RestartPolicyNameEnum,
};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, InspectContainerOptions, ListContainersOptionsBuilder,
    RemoveContainerOptionsBuilder, RemoveVolumeOptions, RenameContainerOptionsBuilder,
    StartContainerOptions, StopContainerOptionsBuilder,
};

use super::{Engine, failure};
use crate::text::{Error, Result};

/// Seconds a container gets to end by itself.
const STOP_SECONDS: i32 = 10;
/// The engine's log of a component grows to so much, in so many files.
const LOG_SIZE: &str = "10m";
const LOG_FILES: &str = "3";

/// A container to make.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Name or id of the image.
    pub image: String,
    /// It uses the network of the machine instead of the engine's bridge.
    pub host_network: bool,
    /// TCP ports: of the machine, of the container.
    pub ports: Vec<(u16, u16)>,
    /// Paths: of the machine, of the container.
    pub binds: Vec<(String, String)>,
    /// Volumes: name, folder of the container.
    pub volumes: Vec<(String, String)>,
    /// It may do what root of the machine may.
    pub privileged: bool,
}

/// A container that there is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Container {
    /// Id.
    pub id: String,
    /// Id of its image.
    pub image: String,
    /// Whether it runs.
    pub running: bool,
    /// How often the engine started it anew.
    pub restarts: i64,
    /// Name without a slash.
    pub name: String,
    /// Labels.
    pub labels: HashMap<String, String>,
}

// === impl Plan ===

impl Plan {
    /// As the engine's API wants it.
    fn body(&self) -> ContainerCreateBody {
        let mut exposed = Vec::new();
        let mut bindings = HashMap::new();
        for (outside, inside) in &self.ports {
            let key = format!("{inside}/tcp");
            let port = PortBinding {
                host_ip: Some("0.0.0.0".to_owned()),
                host_port: Some(outside.to_string()),
            };
            exposed.push(key.clone());
            bindings.insert(key, Some(vec![port]));
        }
        let mount = |kind, source: &String, target: &String| Mount {
            typ: Some(kind),
            source: Some(source.clone()),
            target: Some(target.clone()),
            ..Mount::default()
        };
        let binds = self.binds.iter().map(|(from, to)| mount(MountType::BIND, from, to));
        let volumes = self.volumes.iter().map(|(name, to)| mount(MountType::VOLUME, name, to));
        let log = HashMap::from([
            ("max-size".to_owned(), LOG_SIZE.to_owned()),
            ("max-file".to_owned(), LOG_FILES.to_owned()),
        ]);
        ContainerCreateBody {
            image: Some(self.image.clone()),
            exposed_ports: (!exposed.is_empty()).then_some(exposed),
            host_config: Some(HostConfig {
                network_mode: Some(if self.host_network { "host" } else { "bridge" }.to_owned()),
                port_bindings: (!bindings.is_empty()).then_some(bindings),
                mounts: Some(binds.chain(volumes).collect()),
                privileged: Some(self.privileged),
                restart_policy: Some(RestartPolicy {
                    name: Some(RestartPolicyNameEnum::UNLESS_STOPPED),
                    maximum_retry_count: None,
                }),
                log_config: Some(bollard::models::HostConfigLogConfig {
                    typ: Some("json-file".to_owned()),
                    config: Some(log),
                }),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        }
    }
}

// === impl Engine ===

impl Engine {
    /// A container by name.
    ///
    /// # Errors
    /// The engine does not answer.
    pub fn container(&self, name: &str) -> Result<Option<Container>> {
        let found = self
            .runtime
            .block_on(self.client.inspect_container(name, None::<InspectContainerOptions>));
        let found = match found.map_err(failure) {
            Err(Error::NotFound(_)) => return Ok(None),
            found => found?,
        };
        Ok(Some(Container {
            id: found.id.unwrap_or_default(),
            image: found.image.unwrap_or_default(),
            running: found.state.and_then(|state| state.running).unwrap_or_default(),
            restarts: found.restart_count.unwrap_or_default(),
            name: found.name.unwrap_or_default().trim_start_matches('/').to_owned(),
            labels: found.config.and_then(|config| config.labels).unwrap_or_default(),
        }))
    }

    /// Every container whose name begins with some text, running or not.
    ///
    /// # Errors
    /// The engine does not answer.
    pub fn containers(&self, prefix: &str) -> Result<Vec<Container>> {
        let options = ListContainersOptionsBuilder::new().all(true).build();
        let all = self.runtime.block_on(self.client.list_containers(Some(options)));
        let all = all.map_err(failure)?.into_iter().filter_map(|one| {
            let names = one.names.unwrap_or_default();
            let mut names = names.iter().map(|name| name.trim_start_matches('/'));
            let name = names.find(|name| name.starts_with(prefix))?.to_owned();
            Some(Container {
                id: one.id.unwrap_or_default(),
                image: one.image_id.unwrap_or_default(),
                running: one.state == Some(bollard::models::ContainerSummaryStateEnum::RUNNING),
                name,
                restarts: 0,
                labels: one.labels.unwrap_or_default(),
            })
        });
        Ok(all.collect())
    }

    /// Makes a container and starts it; one that cannot be started is removed again.
    ///
    /// # Errors
    /// The engine refuses: the image is missing, the name or a port is taken.
    pub fn create(&self, name: &str, plan: &Plan) -> Result<()> {
        let options = CreateContainerOptionsBuilder::new().name(name).build();
        let made = self.client.create_container(Some(options), plan.body());
        self.runtime.block_on(made).map_err(failure)?;
        self.start(name).inspect_err(|_| {
            // The first failure is the one to tell.
            let _ = self.remove(name);
        })
    }

    /// Starts a container; one that runs is fine.
    ///
    /// # Errors
    /// The engine refuses.
    pub fn start(&self, name: &str) -> Result<()> {
        let started = self.client.start_container(name, None::<StartContainerOptions>);
        unless(304, self.runtime.block_on(started))
    }

    /// Stops a container; one that does not run, or is not there, is fine.
    ///
    /// # Errors
    /// The engine refuses.
    pub fn stop(&self, name: &str) -> Result<()> {
        let options = StopContainerOptionsBuilder::new().t(STOP_SECONDS).build();
        let stopped =
            unless(304, self.runtime.block_on(self.client.stop_container(name, Some(options))));
        gone_is_fine(stopped)
    }

    /// Stops containers at the same time.
    ///
    /// # Errors
    /// The first that the engine refuses.
    pub fn stop_all(&self, names: &[String]) -> Result<()> {
        let stops = names.iter().map(|name| {
            let options = StopContainerOptionsBuilder::new().t(STOP_SECONDS).build();
            self.client.stop_container(name, Some(options))
        });
        let results = self.runtime.block_on(futures_util::future::join_all(stops));
        results.into_iter().try_for_each(|result| gone_is_fine(unless(304, result)))
    }

    /// Gives a container another name.
    ///
    /// # Errors
    /// There is none, or the name is taken.
    pub fn rename(&self, name: &str, new_name: &str) -> Result<()> {
        let options = RenameContainerOptionsBuilder::new().name(new_name).build();
        self.runtime.block_on(self.client.rename_container(name, options)).map_err(failure)
    }

    /// Stops and removes a container; its volumes stay. One that is not there is fine.
    ///
    /// # Errors
    /// The engine refuses.
    pub fn remove(&self, name: &str) -> Result<()> {
        self.stop(name)?;
        self.discard(name)
    }

    /// Removes a container without asking it to end; its volumes stay. One that is not there is fine.
    ///
    /// # Errors
    /// The engine refuses.
    pub fn discard(&self, name: &str) -> Result<()> {
        let options = RemoveContainerOptionsBuilder::new().force(true).build();
        let removed = self.client.remove_container(name, Some(options));
        let removed = self.runtime.block_on(removed);
        // Somebody else removes it at this moment.
        gone_is_fine(unless(409, removed))
    }

    /// Removes a volume; one that is not there is fine.
    ///
    /// # Errors
    /// A container uses it.
    pub fn remove_volume(&self, name: &str) -> Result<()> {
        let removed = self.client.remove_volume(name, None::<RemoveVolumeOptions>);
        gone_is_fine(self.runtime.block_on(removed).map_err(failure))
    }
}

fn gone_is_fine(result: Result<()>) -> Result<()> {
    match result {
        Err(Error::NotFound(_)) => Ok(()),
        other => other,
    }
}

/// Success, also where the engine answers with a status that says that nothing was to do.
fn unless(fine: u16, result: std::result::Result<(), bollard::errors::Error>) -> Result<()> {
    match result {
        Err(bollard::errors::Error::DockerResponseServerError { status_code, .. })
            if status_code == fine =>
        {
            Ok(())
        }
        other => other.map_err(failure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_says_what_the_contract_has() {
        let plan = Plan {
            image: "x/controller:1".to_owned(),
            ports: vec![(51121, 51121), (8008, 80)],
            volumes: vec![("data".to_owned(), "/var/lib/x".to_owned())],
            privileged: true,
            ..Plan::default()
        };
        let body = plan.body();
        let host = body.host_config.unwrap();
        assert_eq!(host.network_mode.as_deref(), Some("bridge"));
        let bound = host.port_bindings.unwrap().remove("80/tcp").flatten().unwrap();
        assert_eq!(bound[0].host_port.as_deref(), Some("8008"));
        assert_eq!(bound[0].host_ip.as_deref(), Some("0.0.0.0"));
        assert_eq!(host.privileged, Some(true));
        assert_eq!(host.mounts.unwrap()[0].typ, Some(MountType::VOLUME));
    }
}
