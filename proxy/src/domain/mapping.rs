//! Mapping grammar of the proxy (proxy.md section 2): one string ties a local port to a queue.

use std::fmt;
use std::str::FromStr;

/// Longest queue address taken from a mapping, in bytes; the Controller creates 32.
const MAX_QUEUE_BYTES: usize = 512;

/// What travels over the mapped port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1 requests, one message each (proxy.md section 3).
    Http,
    /// Prior-knowledge cleartext HTTP/2 (proxy.md section 5).
    Http2,
    /// Opaque byte streams (proxy.md section 4).
    Tcp,
}

/// Queue address that both proxies of an exposed port share; opaque, unique per public port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue(String);

/// Which end of an exposed port a mapping describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Listen on the port, send to the queue.
    Ingress,
    /// Receive from the queue, connect to the port of the target host.
    Egress,
}

/// One valid mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// Which end this is.
    pub direction: Direction,
    /// What travels over the port.
    pub protocol: Protocol,
    /// Local port: the listener's, or the target's.
    pub port: u16,
    /// Address in the router network.
    pub queue: Queue,
}

/// Why a mapping string is not valid (proxy.md section 2).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// Not two sides joined by `=>`.
    #[error("mapping `{0}`: expected two sides joined by one `=>`")]
    Sides(String),
    /// A side is not `protocol:address`.
    #[error("mapping side `{0}`: expected `protocol:address` with exactly one colon")]
    Side(String),
    /// The protocol is none of http, http2, tcp, amqp.
    #[error("mapping protocol `{0}`: expected http, http2, tcp or amqp")]
    Protocol(String),
    /// The port is not a decimal number from 1 to 65535.
    #[error("mapping port `{0}`: expected a decimal number from 1 to 65535")]
    Port(String),
    /// The queue is empty, too long, or holds control characters.
    #[error("mapping queue: expected 1 to {MAX_QUEUE_BYTES} bytes without control characters")]
    Queue,
    /// Both sides are amqp, or none is.
    #[error("mapping `{0}`: exactly one side must be amqp")]
    Pair(String),
}

// === impl Queue ===

impl Queue {
    /// The address as it stands in AMQP link ends.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn parse(text: &str) -> Result<Self, MappingError> {
        let valid = !text.is_empty()
            && text.len() <= MAX_QUEUE_BYTES
            && !text.chars().any(|c| c.is_control() || c.is_whitespace());
        if valid { Ok(Self(text.to_owned())) } else { Err(MappingError::Queue) }
    }
}

// === impl Protocol ===

impl Protocol {
    /// The protocol's name in a mapping string.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Http2 => "http2",
            Self::Tcp => "tcp",
        }
    }
}

// === impl Mapping ===

impl fmt::Display for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (protocol, port, queue) = (self.protocol.name(), self.port, self.queue.as_str());
        match self.direction {
            Direction::Ingress => write!(f, "{protocol}:{port}=>amqp:{queue}"),
            Direction::Egress => write!(f, "amqp:{queue}=>{protocol}:{port}"),
        }
    }
}

impl FromStr for Mapping {
    type Err = MappingError;

    fn from_str(text: &str) -> Result<Self, MappingError> {
        let text = text.trim();
        let (left, right) =
            text.split_once("=>").ok_or_else(|| MappingError::Sides(text.to_owned()))?;
        if right.contains("=>") {
            return Err(MappingError::Sides(text.to_owned()));
        }
        match (side(left)?, side(right)?) {
            ((Some(protocol), port), (None, queue)) => Ok(Self {
                direction: Direction::Ingress,
                protocol,
                port: parse_port(port)?,
                queue: Queue::parse(queue)?,
            }),
            ((None, queue), (Some(protocol), port)) => Ok(Self {
                direction: Direction::Egress,
                protocol,
                port: parse_port(port)?,
                queue: Queue::parse(queue)?,
            }),
            _ => Err(MappingError::Pair(text.to_owned())),
        }
    }
}

/// Splits the comma-separated list that Port Manager passes as an argument; empty parts are left out.
pub fn split_list(list: &str) -> Vec<String> {
    list.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// `None` stands for amqp.
fn side(text: &str) -> Result<(Option<Protocol>, &str), MappingError> {
    let text = text.trim();
    let (protocol, address) = match text.split_once(':') {
        Some((protocol, address)) if !address.contains(':') => (protocol.trim(), address.trim()),
        _ => return Err(MappingError::Side(text.to_owned())),
    };
    let known = [Protocol::Http, Protocol::Http2, Protocol::Tcp];
    if protocol.eq_ignore_ascii_case("amqp") {
        return Ok((None, address));
    }
    match known.into_iter().find(|p| p.name().eq_ignore_ascii_case(protocol)) {
        Some(found) => Ok((Some(found), address)),
        None => Err(MappingError::Protocol(protocol.to_owned())),
    }
}

fn parse_port(text: &str) -> Result<u16, MappingError> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse::<u16>() {
        Ok(port) if digits && port > 0 => Ok(port),
        _ => Err(MappingError::Port(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Mapping, MappingError> {
        text.parse()
    }

    #[test]
    fn mapping_valid_forms_round_trip() {
        for text in [
            "http:6080=>amqp:q",
            "http2:6080=>amqp:q",
            "tcp:1=>amqp:0123456789abcdefABCDEF0123456789",
            "amqp:q=>http:80",
            "amqp:q=>http2:80",
            "amqp:a/b.c=>tcp:65535",
        ] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn mapping_protocol_case_and_spaces_are_tolerated() {
        let mapping = parse(" HTTP : 6080 => AMQP : Queue ").unwrap();
        assert_eq!(mapping.to_string(), "http:6080=>amqp:Queue");
    }

    #[test]
    fn mapping_invalid_forms_are_named() {
        use MappingError::{Pair, Port, Protocol, Queue, Side, Sides};
        let cases: &[(&str, MappingError)] = &[
            ("", Sides("".into())),
            ("http:1", Sides("http:1".into())),
            ("http:1=>amqp:q=>tcp:2", Sides("http:1=>amqp:q=>tcp:2".into())),
            ("http=>amqp:q", Side("http".into())),
            ("http:1:2=>amqp:q", Side("http:1:2".into())),
            ("http:1=>amqp:q:r", Side("amqp:q:r".into())),
            ("http:1=>", Side("".into())),
            ("udp:1=>amqp:q", Protocol("udp".into())),
            (":1=>amqp:q", Protocol("".into())),
            ("http:=>amqp:q", Port("".into())),
            ("http:0=>amqp:q", Port("0".into())),
            ("http:65536=>amqp:q", Port("65536".into())),
            ("http:+80=>amqp:q", Port("+80".into())),
            ("http:-1=>amqp:q", Port("-1".into())),
            ("http:0x50=>amqp:q", Port("0x50".into())),
            ("http:80=>amqp:", Queue),
            ("http:80=>amqp:a b", Queue),
            ("http:80=>amqp:a\u{7}b", Queue),
            ("amqp:a=>amqp:b", Pair("amqp:a=>amqp:b".into())),
            ("http:1=>tcp:2", Pair("http:1=>tcp:2".into())),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text).unwrap_err(), *expected, "{text}");
        }
        assert_eq!(parse(&format!("http:1=>amqp:{}", "q".repeat(513))).unwrap_err(), Queue);
    }

    #[test]
    fn mapping_list_is_split_at_commas() {
        assert_eq!(split_list("a=>b, c=>d,,"), ["a=>b", "c=>d"]);
        assert!(split_list("").is_empty());
    }
}
