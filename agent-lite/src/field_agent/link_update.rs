//! Updates of the device link become desired state: decoded as a whole, written down, then acted upon.

use iofog_api::agent::ChangeSet;
use iofog_link::{Kind, Outcome, Update};
use serde_json::Value;

use super::FieldAgent;
use crate::controller_client::{self, ControllerError, RemoteConfig};
use crate::domain::{Registry, Verdict, Workload};

/// When an update that cannot be used may come again.
const UNUSABLE_S: u16 = 300;

/// The decoded documents of an update.
#[derive(Default)]
struct News {
    config: Option<RemoteConfig>,
    workloads: Vec<Workload>,
    registries: Vec<Registry>,
    edge_resources: Vec<Value>,
}

impl FieldAgent {
    /// Takes an update over; none when the node has no identity left to answer with.
    pub(super) async fn take_update(&self, update: &Update) -> Option<Outcome> {
        let news = match News::decode(update) {
            Ok(news) => news,
            // Half an update would be worse than none.
            Err(error) => {
                log::error!(target: "field-agent", "update {} is refused: {error}", update.generation);
                return Some(Outcome::Refused(UNUSABLE_S));
            }
        };
        let is_old = update.generation < self.core.state.borrow().generation;
        if is_old {
            log::warn!(target: "field-agent", "the controller went back in time: nothing is removed");
        }
        // Without removals: an older database does not know the newer workloads.
        let removes =
            |kind| !is_old && (update.full || update.removed.iter().any(|key| key.0 == kind));
        let workloads = self.merged_workloads(update, &news, is_old);
        if update.full && !is_old {
            let present = self.core.state.borrow().desired.workloads.len();
            let now = self.core.clock.mono();
            let verdict = self.core.gate.borrow_mut().judge(workloads.len(), present, now);
            if let Verdict::ConfirmAt(at) = verdict {
                log::warn!(target: "field-agent", "the controller wants no microservice at all; asking again before anything is removed");
                let seconds = at.since(now).as_secs().saturating_add(1);
                return Some(Outcome::Refused(u16::try_from(seconds).unwrap_or(UNUSABLE_S)));
            }
        }
        let flags = ChangeSet::from_bits(update.flags);
        if !self.act(flags, is_old).await.unwrap_or(true) {
            return None;
        }
        if let Some(remote) = &news.config {
            let starting = !self.core.initialised.get();
            self.take_config(remote, starting).await;
        }
        let before = self.core.state.borrow().clone();
        {
            let mut state = self.core.state.borrow_mut();
            if removes(Kind::Registry) || !news.registries.is_empty() {
                merge(
                    &mut state.desired.registries,
                    news.registries,
                    update.full && !is_old,
                    |one| one.id.to_string(),
                    |id| !is_old && is_removed(update, Kind::Registry, id),
                );
            }
            if removes(Kind::EdgeResource) || !news.edge_resources.is_empty() {
                let mut list: Vec<Value> =
                    serde_json::from_slice(state.edge_resources.as_bytes()).unwrap_or_default();
                merge(
                    &mut list,
                    news.edge_resources,
                    update.full && !is_old,
                    |one| one.get("id").map(ToString::to_string).unwrap_or_default(),
                    |id| !is_old && is_removed(update, Kind::EdgeResource, id),
                );
                state.edge_resources = Value::from(list).to_string();
            }
            state.desired.accept(workloads, self.core.clock.epoch().0);
            self.core.listed.set(Some(self.core.clock.mono()));
            state.generation = state.generation.max(update.generation);
        }
        let changed = *self.core.state.borrow() != before;
        if changed {
            self.save_state();
            self.spread_desired();
        }
        if self.core.state.borrow().desired.registries != before.desired.registries {
            self.core.processes.forgive();
        }
        update.note(&mut self.core.documents.borrow_mut());
        if !self.core.initialised.replace(true) {
            self.core.status_due.notify_one();
        }
        self.note_success();
        Some(Outcome::Done)
    }

    /// The list of microservices after an update; `rebuild` of each is 1 for an order and 0 otherwise.
    fn merged_workloads(&self, update: &Update, news: &News, is_old: bool) -> Vec<Workload> {
        let mut list = self.core.state.borrow().desired.workloads.clone();
        merge(
            &mut list,
            news.workloads.clone(),
            update.full && !is_old,
            |one| one.uuid.as_str().to_owned(),
            |id| !is_old && is_removed(update, Kind::Microservice, id),
        );
        for one in &mut list {
            one.rebuild = u64::from(update.rebuild.iter().any(|id| id == one.uuid.as_str()));
        }
        list
    }
}

// === impl News ===

impl News {
    fn decode(update: &Update) -> Result<Self, ControllerError> {
        let mut news = Self::default();
        for ((kind, _), body) in &update.put {
            match kind {
                Kind::Config => news.config = Some(controller_client::remote_config(body)?),
                Kind::Microservice => news.workloads.push(controller_client::workload(body)?),
                Kind::Registry => news.registries.push(controller_client::registry(body)?),
                Kind::EdgeResource => news.edge_resources.push(
                    serde_json::from_slice(body)
                        .map_err(|error| ControllerError::malformed(error.to_string()))?,
                ),
            }
        }
        Ok(news)
    }
}

fn is_removed(update: &Update, kind: Kind, id: &str) -> bool {
    update.removed.iter().any(|(of, key)| *of == kind && key == id)
}

/// Puts `news` into `list`: in place where the key is there, else at the end.
fn merge<T>(
    list: &mut Vec<T>,
    news: Vec<T>,
    replaces: bool,
    key: impl Fn(&T) -> String,
    is_removed: impl Fn(&str) -> bool,
) {
    if replaces {
        *list = news;
        return;
    }
    list.retain(|one| !is_removed(&key(one)));
    for item in news {
        let id = key(&item);
        match list.iter_mut().find(|one| key(one) == id) {
            Some(place) => *place = item,
            None => list.push(item),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_replace_join_and_remove() {
        let mut list = vec![("a", 1), ("b", 1), ("c", 1)];
        let key = |one: &(&str, i32)| one.0.to_owned();
        merge(&mut list, vec![("b", 2), ("d", 2)], false, key, |id| id == "a");
        assert_eq!(list, [("b", 2), ("c", 1), ("d", 2)]);
        merge(&mut list, vec![("e", 3)], true, key, |_| false);
        assert_eq!(list, [("e", 3)]);
    }
}
