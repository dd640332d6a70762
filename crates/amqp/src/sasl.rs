//! SASL frames (AMQP 1.0 part 5, 5.3).

use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::Symbol;

/// Outcome codes of `sasl-outcome`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SaslCode {
    /// Authenticated.
    Ok,
    /// Wrong credentials.
    Auth,
    /// System error.
    Sys,
    /// System error that stays.
    SysPerm,
    /// System error that may pass.
    SysTemp,
}

/// A SASL frame body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SaslFrame {
    /// Server: what may be used.
    Mechanisms(Vec<Symbol>),
    /// Client: what it chose.
    Init {
        /// The mechanism.
        mechanism: Symbol,
        /// First answer of the mechanism.
        initial_response: Option<Bytes>,
        /// The host the client wants.
        hostname: Option<String>,
    },
    /// Server: a question.
    Challenge(Bytes),
    /// Client: an answer.
    Response(Bytes),
    /// Server: the end.
    Outcome {
        /// How it ended.
        code: SaslCode,
        /// Data of the mechanism.
        additional_data: Option<Bytes>,
    },
}
