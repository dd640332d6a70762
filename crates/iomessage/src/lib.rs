//! ioMessage in its binary (version 4) and JSON forms (agent contract, section 9).
//!
//! Wire layer: no I/O, bounded by the input, every length checked before anything is allocated.

pub mod base64;
mod binary;
mod error;
mod integer;
mod json;
#[cfg(test)]
mod tests;

use bytes::Bytes;

pub use binary::HEADER_LENGTH;
pub use error::{DecodeError, EncodeError, JsonError};

/// The only version of the binary form.
pub const VERSION: u16 = 4;

/// A message between microservices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IoMessage {
    /// Assigned by the Agent: 32 hexadecimal digits from ours; at most 255 bytes.
    pub id: String,
    /// Free text; at most 65,535 bytes.
    pub tag: String,
    /// Group of a split message; at most 255 bytes.
    pub group_id: String,
    /// Place in the group.
    pub sequence_number: u32,
    /// Size of the group.
    pub sequence_total: u32,
    /// Importance, higher goes first when storage runs out.
    pub priority: u8,
    /// Assigned by the Agent, epoch ms.
    pub timestamp: u64,
    /// Uuid of the microservice that sent it; at most 255 bytes.
    pub publisher: String,
    /// Identity that the application assigned; at most 65,535 bytes.
    pub auth_id: String,
    /// Group of that identity; at most 65,535 bytes.
    pub auth_group: String,
    /// Place in a hash chain.
    pub chain_position: u64,
    /// Hash of this message; at most 65,535 bytes.
    pub hash: String,
    /// Hash of the previous message; at most 65,535 bytes.
    pub previous_hash: String,
    /// Nonce of the hash; at most 65,535 bytes.
    pub nonce: String,
    /// Difficulty of the hash.
    pub difficulty_target: u32,
    /// What the content is; at most 255 bytes, 127 for Java readers.
    pub info_type: String,
    /// How the content is written; at most 255 bytes, 127 for Java readers.
    pub info_format: String,
    /// Data about the content.
    pub context_data: Bytes,
    /// The content.
    pub content_data: Bytes,
}
