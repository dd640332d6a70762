//! What the field agent knows, told to the other parts and kept on disk.

use std::rc::Rc;

use super::FieldAgent;
use super::connection::access;
use crate::config::Setting;
use crate::context::{LocalMicroservice, Position, RouterAccess};
use crate::domain::{Kind, NodeFacts};
use crate::fault;

impl FieldAgent {
    pub(super) fn save_state(&self) {
        self.core.state.borrow_mut().pulled.extend(self.core.processes.take_pulled());
        let result = self.core.store.save(&self.core.state.borrow());
        if let Err(error) = result {
            log::error!(target: "field-agent", "state could not be saved: {error}");
        }
    }

    /// True when it is on disk.
    pub(super) fn save_config(&self) -> bool {
        let result = self.core.file.borrow().save(&self.core.config.borrow());
        if let Err(error) = &result {
            log::error!(target: "field-agent", "configuration could not be saved: {error}");
        }
        self.core.unsaved.set(result.is_err());
        result.is_ok()
    }

    /// Tells all parts who this node is.
    pub(super) fn spread_identity(&self) {
        let config = self.core.config.borrow();
        (self.core.on_change)(&config);
        self.core.context.set_message_quota(config.integer(Setting::MessageQuota) << 20);
        if let (Some((latitude, longitude)), None) =
            (config.coordinates(), self.core.context.position())
        {
            let (latitude, longitude) = (latitude.to_owned(), longitude.to_owned());
            self.core.context.set_position(Some(Position {
                latitude,
                longitude,
                timestamp: self.core.clock.epoch().0,
            }));
        }
        if self.core.client.set_access(access(&config)) {
            self.core.documents.borrow_mut().clear();
            self.core.link_tried.set(false);
            self.core.link_due.notify_one();
        }
        let fog = self.core.state.borrow().fog.clone();
        self.core.context.set_fog_uuid(fog.clone());
        let interface = self.core.interface.borrow();
        let node = NodeFacts {
            fog,
            bind_address: self.core.context.bind_address(),
            iofog_address: self.core.context.bind_address().or(interface.address),
            time_zone: config.get(Setting::TimeZone).to_owned(),
            container_network: config.container_network().map(str::to_owned),
        };
        self.core.processes.set_node(node, self.core.state.borrow().former.iter().cloned());
    }

    /// Tells all parts what should run here.
    pub(super) fn spread_desired(&self) {
        let state = self.core.state.borrow();
        let local = state
            .desired
            .workloads
            .iter()
            .filter(|one| !one.delete && one.kind() == Kind::Container);
        let local = local.map(|one| LocalMicroservice {
            uuid: one.uuid.clone(),
            config: Rc::from(one.config.as_str()),
            routes: one.routes.clone(),
            is_consumer: one.is_consumer,
            log_size_mb: one.log_size_mb,
            host_network: one.host_network,
        });
        self.core.context.set_microservices(local.collect());
        let edge_resources =
            if state.edge_resources.is_empty() { "[]" } else { state.edge_resources.as_str() };
        self.core.context.set_edge_resources(Rc::from(edge_resources));
        fault::before("desired.apply");
        self.core.modules.apply(&state.desired);
        self.core.processes.set_desired(state.desired.clone());
        fault::after("desired.apply");
        drop(state);
        self.spread_router();
    }

    /// Without a built-in Router the Controller's word says where messages go.
    pub(super) fn spread_router(&self) {
        if matches!(self.core.context.router(), RouterAccess::Local(_)) {
            return;
        }
        let state = self.core.state.borrow();
        let has_module =
            state.desired.workloads.iter().any(|one| !one.delete && one.kind() == Kind::Router);
        let access = match &state.router {
            Some(address) if !has_module => {
                let own = self.core.config.borrow().bind_address().map(|bind| bind.to_string());
                let host = match address.host.as_str() {
                    "localhost" => own.unwrap_or_else(|| "127.0.0.1".to_owned()),
                    host => host.to_owned(),
                };
                RouterAccess::Tcp { host, port: address.port }
            }
            _ => RouterAccess::None,
        };
        if !self.core.context.router().is_same(&access) {
            self.core.context.set_router(access);
        }
    }

    /// Follows the built-in Router coming and going.
    pub(super) async fn router_loop(&self) {
        let mut changed = self.core.modules.watch_reports();
        while changed.changed().await.is_ok() {
            self.spread_router();
        }
    }
}
