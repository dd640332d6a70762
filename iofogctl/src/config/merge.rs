//! Two runs at once on one namespace: what one of them changed goes on top of what the other one wrote meanwhile.

use super::namespace::Namespace;

/// What is to be written: `theirs`, which is in the file now, with the changes from `base`, which was read from it once, to
/// `ours`. Agents and volumes go by name; of other things, and of one Agent that both changed, the later run wins.
pub(super) fn merged(base: &Namespace, ours: &Namespace, theirs: Namespace) -> Namespace {
    if theirs == *base {
        return ours.clone();
    }
    let control_plane = |one: &Namespace| {
        (
            one.kubernetes_control_plane.clone(),
            one.remote_control_plane.clone(),
            one.local_control_plane.clone(),
        )
    };
    let changed = control_plane(base) != control_plane(ours);
    let (kubernetes, remote, local) = control_plane(if changed { ours } else { &theirs });
    Namespace {
        name: ours.name.clone(),
        kubernetes_control_plane: kubernetes,
        remote_control_plane: remote,
        local_control_plane: local,
        local_agents: list(&base.local_agents, &ours.local_agents, &theirs.local_agents, |agent| {
            &agent.name
        }),
        remote_agents: list(
            &base.remote_agents,
            &ours.remote_agents,
            &theirs.remote_agents,
            |agent| &agent.name,
        ),
        volumes: list(&base.volumes, &ours.volumes, &theirs.volumes, |volume| &volume.name),
        created: theirs.created,
    }
}

/// The same for a list, in the order of `theirs`; what is new comes last.
fn list<T: Clone + PartialEq>(
    base: &[T],
    ours: &[T],
    theirs: &[T],
    name: fn(&T) -> &str,
) -> Vec<T> {
    let find = |list: &[T], wanted: &T| list.iter().find(|one| name(one) == name(wanted)).cloned();
    let kept = theirs.iter().filter_map(|their| {
        let (before, now) = (find(base, their), find(ours, their));
        if before == now { Some(their.clone()) } else { now }
    });
    let added = ours.iter().filter(|our| {
        find(theirs, our).is_none() && find(base, our).is_none_or(|before| before != **our)
    });
    kept.chain(added.cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::records::{LocalControlPlane, RemoteAgent, RemoteControlPlane};
    use super::*;

    fn namespace(agents: &[(&str, &str)]) -> Namespace {
        let agent = |(name, host): &(&str, &str)| RemoteAgent {
            name: (*name).into(),
            host: (*host).into(),
            ..RemoteAgent::default()
        };
        Namespace {
            name: "plant".into(),
            remote_agents: agents.iter().map(agent).collect(),
            ..Namespace::default()
        }
    }

    #[test]
    fn changes_of_both_runs_stay() {
        let base = namespace(&[("a", "1"), ("b", "1"), ("c", "1"), ("d", "1")]);
        // Here `a` is changed, `b` removed and `e` added; there `c` is changed, `d` removed and `f` added.
        let ours = namespace(&[("a", "2"), ("c", "1"), ("d", "1"), ("e", "1")]);
        let theirs = namespace(&[("a", "1"), ("b", "1"), ("c", "2"), ("f", "1")]);
        let wanted = namespace(&[("a", "2"), ("c", "2"), ("f", "1"), ("e", "1")]);
        assert_eq!(merged(&base, &ours, theirs), wanted);
        // Nothing happened meanwhile: what is here, in its order.
        assert_eq!(merged(&base, &ours, base.clone()), ours);
        // Both changed the same Agent, or one removed it: the later one wins.
        let (one, two) = (namespace(&[("a", "2")]), namespace(&[("a", "3")]));
        assert_eq!(merged(&namespace(&[("a", "1")]), &one, two.clone()), one);
        assert_eq!(merged(&two, &one, namespace(&[])), one);
    }

    #[test]
    fn a_control_plane_is_one_thing() {
        let base = namespace(&[]);
        let remote = Namespace {
            remote_control_plane: Some(RemoteControlPlane::default()),
            ..namespace(&[])
        };
        let local =
            Namespace { local_control_plane: Some(LocalControlPlane::default()), ..namespace(&[]) };
        assert_eq!(merged(&base, &local, remote.clone()), local);
        let agent = namespace(&[("a", "1")]);
        let both = merged(&base, &agent, remote);
        assert!(both.remote_control_plane.is_some() && both.remote_agents.len() == 1);
    }
}
