//! Every message that a client sent: where it arrived, what was said of it, and whether that adds up.

use std::collections::BTreeMap;

use iofog_amqp::DeliveryState;

/// Number of a message.
pub(crate) type MessageId = u32;
/// A receiving link of one connection of one client.
pub(crate) type ReceiverKey = u32;

/// What a consumer or a router says of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Accepted,
    Rejected,
    Released,
    Modified,
}

impl Verdict {
    pub(crate) fn of(state: Option<&DeliveryState>) -> Option<Self> {
        match state? {
            DeliveryState::Accepted => Some(Self::Accepted),
            DeliveryState::Rejected(_) => Some(Self::Rejected),
            DeliveryState::Released => Some(Self::Released),
            DeliveryState::Modified { .. } => Some(Self::Modified),
            _ => None,
        }
    }

    pub(crate) fn state(self) -> DeliveryState {
        match self {
            Self::Accepted => DeliveryState::Accepted,
            Self::Rejected => DeliveryState::Rejected(None),
            Self::Released => DeliveryState::Released,
            Self::Modified => DeliveryState::modified(true, false),
        }
    }
}

/// How far a message came at its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// No outcome yet.
    Open,
    /// Pre-settled: none will come.
    Settled,
    Told(Verdict),
    /// The sender's connection was lost first.
    Doubt,
    Aborted,
}

#[derive(Debug)]
struct Record {
    address: usize,
    many: bool,
    /// It was sent while routes might change.
    moving: bool,
    stage: Stage,
    arrived: BTreeMap<ReceiverKey, Option<Verdict>>,
}

/// All messages of a schedule.
#[derive(Default)]
pub(crate) struct Books {
    records: Vec<Record>,
    /// Routes may change: a multicast message may then reach a consumer by the old route and by the new one. No router
    /// of this protocol can tell the two.
    pub(crate) moving: bool,
    /// What broke a promise, in words.
    pub(crate) violations: Vec<String>,
}

/// Sums for people.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    pub(crate) sent: usize,
    pub(crate) accepted: usize,
    pub(crate) doubt: usize,
}

impl Books {
    /// A message begins. `many`: its address is multicast.
    pub(crate) fn begin(&mut self, address: usize, many: bool, settled: bool) -> MessageId {
        let stage = if settled { Stage::Settled } else { Stage::Open };
        let moving = self.moving;
        self.records.push(Record { address, many, moving, stage, arrived: BTreeMap::new() });
        u32::try_from(self.records.len() - 1).unwrap_or(u32::MAX)
    }

    pub(crate) fn aborted(&mut self, message: MessageId) {
        self.record(message).stage = Stage::Aborted;
    }

    /// The sender's connection is gone.
    pub(crate) fn doubt(&mut self, message: MessageId) {
        let record = self.record(message);
        if record.stage == Stage::Open {
            record.stage = Stage::Doubt;
        }
    }

    pub(crate) fn arrived(&mut self, message: MessageId, address: usize, receiver: ReceiverKey) {
        if message as usize >= self.records.len() {
            self.violation(format!("message {message} was never sent"));
            return;
        }
        let record = self.record(message);
        let twice = if record.many {
            !record.moving && record.arrived.contains_key(&receiver)
        } else {
            !record.arrived.is_empty()
        };
        let wrong = record.address != address;
        let aborted = record.stage == Stage::Aborted;
        record.arrived.insert(receiver, None);
        for (broken, what) in [
            (twice, "arrived twice"),
            (wrong, "arrived at another address"),
            (aborted, "arrived although it was aborted"),
        ] {
            if broken {
                self.violation(format!("message {message} {what}"));
            }
        }
    }

    /// The consumer says what becomes of it.
    pub(crate) fn judged(&mut self, message: MessageId, receiver: ReceiverKey, verdict: Verdict) {
        self.record(message).arrived.insert(receiver, Some(verdict));
    }

    /// The sender is told what became of it.
    pub(crate) fn told(&mut self, message: MessageId, verdict: Verdict) {
        let record = self.record(message);
        let before = record.stage;
        record.stage = Stage::Told(verdict);
        let judged: Vec<_> = record.arrived.values().copied().collect();
        let fits = record.many
            || match verdict {
                Verdict::Accepted => judged == [Some(Verdict::Accepted)],
                Verdict::Rejected => judged == [Some(Verdict::Rejected)],
                // May be sent again elsewhere, so no one may have taken it.
                Verdict::Released => !judged.contains(&Some(Verdict::Accepted)),
                Verdict::Modified => true,
            };
        if before != Stage::Open {
            self.violation(format!("message {message} is {verdict:?} after {before:?}"));
        }
        if !fits {
            self.violation(format!("message {message} is {verdict:?}, consumers said {judged:?}"));
        }
    }

    /// After everything has come to rest: no unsettled message is forgotten. `undisturbed`: nothing
    /// was cut or restarted, so every pre-settled message has arrived too.
    pub(crate) fn close(&mut self, undisturbed: bool) -> Sums {
        let mut found = Vec::new();
        let mut sums = Sums { sent: self.records.len(), ..Sums::default() };
        for (id, record) in self.records.iter().enumerate() {
            match record.stage {
                Stage::Open => found.push(format!("message {id} is forgotten: {record:?}")),
                Stage::Settled if undisturbed && !record.many && record.arrived.is_empty() => {
                    found.push(format!("pre-settled message {id} is lost: {record:?}"));
                }
                Stage::Told(Verdict::Accepted) => sums.accepted += 1,
                Stage::Doubt => sums.doubt += 1,
                _ => {}
            }
        }
        for text in found {
            self.violation(text);
        }
        sums
    }

    /// Whether a message was accepted.
    pub(crate) fn is_accepted(&self, message: MessageId) -> bool {
        self.records
            .get(message as usize)
            .is_some_and(|record| record.stage == Stage::Told(Verdict::Accepted))
    }

    /// How many consumers it reached.
    pub(crate) fn arrivals(&self, message: MessageId) -> usize {
        self.records.get(message as usize).map_or(0, |record| record.arrived.len())
    }

    pub(crate) fn violation(&mut self, text: String) {
        if self.violations.len() < 20 {
            self.violations.push(text);
        }
    }

    fn record(&mut self, message: MessageId) -> &mut Record {
        &mut self.records[message as usize]
    }
}
