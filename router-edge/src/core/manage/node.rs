//! What management shows of the interior routers of the network.

use iofog_amqp::Value;

use super::views::{Record, total};
use crate::config::RouterId;
use crate::core::Core;
use crate::core::slab::{ConnId, Id};
use crate::network::Route;

impl Core {
    pub(super) fn node_views(&self) -> Vec<Record> {
        let Some(network) = self.network.as_ref() else {
            return Vec::new();
        };
        let changed = network.changed_at().unwrap_or(0) / 1_000;
        let view = |id: &RouterId, route: Option<&Route>, instance: u64| {
            let peers = network.link_state(id).map(|state| state.peers.keys());
            let peers = peers.into_iter().flatten().map(|peer| Value::from(peer.as_str()));
            let hop = route.and_then(|route| self.conns.get(ConnId::from_index(route.next_hop.0)));
            let near = hop.filter(|conn| conn.peer.container == id.as_str());
            let control = near.and_then(|conn| self.links.get(conn.routing.control?));
            let next_hop = match (hop, near) {
                _ if *id == self.id => "(self)".into(),
                (Some(conn), None) => conn.peer.container.as_str().into(),
                _ => Value::Null,
            };
            let origins = route.map(|route| route.valid_origins.iter());
            let origins = origins.into_iter().flatten().filter_map(|number| {
                let remote = self.routers.get(usize::from(number.0))?.as_ref()?;
                Some(Value::from(remote.id.as_str()))
            });
            vec![
                ("name", format!("router.node/{id}").into()),
                ("identity", format!("router.node/{id}").into()),
                ("id", id.as_str().into()),
                ("protocolVersion", Value::Int(1)),
                ("instance", total(instance)),
                ("linkState", Value::List(peers.collect())),
                ("nextHop", next_hop),
                // Of neighbours only, as their tools show it: the link towards them.
                ("routerLink", control.map_or(Value::Null, |link| total(link.number))),
                ("validOrigins", Value::List(origins.collect())),
                ("address", format!("amqp:/_topo/0/{id}").into()),
                ("cost", route.map_or(Value::Null, |route| Value::Uint(route.cost))),
                ("lastTopoChange", total(changed)),
            ]
        };
        let mut all = vec![view(&self.id, None, network.instance())];
        // Those that cannot be reached have neither a next hop nor a link.
        let reached = network.routers().filter(|(_, _, route)| route.is_some());
        all.extend(reached.map(|(id, instance, route)| view(id, route, instance)));
        all
    }
}
