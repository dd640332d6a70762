//! SASL frames (AMQP 1.0 part 5, 5.3).

use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::{DecodeError, FieldWriter, Fields, Reader, Symbol, codes};

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

impl SaslCode {
    const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Auth => 1,
            Self::Sys => 2,
            Self::SysPerm => 3,
            Self::SysTemp => 4,
        }
    }

    fn from_code(code: u8) -> Result<Self, DecodeError> {
        Ok(match code {
            0 => Self::Ok,
            1 => Self::Auth,
            2 => Self::Sys,
            3 => Self::SysPerm,
            4 => Self::SysTemp,
            _ => return Err(DecodeError::OutOfRange("code")),
        })
    }
}

impl SaslFrame {
    /// Reads the body of a SASL frame.
    ///
    /// # Errors
    /// [`DecodeError`] when it is malformed or unknown.
    pub fn read(body: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let descriptor = reader.descriptor()?;
        let mut fields = Fields::enter(&mut reader)?;
        let frame = match descriptor {
            codes::SASL_MECHANISMS => Self::Mechanisms(fields.symbols("sasl-server-mechanisms")?),
            codes::SASL_INIT => Self::Init {
                mechanism: fields
                    .symbol("mechanism")?
                    .ok_or(DecodeError::MissingField("mechanism"))?,
                initial_response: fields.bytes("initial-response")?,
                hostname: fields.string("hostname")?,
            },
            codes::SASL_CHALLENGE => Self::Challenge(
                fields.bytes("challenge")?.ok_or(DecodeError::MissingField("challenge"))?,
            ),
            codes::SASL_RESPONSE => Self::Response(
                fields.bytes("response")?.ok_or(DecodeError::MissingField("response"))?,
            ),
            codes::SASL_OUTCOME => Self::Outcome {
                code: SaslCode::from_code(
                    fields.ubyte("code")?.ok_or(DecodeError::MissingField("code"))?,
                )?,
                additional_data: fields.bytes("additional-data")?,
            },
            other => return Err(DecodeError::UnknownDescriptor(other)),
        };
        fields.finish()?;
        if reader.is_empty() { Ok(frame) } else { Err(DecodeError::Trailing) }
    }

    /// Appends the body of the frame.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Mechanisms(mechanisms) => {
                let mut fields = FieldWriter::new(out, codes::SASL_MECHANISMS);
                fields.symbols(mechanisms);
                fields.finish();
            }
            Self::Init { mechanism, initial_response, hostname } => {
                let mut fields = FieldWriter::new(out, codes::SASL_INIT);
                fields.symbol(Some(mechanism)).binary(initial_response.as_deref());
                fields.string(hostname.as_deref());
                fields.finish();
            }
            Self::Challenge(bytes) => one_binary(out, codes::SASL_CHALLENGE, bytes),
            Self::Response(bytes) => one_binary(out, codes::SASL_RESPONSE, bytes),
            Self::Outcome { code, additional_data } => {
                let mut fields = FieldWriter::new(out, codes::SASL_OUTCOME);
                fields.ubyte(Some(code.code())).binary(additional_data.as_deref());
                fields.finish();
            }
        }
    }
}

fn one_binary(out: &mut Vec<u8>, code: u64, bytes: &[u8]) {
    let mut fields = FieldWriter::new(out, code);
    fields.binary(Some(bytes));
    fields.finish();
}
