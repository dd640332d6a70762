//! The frames. Their order, and that of their fields, is the wire format: append only, with a new version.

use serde::{Deserialize, Serialize};

use super::Bounded;

/// An identifier of the contract; 32 characters today.
pub type Id = heapless::String<64>;
/// A short text.
pub type Text = heapless::String<48>;

/// One frame. In brackets who sends it: A = Agent, C = Controller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Frame<'a> {
    /// First frame [A].
    Hello(Hello),
    /// Answer to it [C].
    Welcome(Welcome),
    /// Last frame, before the connection is closed [A, C].
    Bye(Bye),
    /// Asks for a [`Frame::Pong`] with the same number [A, C].
    Ping(u8),
    /// Answer to a ping [A, C].
    Pong(u8),
    /// Documents that the Agent has, as many as its Hello said [A].
    Known(Bounded<Known, 64>),
    /// Start of an update [C].
    Begin(Begin),
    /// A document, or a part of it [C].
    #[serde(borrow)]
    Put(Put<'a>),
    /// A document that is no more [C].
    Remove(Kind, Id),
    /// The microservice is to be made anew, once [C].
    Rebuild(Id),
    /// End of the update with this generation: now it takes effect, as a whole [C].
    Commit(u64),
    /// What became of an update [A].
    Applied(Applied),
    /// What changed in the Agent's status [A].
    Status(StatusDelta),
    /// Opens a stream: odd numbers belong to the Agent, even ones to the Controller [A, C].
    StreamOpen(u32),
    /// Bytes of a stream [A, C].
    StreamData(u32, &'a [u8]),
    /// The receiver can take so many bytes more [A, C].
    StreamCredit(u32, u32),
    /// No more bytes in this direction [A, C].
    StreamEnd(u32),
    /// The stream is over in both directions [A, C].
    StreamReset(u32),
}

/// What an Agent says first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Oldest version it speaks.
    pub oldest: u8,
    /// Newest version it speaks.
    pub newest: u8,
    /// Name and version of the program, for logs.
    pub program: Text,
    /// Generation of the last update it applied; 0 for none.
    pub generation: u64,
    /// How many documents it has; [`Frame::Known`] follows with all of them.
    pub known: u16,
}

/// What the Controller answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// Version both speak from now on.
    pub version: u8,
    /// Silence after which the Agent counts as lost, in seconds.
    pub lost_after_s: u16,
}

/// Why an end leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Bye {
    /// It ends.
    Stopping,
    /// A newer link of the same Agent took over.
    Superseded,
    /// The Agent's token is not valid any more.
    Unauthorised,
    /// No common version.
    Version,
    /// The other end broke the protocol.
    Protocol,
}

/// What a document describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// Configuration of the Agent, key empty: body of `GET agent/config`.
    Config,
    /// A microservice, by uuid: item of `GET agent/microservices`, `rebuild` always false.
    Microservice,
    /// A registry, by id: item of `GET agent/registries`.
    Registry,
    /// An edge resource, by name and version: item of `GET agent/edgeResources`.
    EdgeResource,
}

/// One document that the Agent has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// What it describes.
    pub kind: Kind,
    /// Which one.
    pub key: Id,
    /// [`crate::digest`] of its body.
    pub digest: u64,
}

/// Start of an update.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begin {
    /// Grows with each change of what this Agent is to do.
    pub generation: u64,
    /// Change flags by number, as in the REST contract's order.
    pub flags: u16,
    /// What is not in this update is no more.
    pub full: bool,
}

/// A part of a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Put<'a> {
    /// What it describes.
    pub kind: Kind,
    /// Which one.
    pub key: Id,
    /// No further part follows.
    pub last: bool,
    /// Bytes of the JSON text.
    pub body: &'a [u8],
}

/// What became of an update.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// Which.
    pub generation: u64,
    /// Whether it took effect.
    pub outcome: Outcome,
}

/// Whether an update took effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It is written down and acted upon.
    Done,
    /// Nothing of it was taken; it may be offered again after so many seconds.
    Refused(u16),
}

/// What changed since the last status of this link; absent means unchanged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusDelta {
    /// The node.
    pub node: NodeDelta,
    /// Microservices of which something changed.
    pub microservices: Bounded<MicroserviceDelta, 16>,
}

/// What changed of the node. Percentages and rates are in hundredths.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeDelta {
    /// The Agent's clock, epoch ms, when it runs otherwise than the Controller was told.
    pub clock_ms: Option<u64>,
    /// When the Agent started, epoch ms.
    pub started_ms: Option<u64>,
    /// Version of the contract it implements.
    pub version: Option<Text>,
    /// Address of the node.
    pub address: Option<Text>,
    /// Memory of the Agent, kB (1000 bytes).
    pub memory_kb: Option<u32>,
    /// Processor share of the Agent.
    pub cpu: Option<u32>,
    /// Message folder, MB.
    pub disk_mb: Option<u32>,
    /// Yes or no: the bits named by the constants of [`NodeDelta`].
    pub marks: Option<u8>,
    /// Free memory of the node, MB.
    pub free_memory_mb: Option<u32>,
    /// Free disk of the node, MB.
    pub free_disk_mb: Option<u32>,
    /// Processor share of the node.
    pub system_cpu: Option<u32>,
    /// Registries known.
    pub registries: Option<u16>,
    /// Messages since start.
    pub processed: Option<u64>,
    /// Messages per second.
    pub speed: Option<u32>,
    /// When the last command came, epoch ms.
    pub last_command_ms: Option<u64>,
}

impl NodeDelta {
    /// Memory of the Agent is above its configured limit.
    pub const MEMORY: u8 = 1;
    /// The message folder is above its configured limit.
    pub const DISK: u8 = 1 << 1;
    /// The Agent's share of the processor is above its configured limit.
    pub const PROCESSOR: u8 = 1 << 2;
    /// The Agent says whether it is ready for another version; without this bit the next two mean nothing.
    pub const READINESS: u8 = 1 << 3;
    /// A newer release is offered and can be installed.
    pub const UPGRADE: u8 = 1 << 4;
    /// There is a version to go back to.
    pub const ROLLBACK: u8 = 1 << 5;
}

/// What changed of a microservice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MicroserviceDelta {
    /// Which.
    pub id: Id,
    /// State name of the contract.
    pub state: Option<Text>,
    /// Pull progress, 0 to 100.
    pub percentage: Option<u8>,
    /// Container id; empty for none.
    pub container: Option<Id>,
    /// When its container started, epoch ms.
    pub started_ms: Option<u64>,
    /// Processor share, hundredths of the contract's figure.
    pub cpu: Option<u32>,
    /// Memory, kB (1000 bytes).
    pub memory_kb: Option<u32>,
    /// Last error; empty after success.
    pub error: Option<heapless::String<256>>,
}
