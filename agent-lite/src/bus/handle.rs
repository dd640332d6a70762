//! The bus as the rest of the Agent sees it: publish, receive, query.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use bytes::Bytes;
use iofog_iomessage::{EncodeError, IoMessage};
use iofog_sorted::SortedMap;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::archive::Archive;
use super::lane::LaneGate;
use super::ledger::Ledger;
use super::mailbox::{Batch, Mailbox, Subscription};
use super::message_log::MessageLog;
use super::options::BusOptions;
use super::outbox::{Lane, Limits, Outbox, Seq, Verdict};
use super::supervisor::Carrier;
use super::{commit, storage, supervisor};
use crate::clock::Clock;
use crate::context::{AgentContext, RouterAccess};
use crate::domain::explain::{Flow, RouterFacts};
use crate::domain::{EpochMillis, Mono};
use crate::fault;
use crate::ids::MicroserviceUuid;

/// Handle of the bus; clones share it.
#[derive(Clone)]
pub struct Bus {
    shared: Rc<Shared>,
    tasks: Rc<RefCell<Vec<JoinHandle<()>>>>,
}

/// What the Agent assigned to an accepted message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// 32 hexadecimal digits.
    pub id: String,
    /// Epoch ms.
    pub timestamp: u64,
}

/// A message on its way that is not safe yet.
pub struct Accepted {
    shared: Rc<Shared>,
    seqs: Vec<Seq>,
    receipt: Receipt,
}

/// Why a message was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// A field does not fit the binary form.
    #[error("message cannot be written")]
    Encode(#[from] EncodeError),
    /// The message is larger than the node carries.
    #[error("message has {size} bytes, at most {limit} are carried")]
    TooLarge {
        /// Its size in binary form.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// The message could not be made safe, or its folder is not to be had.
    #[error("message could not be stored")]
    Storage,
    /// No random numbers for an id.
    #[error("no message id could be made")]
    NoId,
}

/// How the bus is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BusStatus {
    /// The books.
    pub ledger: Ledger,
    /// Messages that wait or are under way.
    pub pending: usize,
    /// Bytes they count against the quota.
    pub pending_bytes: u64,
    /// Whether the Router is reached.
    pub connected: bool,
}

/// State that the tasks of the bus share on the one thread.
pub(super) struct Shared {
    pub(super) context: AgentContext,
    pub(super) options: BusOptions,
    pub(super) clock: Clock,
    pub(super) outbox: RefCell<Outbox>,
    pub(super) log: RefCell<MessageLog>,
    /// Why the folder is not open, and since when (ms, monotonic).
    pub(super) closed: RefCell<Option<(String, u64)>>,
    pub(super) gates: RefCell<SortedMap<Lane, Rc<LaneGate>>>,
    pub(super) mailboxes: RefCell<SortedMap<MicroserviceUuid, Rc<Mailbox>>>,
    pub(super) carrier: RefCell<Option<Carrier>>,
    /// When that last changed (ms, monotonic).
    pub(super) connected_since: Cell<u64>,
    /// A lane appeared, or the carrier is another.
    pub(super) lanes_changed: Notify,
    /// Something must be written.
    pub(super) dirty: Notify,
    /// Messages became safe, or a write failed.
    pub(super) progress: Notify,
    pub(super) failed_writes: Cell<u32>,
    archive: RefCell<Archive>,
}

// === impl Bus ===

impl Bus {
    /// Starts the tasks on the current `LocalSet`. When the context's message folder cannot be opened, it is tried again
    /// and again; until then no message is taken that has somewhere to go.
    pub fn start(context: AgentContext, options: BusOptions) -> Self {
        let limits = Limits {
            quota_bytes: options.quota_bytes,
            window: options.window,
            memory_bytes: options.memory_bytes,
        };
        let shared = Rc::new(Shared {
            context,
            options,
            clock: Clock::new(),
            outbox: RefCell::new(Outbox::empty(limits)),
            log: RefCell::new(MessageLog::closed()),
            closed: RefCell::default(),
            gates: RefCell::default(),
            mailboxes: RefCell::default(),
            carrier: RefCell::default(),
            connected_since: Cell::new(0),
            lanes_changed: Notify::new(),
            dirty: Notify::new(),
            progress: Notify::new(),
            failed_writes: Cell::new(0),
            archive: RefCell::new(Archive::new(options.archive_bytes)),
        });
        let is_open = storage::open(&shared);
        let mut tasks = vec![
            iofog_task::spawn(supervisor::run(shared.clone())),
            iofog_task::spawn(supervisor::run_lanes(shared.clone())),
            iofog_task::spawn(commit::run(shared.clone())),
            iofog_task::spawn(super::mailbox::sweep(shared.clone())),
        ];
        if !is_open {
            tasks.push(iofog_task::spawn(storage::reopen(shared.clone())));
        }
        Self { shared, tasks: Rc::new(RefCell::new(tasks)) }
    }

    /// Takes a message from a microservice: assigns id and time, and returns once every destination has
    /// consumed it or it is safe on disk. A message without a route is counted and forgotten, as upstream does.
    ///
    /// # Errors
    /// [`PublishError`]; the message was not taken then, though a destination may have received it.
    pub async fn publish(&self, message: IoMessage) -> Result<Receipt, PublishError> {
        self.begin(message)?.safe().await
    }

    /// The first half of [`Bus::publish`]: the message is on its way, in the order of these calls.
    ///
    /// # Errors
    /// [`PublishError`]; the message was not taken then.
    pub fn begin(&self, mut message: IoMessage) -> Result<Accepted, PublishError> {
        message.id = new_id().ok_or(PublishError::NoId)?;
        message.timestamp = self.shared.clock.epoch().0;
        let payload = message.encode()?;
        let (size, limit) = (payload.len(), self.shared.options.max_message_bytes);
        if size > limit {
            return Err(PublishError::TooLarge { size, limit });
        }
        if self.shared.is_closed_to(&message.publisher) {
            return Err(PublishError::Storage);
        }
        let seqs = self.shared.accept(&message, &payload);
        let receipt = Receipt { id: message.id, timestamp: message.timestamp };
        Ok(Accepted { shared: self.shared.clone(), seqs, receipt })
    }

    /// Hands out waiting messages of a microservice in one batch (`/v2/messages/next`).
    pub fn take(&self, consumer: &MicroserviceUuid) -> Batch {
        Batch::take(&self.shared, consumer)
    }

    /// Opens push delivery for a microservice; replaces an earlier subscription.
    pub fn subscribe(&self, consumer: &MicroserviceUuid) -> Subscription {
        Subscription::open(&self.shared, consumer)
    }

    /// Published messages of `publishers` in a time frame (epoch ms) that `consumer` may see, oldest first.
    pub fn query(
        &self,
        consumer: &MicroserviceUuid,
        publishers: &[MicroserviceUuid],
        start: u64,
        end: u64,
    ) -> Vec<Bytes> {
        let mut visible = self.shared.context.publishers_to(consumer);
        visible.retain(|publisher| publishers.contains(publisher));
        self.shared.archive.borrow().query(&visible, start, end)
    }

    /// How the bus is doing.
    pub fn status(&self) -> BusStatus {
        let outbox = self.shared.outbox.borrow();
        BusStatus {
            ledger: outbox.ledger(),
            pending: outbox.len(),
            pending_bytes: outbox.bytes(),
            connected: self.shared.carrier.borrow().is_some(),
        }
    }

    /// Why the folder of messages is not open; none when it is.
    pub fn closed(&self) -> Option<String> {
        self.shared.closed.borrow().as_ref().map(|(reason, _)| reason.clone())
    }

    /// The books of each microservice that sent something, and how many messages and bytes of its are held.
    pub fn publishers(&self) -> Vec<(MicroserviceUuid, Ledger, usize, u64)> {
        let outbox = self.shared.outbox.borrow();
        let all = outbox.publishers();
        all.map(|(who, ledger, held, bytes)| (who.clone(), ledger, held, bytes)).collect()
    }

    /// Where the messages from and for one microservice are, for `explain`.
    pub fn flow(&self, microservice: &MicroserviceUuid) -> Flow {
        let shared = &self.shared;
        let clocks = shared.clock.both();
        let at = |millis: u64| clocks.wall(Mono::from_millis(millis));
        let place = match shared.context.router() {
            RouterAccess::None => None,
            RouterAccess::Local(_) => Some("the Router inside this Agent".to_owned()),
            RouterAccess::Tcp { host, port } => Some(format!("the Router at {host}:{port}")),
        };
        let outbox = shared.outbox.borrow();
        let held = |pick: fn(&Lane) -> (&MicroserviceUuid, &MicroserviceUuid)| {
            let lanes = outbox.held().filter_map(|(lane, count)| {
                let (own, other) = pick(lane);
                (own == microservice).then(|| (other.clone(), count))
            });
            lanes.collect()
        };
        let mailbox = shared.mailboxes.borrow().get(microservice).cloned();
        Flow {
            router: RouterFacts {
                place,
                connected: shared.carrier.borrow().is_some(),
                since: at(shared.connected_since.get()),
            },
            sent: shared.context.published_by(microservice),
            outgoing: held(|lane| (&lane.publisher, &lane.destination)),
            incoming: held(|lane| (&lane.destination, &lane.publisher)),
            mailbox: mailbox.map(|one| one.facts(at)).unwrap_or_default(),
            given_up: given_up(&outbox, microservice),
            closed: shared.closed.borrow().as_ref().map(|(why, since)| (why.clone(), at(*since))),
        }
    }

    /// Stops the tasks after writing what is pending. Nothing acknowledged is lost without it either.
    pub fn stop(&self) {
        self.tasks.borrow_mut().drain(..).for_each(|task| task.abort());
        commit::commit(&self.shared);
    }
}

// === impl Accepted ===

impl Accepted {
    /// Resolves once every destination has consumed the message or it is safe on disk. Safe to cancel.
    ///
    /// # Errors
    /// [`PublishError::Storage`].
    pub async fn safe(&self) -> Result<Receipt, PublishError> {
        self.shared.wait_until_safe(&self.seqs).await?;
        Ok(self.receipt.clone())
    }
}

// === impl Shared ===

impl Shared {
    fn accept(&self, message: &IoMessage, payload: &Bytes) -> Vec<Seq> {
        let publisher = MicroserviceUuid::from(message.publisher.as_str());
        self.context.count_published(&publisher, EpochMillis(message.timestamp));
        let mut archive = self.archive.borrow_mut();
        archive.push(publisher.clone(), message.timestamp, payload.clone());
        let routes = self.context.routes_from(&publisher);
        if routes.is_empty() {
            self.outbox.borrow_mut().accept_without_route();
        }
        let settings = self.context.message_settings(&publisher);
        let mut seqs = Vec::with_capacity(routes.len());
        for destination in routes {
            let lane = Lane { publisher: publisher.clone(), destination };
            let mut outbox = self.outbox.borrow_mut();
            outbox.set_quota(self.context.message_quota().unwrap_or(self.options.quota_bytes));
            let (priority, now) = (message.priority, self.now());
            fault::before("bus.accept");
            seqs.push(outbox.accept(lane.clone(), priority, payload.clone(), now, &settings));
            drop(outbox);
            fault::after("bus.accept");
            self.wake(lane);
        }
        if !seqs.is_empty() {
            self.dirty.notify_one();
        }
        seqs
    }

    /// What has no route is only counted, with and without a folder.
    fn is_closed_to(&self, publisher: &str) -> bool {
        self.closed.borrow().is_some() && !self.context.routes_from(&publisher.into()).is_empty()
    }

    async fn wait_until_safe(&self, seqs: &[Seq]) -> Result<(), PublishError> {
        let failed_before = self.failed_writes.get();
        loop {
            let mut progress = std::pin::pin!(self.progress.notified());
            progress.as_mut().enable();
            if self.all_safe(seqs) {
                return Ok(());
            }
            if self.failed_writes.get() != failed_before {
                return Err(PublishError::Storage);
            }
            progress.await;
        }
    }

    fn all_safe(&self, seqs: &[Seq]) -> bool {
        let outbox = self.outbox.borrow();
        seqs.iter().all(|seq| outbox.is_safe(*seq))
    }

    /// Wakes the task of a lane; a new lane gets one from the supervisor.
    pub(super) fn wake(&self, lane: Lane) {
        let mut gates = self.gates.borrow_mut();
        let gate = gates.entry(lane).or_insert_with(|| {
            self.lanes_changed.notify_one();
            Rc::default()
        });
        gate.wake.notify_one();
    }

    /// Books what became of a message under way and lets its lane and publisher go on.
    pub(super) fn verdict(&self, lane: &Lane, seq: Seq, verdict: Verdict) {
        fault::before("bus.settle");
        self.outbox.borrow_mut().verdict(seq, verdict);
        fault::after("bus.settle");
        let gate = self.gates.borrow().get(lane).cloned();
        if let Some(gate) = gate {
            gate.judged(verdict, self.options.reconnect);
        }
        if self.outbox.borrow().needs_write() {
            self.dirty.notify_one();
        }
        self.progress.notify_waiters();
    }

    /// Gives up what waits longer than its publisher wants.
    pub(super) fn expire(&self) {
        if !self.context.messages_expire() {
            return;
        }
        let ttl = |publisher: &MicroserviceUuid| self.context.message_settings(publisher).ttl;
        if self.outbox.borrow_mut().expire(self.now(), ttl) {
            self.dirty.notify_one();
            self.progress.notify_waiters();
        }
    }

    /// The mailbox of a microservice, made when there is none.
    pub(super) fn mailbox(&self, consumer: &MicroserviceUuid) -> Rc<Mailbox> {
        self.mailboxes.borrow_mut().entry(consumer.clone()).or_default().clone()
    }

    /// Notes the way to other nodes, or that there is none.
    pub(super) fn set_carrier(&self, carrier: Option<Carrier>) {
        self.carrier.replace(carrier);
        self.connected_since.set(self.now());
        self.lanes_changed.notify_one();
    }

    /// Milliseconds on the monotonic clock.
    pub(super) fn now(&self) -> u64 {
        self.clock.mono().as_millis()
    }
}

/// Messages of one microservice that were given up, by reason.
fn given_up(outbox: &Outbox, microservice: &MicroserviceUuid) -> Vec<(u64, &'static str)> {
    let own = outbox.publishers().find(|(who, ..)| *who == microservice);
    let reasons = own.map(|(_, ledger, ..)| ledger.reasons()).unwrap_or_default();
    reasons.into_iter().filter(|(count, _)| *count > 0).collect()
}

/// A random UUID (version 4) without dashes.
fn new_id() -> Option<String> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).ok()?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut id = String::with_capacity(32);
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            id.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
        }
    }
    Some(id)
}
