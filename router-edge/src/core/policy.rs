//! Limits that the configuration puts on clients: connections, sessions, links and the addresses these name
//! (decision 0092). Connections between routers are never judged here.

use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use iofog_amqp::{Error, Open, Role, condition};
use iofog_amqp_engine::SessionId;
use log::warn;

use super::Core;
use super::attach::Offer;
use super::conn::{Conn, Direction};
use super::slab::ConnId;
use crate::address::{Address, Pattern};
use crate::config::{
    Allowed, DEFAULT_GROUP, GroupConfig, PolicyConfig, Role as ConnRole, VhostConfig,
};

/// The policy, and what was refused by it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Policy {
    pub(crate) config: PolicyConfig,
    /// There may be connections with a grant.
    pub(crate) grants: bool,
    pub(crate) refused: Refused,
    /// By virtual host, in the order of the configuration.
    pub(crate) stats: Vec<VhostStats>,
}

/// What a virtual host has seen.
#[derive(Debug, Clone, Default)]
pub(crate) struct VhostStats {
    pub(crate) hostname: String,
    pub(crate) approved: u64,
    pub(crate) refused: Refused,
}

/// Refusals by what was refused.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Refused {
    pub(crate) connections: u64,
    pub(crate) sessions: u64,
    pub(crate) senders: u64,
    pub(crate) receivers: u64,
    /// Messages of anonymous senders to addresses that are not allowed.
    pub(crate) messages: u64,
    /// Messages above the limit; each ended its link.
    pub(crate) oversized: u64,
}

/// What the policy gave one connection.
#[derive(Debug)]
pub(crate) struct Grant {
    pub(crate) vhost: String,
    pub(crate) user: String,
    host: Option<IpAddr>,
    group: GroupConfig,
    pub(crate) max_message_size: u64,
    sources: Filter,
    targets: Filter,
}

/// Addresses that may be named, with the user's name put in.
#[derive(Debug)]
enum Filter {
    Names(Vec<String>),
    Patterns(Vec<Pattern>),
}

impl Refused {
    pub(crate) fn total(&self) -> u64 {
        self.connections
            + self.sessions
            + self.senders
            + self.receivers
            + self.messages
            + self.oversized
    }
}

impl Core {
    /// Goes over to another policy; connections that are open keep what they were given.
    pub fn change_policy(&mut self, config: PolicyConfig) {
        let old = std::mem::take(&mut self.policy.stats);
        let kept = |vhost: &VhostConfig| {
            let known = old.iter().find(|stats| stats.hostname == vhost.hostname).cloned();
            let hostname = vhost.hostname.clone();
            known.unwrap_or_else(|| VhostStats { hostname, ..VhostStats::default() })
        };
        self.policy.stats = config.vhosts.iter().map(kept).collect();
        self.policy.grants |= config.vhosts_enabled;
        self.policy.config = config;
    }

    /// Judges a client that opened; refused, it is closed with the reason.
    pub(super) fn admit(&mut self, id: ConnId, open: &Open) -> bool {
        let Some(conn) = self.conns.get(id).filter(|conn| is_client(conn)) else {
            return true;
        };
        let user = conn.login.as_ref().map_or("anonymous", |login| &login.user).to_owned();
        let host = conn.spec.host.parse::<SocketAddr>().ok().map(|host| host.ip());
        let error = match self.judge(open.hostname.as_deref().unwrap_or_default(), &user, host) {
            Ok(grant) => {
                if let Some(grant) = &grant
                    && let Some(stats) = self.vhost_stats(&grant.vhost)
                {
                    stats.approved += 1;
                }
                if let Some(conn) = self.conns.get_mut(id) {
                    conn.grant = grant.map(Rc::new);
                }
                return true;
            }
            Err((vhost, text)) => {
                if let Some(stats) = vhost.and_then(|vhost| self.vhost_stats(&vhost)) {
                    stats.refused.connections += 1;
                }
                Error::new(condition::RESOURCE_LIMIT_EXCEEDED, text)
            }
        };
        self.policy.refused.connections += 1;
        if let Some(conn) = self.conns.get_mut(id) {
            let (host, text) = (&conn.spec.host, error.description.as_deref().unwrap_or_default());
            warn!("[C{}] {user:?} from {host} refused: {text}", id.number());
            conn.open = false;
            conn.engine.close(Some(error));
        }
        self.touch(id);
        false
    }

    /// What a client gets; none without virtual hosts. Refused: by which virtual host, and why.
    fn judge(
        &self,
        vhost: &str,
        user: &str,
        host: Option<IpAddr>,
    ) -> Result<Option<Grant>, (Option<String>, &'static str)> {
        let config = &self.policy.config;
        let most = usize::try_from(config.max_connections).unwrap_or(usize::MAX);
        // The one that is judged counts already.
        if self.conns.len() > most && self.clients().count() > most {
            return Err((None, "too many connections of clients"));
        }
        if !config.vhosts_enabled {
            return Ok(None);
        }
        let called = |name: &str| config.vhosts.iter().find(|vhost| vhost.is_called(name));
        let vhost = called(vhost)
            .or_else(|| called(&config.default_vhost))
            .ok_or((None, "no such virtual host"))?;
        let refuse = |text| Err((Some(vhost.hostname.clone()), text));
        let named = vhost.groups.iter().find(|group| group.users.iter().any(|one| one == user));
        let others = || vhost.groups.iter().find(|group| group.name == DEFAULT_GROUP);
        let Some(group) = named.or_else(|| others().filter(|_| vhost.allow_unknown_user)) else {
            return refuse("user is not allowed here");
        };
        if !may_come_from(group, host) {
            return refuse("host is not allowed here");
        }
        let granted = || self.clients().filter_map(|conn| conn.grant.as_ref());
        let here = || granted().filter(|grant| grant.vhost == vhost.hostname);
        let limits = vhost.connections;
        let reached =
            |count: usize, most: u32| count >= usize::try_from(most).unwrap_or(usize::MAX);
        if reached(here().count(), limits.all) {
            return refuse("too many connections of the virtual host");
        }
        let of_user = here().filter(|grant| grant.user == user).count();
        if reached(of_user, group.per_user.unwrap_or(limits.per_user)) {
            return refuse("too many connections of the user");
        }
        let from_host = here().filter(|grant| grant.host == host).count();
        if reached(from_host, group.per_host.unwrap_or(limits.per_host)) {
            return refuse("too many connections from the host");
        }
        let size = group.max_message_size.or(vhost.max_message_size);
        Ok(Some(Grant {
            vhost: vhost.hostname.clone(),
            user: user.to_owned(),
            host,
            max_message_size: size.unwrap_or(config.max_message_size),
            sources: Filter::new(&group.sources, user),
            targets: Filter::new(&group.targets, user),
            group: group.clone(),
        }))
    }

    fn clients(&self) -> impl Iterator<Item = &Conn> {
        self.conns.iter().map(|(_, conn)| conn).filter(|c| is_client(c) && c.open && !c.closed)
    }

    /// A client begins a session; one too many is ended.
    pub(super) fn admit_session(&mut self, id: ConnId, session: SessionId) {
        let Some(conn) = self.conns.get_mut(id) else {
            return;
        };
        let Some(grant) = conn.grant.clone() else {
            return;
        };
        conn.sessions += 1;
        if conn.sessions > grant.group.max_sessions {
            // Its end is counted off like that of any other.
            let error = Error::new(condition::RESOURCE_LIMIT_EXCEEDED, "too many sessions");
            conn.engine.end(session, Some(error));
            self.touch(id);
            self.count_refusal(&grant.vhost, |refused| &mut refused.sessions);
        }
    }

    /// Judges a link that a client attaches.
    pub(super) fn may_attach(&mut self, offer: &Offer) -> Result<(), Error> {
        let Some(conn) = self.conns.get(offer.conn) else {
            return Ok(());
        };
        let Some(grant) = conn.grant.clone() else {
            return Ok(());
        };
        let sends = offer.attach.role == Role::Sender;
        let ours = offer.attach.role.opposite();
        let links = conn.links().filter_map(|key| self.links.get(key));
        let count = links.filter(|link| link.role == ours).count();
        let most = if sends { grant.group.max_senders } else { grant.group.max_receivers };
        let result = if count >= usize::try_from(most).unwrap_or(usize::MAX) {
            Err(Error::new(condition::RESOURCE_LIMIT_EXCEEDED, "too many links"))
        } else if grant.allows_link(offer) {
            Ok(())
        } else {
            Err(Error::new(condition::UNAUTHORIZED_ACCESS, "address is not allowed for the user"))
        };
        if result.is_err() {
            self.count_refusal(&grant.vhost, |refused| {
                if sends { &mut refused.senders } else { &mut refused.receivers }
            });
        }
        result
    }

    /// Judges the address that a message of an anonymous sender names.
    pub(super) fn may_send_to(&mut self, from: ConnId, to: &[u8]) -> bool {
        let Some(grant) = self.conns.get(from).and_then(|conn| conn.grant.clone()) else {
            return true;
        };
        let allowed = std::str::from_utf8(to).is_ok_and(|to| grant.targets.allows(to));
        if !allowed {
            self.count_refusal(&grant.vhost, |refused| &mut refused.messages);
        }
        allowed
    }

    /// A link ended: too large a message may be why.
    pub(super) fn count_oversized(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get_mut(id) else {
            return;
        };
        let more = u64::from(conn.engine.take_oversized());
        let grant = conn.grant.clone();
        self.policy.refused.oversized += more;
        if let Some(stats) = grant.and_then(|grant| self.vhost_stats(&grant.vhost)) {
            stats.refused.oversized += more;
        }
    }

    /// Bytes of the largest message that the peer of a connection may send; 0 = no limit.
    pub(super) fn max_message_size(&self, conn: ConnId) -> u64 {
        let Some(conn) = self.conns.get(conn).filter(|conn| is_client(conn)) else {
            return 0;
        };
        conn.grant.as_ref().map_or(self.policy.config.max_message_size, |g| g.max_message_size)
    }

    /// Whether a client may make link routes for its own connection.
    pub(super) fn may_make_routes(&self, from: ConnId) -> bool {
        let grant = self.conns.get(from).and_then(|conn| conn.grant.as_ref());
        grant.is_none_or(|grant| grant.group.allow_dynamic_link_routes)
    }

    fn vhost_stats(&mut self, hostname: &str) -> Option<&mut VhostStats> {
        self.policy.stats.iter_mut().find(|stats| stats.hostname == hostname)
    }

    fn count_refusal(&mut self, vhost: &str, which: impl Fn(&mut Refused) -> &mut u64) {
        *which(&mut self.policy.refused) += 1;
        if let Some(stats) = self.vhost_stats(vhost) {
            *which(&mut stats.refused) += 1;
        }
    }
}

/// A client over a socket, as against routers and the program itself.
fn is_client(conn: &Conn) -> bool {
    let role = matches!(conn.spec.role, ConnRole::Normal | ConnRole::RouteContainer);
    role && conn.spec.direction == Direction::In && !conn.spec.local
}

fn may_come_from(group: &GroupConfig, host: Option<IpAddr>) -> bool {
    group.remote_hosts.iter().any(|allowed| {
        let (first, last) = allowed.split_once('-').unwrap_or((allowed, allowed));
        let bounds = (first.parse::<IpAddr>(), last.parse::<IpAddr>());
        match (host.map(|host| host.to_canonical()), bounds) {
            _ if allowed == "*" => true,
            (Some(host), (Ok(first), Ok(last))) => {
                host.is_ipv4() == first.is_ipv4() && (first..=last).contains(&host)
            }
            _ => false,
        }
    })
}

impl Grant {
    /// Where its client is, for people.
    pub(crate) fn host_text(&self) -> String {
        self.host.map(|host| host.to_string()).unwrap_or_default()
    }

    fn allows_link(&self, offer: &Offer) -> bool {
        match offer.attach.role {
            Role::Sender => match offer.address() {
                Some(address) if !address.is_empty() => self.targets.allows(address),
                // A dynamic target is an address of its own making, known to nobody else.
                _ => {
                    self.group.allow_anonymous_sender
                        || offer.attach.target.as_ref().is_some_and(|target| target.dynamic)
                }
            },
            Role::Receiver if offer.attach.source.as_ref().is_some_and(|source| source.dynamic) => {
                self.group.allow_dynamic_source
            }
            Role::Receiver => self.sources.allows(offer.address().unwrap_or_default()),
        }
    }
}

impl Filter {
    fn new(allowed: &Allowed, user: &str) -> Self {
        let put_in = |text: &String| text.replace("${user}", user);
        match allowed {
            Allowed::Names(names) => Self::Names(names.iter().map(put_in).collect()),
            Allowed::Patterns(patterns) => {
                Self::Patterns(patterns.iter().map(|text| Pattern::new(&put_in(text))).collect())
            }
        }
    }

    fn allows(&self, address: &str) -> bool {
        let address = Address::plain(address);
        match self {
            Self::Names(names) => names.iter().any(|name| match name.strip_suffix('*') {
                Some(start) => address.starts_with(start),
                None => name == address,
            }),
            Self::Patterns(patterns) => patterns.iter().any(|pattern| pattern.matches(address)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(allowed: &Allowed, address: &str) -> bool {
        Filter::new(allowed, "ann").allows(address)
    }

    #[test]
    fn names_may_end_in_a_star_and_name_the_user() {
        let names =
            Allowed::Names(["a", "news/*", "${user}", "${user}.*"].map(str::to_owned).into());
        for allowed in ["a", "/a", "amqp://host/a", "news/", "news/x/y", "ann", "ann.x"] {
            assert!(allows(&names, allowed), "{allowed}");
        }
        for refused in ["", "b", "a/b", "new", "bob", "annx", "${user}"] {
            assert!(!allows(&names, refused), "{refused}");
        }
        assert!(allows(&Allowed::Names(vec!["*".to_owned()]), "anything"));
        assert!(!allows(&Allowed::Names(Vec::new()), "anything"));
    }

    #[test]
    fn patterns_are_those_of_addresses() {
        let patterns = Allowed::Patterns(["${user}.*.x", "b/#"].map(str::to_owned).into());
        for (address, allowed) in
            [("ann.1.x", true), ("ann.x", false), ("bob.1.x", false), ("b", true), ("b/c/d", true)]
        {
            assert_eq!(allows(&patterns, address), allowed, "{address}");
        }
    }
}
