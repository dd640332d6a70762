//! The policy as entities: its limits, what they refused, virtual hosts and what they saw.

use iofog_amqp::Value;
use iofog_sorted::SortedMap;

use super::views::{Record, count, total};
use crate::config::{Allowed, GroupConfig, VhostConfig};
use crate::core::Core;
use crate::core::policy::Grant;

impl Core {
    pub(super) fn policy_view(&self) -> Record {
        let (config, refused) = (&self.policy.config, &self.policy.refused);
        vec![
            ("name", "policy".into()),
            ("identity", "policy".into()),
            ("maxConnections", Value::Uint(config.max_connections)),
            ("maxMessageSize", total(config.max_message_size)),
            ("enableVhostPolicy", config.vhosts_enabled.into()),
            ("enableVhostNamePatterns", false.into()),
            ("policyDir", "".into()),
            ("defaultVhost", config.default_vhost.as_str().into()),
            ("connectionsProcessed", total(self.totals.connections)),
            ("connectionsDenied", total(refused.connections)),
            ("connectionsCurrent", count(self.snapshot().connections)),
            ("sessionsDenied", total(refused.sessions)),
            ("linksDenied", total(refused.senders + refused.receivers)),
            ("maxMessageSizeDenied", total(refused.oversized)),
            ("messagesDenied", total(refused.messages)),
            ("totalDenials", total(refused.total())),
        ]
    }

    pub(super) fn vhost_views(&self) -> Vec<Record> {
        self.policy.config.vhosts.iter().map(vhost_view).collect()
    }

    pub(super) fn vhost_stats_views(&self) -> Vec<Record> {
        self.policy
            .stats
            .iter()
            .map(|stats| {
                let grants = || {
                    let open = self.conns.iter().filter(|(_, conn)| conn.open && !conn.closed);
                    let grants = open.filter_map(|(_, conn)| conn.grant.as_ref());
                    grants.filter(|grant| grant.vhost == stats.hostname)
                };
                let counts = |of: &dyn Fn(&Grant) -> String| {
                    let mut counts = SortedMap::<String, u64>::new();
                    for grant in grants() {
                        *counts.entry(of(grant)).or_default() += 1;
                    }
                    let pairs = counts.into_iter().map(|(name, n)| (Value::from(name), total(n)));
                    Value::Map(pairs.collect())
                };
                let refused = &stats.refused;
                vec![
                    ("name", stats.hostname.as_str().into()),
                    ("identity", stats.hostname.as_str().into()),
                    ("id", stats.hostname.as_str().into()),
                    ("connectionsApproved", total(stats.approved)),
                    ("connectionsDenied", total(refused.connections)),
                    ("connectionsCurrent", count(grants().count())),
                    ("perUserState", counts(&|grant| grant.user.clone())),
                    ("perHostState", counts(&Grant::host_text)),
                    ("sessionDenied", total(refused.sessions)),
                    ("senderDenied", total(refused.senders)),
                    ("receiverDenied", total(refused.receivers)),
                    ("maxMessageSizeDenied", total(refused.oversized)),
                    ("messagesDenied", total(refused.messages)),
                ]
            })
            .collect()
    }
}

fn vhost_view(vhost: &VhostConfig) -> Record {
    let limits = vhost.connections;
    let groups = vhost.groups.iter().map(|group| (group.name.as_str().into(), group_view(group)));
    vec![
        ("name", vhost.hostname.as_str().into()),
        ("identity", vhost.hostname.as_str().into()),
        ("id", vhost.hostname.as_str().into()),
        ("hostname", vhost.hostname.as_str().into()),
        ("aliases", vhost.aliases.join(",").into()),
        ("maxConnections", Value::Uint(limits.all)),
        ("maxConnectionsPerUser", Value::Uint(limits.per_user)),
        ("maxConnectionsPerHost", Value::Uint(limits.per_host)),
        ("maxMessageSize", vhost.max_message_size.map_or(Value::Null, total)),
        ("allowUnknownUser", vhost.allow_unknown_user.into()),
        ("groups", Value::Map(groups.collect())),
    ]
}

fn group_view(group: &GroupConfig) -> Value {
    let optional = |given: Option<u32>| given.map_or(Value::Null, Value::Uint);
    let mut view: Vec<(&str, Value)> = vec![
        ("users", group.users.join(",").into()),
        ("remoteHosts", group.remote_hosts.join(",").into()),
        ("maxConnectionsPerUser", optional(group.per_user)),
        ("maxConnectionsPerHost", optional(group.per_host)),
        ("maxMessageSize", group.max_message_size.map_or(Value::Null, total)),
        ("maxSessions", Value::Uint(group.max_sessions)),
        ("maxSenders", Value::Uint(group.max_senders)),
        ("maxReceivers", Value::Uint(group.max_receivers)),
        ("allowDynamicSource", group.allow_dynamic_source.into()),
        ("allowAnonymousSender", group.allow_anonymous_sender.into()),
        ("allowDynamicLinkRoutes", group.allow_dynamic_link_routes.into()),
    ];
    for (allowed, names, patterns) in
        [(&group.sources, "sources", "sourcePattern"), (&group.targets, "targets", "targetPattern")]
    {
        view.push(match allowed {
            Allowed::Names(list) => (names, list.join(",").into()),
            Allowed::Patterns(list) => (patterns, list.join(",").into()),
        });
    }
    Value::Map(view.into_iter().map(|(name, value)| (Value::from(name), value)).collect())
}
