//! The few rtnetlink messages that give a container its network (rtnetlink(7)): one pair of virtual links, addresses,
//! routes. Every message asks for an acknowledgement.

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

const NEW_LINK: u16 = 16;
const DELETE_LINK: u16 = 17;
const NEW_ADDRESS: u16 = 20;
const NEW_ROUTE: u16 = 24;
const ERROR: u16 = 2;

const REQUEST_ACK: u16 = 0x1 | 0x4;
const CREATE_ONLY: u16 = 0x400 | 0x200;
const CREATE_REPLACE: u16 = 0x400 | 0x100;

const UP: u32 = 1;
const HEADER: usize = 16;

/// A connection to the kernel of the calling thread's network namespace.
pub(crate) struct Netlink {
    socket: OwnedFd,
    sequence: u32,
}

/// A message being put together.
struct Message(Vec<u8>);

// === impl Netlink ===

impl Netlink {
    /// Opens it.
    pub(crate) fn open() -> io::Result<Self> {
        let socket = rustix::net::socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            // Protocol 0 is the routing one.
            None,
        )?;
        rustix::net::bind(&socket, &SocketAddrNetlink::new(0, 0))?;
        Ok(Self { socket, sequence: 0 })
    }

    /// Number of the interface `name`.
    pub(crate) fn index(&self, name: &str) -> io::Result<u32> {
        Ok(rustix::net::netdevice::name_to_index(&self.socket, name)?)
    }

    /// Makes a pair: `outer` here, `inner` in the namespace of process `pid`.
    pub(crate) fn make_pair(&mut self, outer: &str, inner: &str, pid: u32) -> io::Result<()> {
        let mut message = Message::new(NEW_LINK, REQUEST_ACK | CREATE_ONLY);
        message.link(0, 0);
        message.text(3, outer);
        message.nested(18, |info| {
            info.text(1, "veth");
            info.nested(2, |data| {
                data.nested(1, |peer| {
                    peer.link(0, 0);
                    peer.text(3, inner);
                    peer.attribute(19, &pid.to_ne_bytes());
                });
            });
        });
        self.call(message)
    }

    /// Removes an interface; its other end goes with it.
    pub(crate) fn delete(&mut self, index: u32) -> io::Result<()> {
        let mut message = Message::new(DELETE_LINK, REQUEST_ACK);
        message.link(index, 0);
        self.call(message)
    }

    /// Switches an interface on.
    pub(crate) fn up(&mut self, index: u32) -> io::Result<()> {
        let mut message = Message::new(NEW_LINK, REQUEST_ACK);
        message.link(index, UP);
        self.call(message)
    }

    /// Gives an interface an address of its own, without a network around it.
    pub(crate) fn address(&mut self, index: u32, address: Ipv4Addr) -> io::Result<()> {
        let mut message = Message::new(NEW_ADDRESS, REQUEST_ACK | CREATE_REPLACE);
        message.bytes(&[2, 32, 0, 0]);
        message.bytes(&index.to_ne_bytes());
        message.attribute(2, &address.octets());
        message.attribute(1, &address.octets());
        self.call(message)
    }

    /// A route over an interface: to one address, or to everywhere by way of a gateway.
    pub(crate) fn route(
        &mut self,
        index: u32,
        to: Option<Ipv4Addr>,
        gateway: Option<Ipv4Addr>,
    ) -> io::Result<()> {
        let mut message = Message::new(NEW_ROUTE, REQUEST_ACK | CREATE_REPLACE);
        let length = if to.is_some() { 32 } else { 0 };
        // Main table, set by an administrator's program, on the link itself or beyond, unicast.
        let scope = if gateway.is_some() { 0 } else { 253 };
        message.bytes(&[2, length, 0, 0, 254, 4, scope, 1, 0, 0, 0, 0]);
        if let Some(to) = to {
            message.attribute(1, &to.octets());
        }
        message.attribute(4, &index.to_ne_bytes());
        if let Some(gateway) = gateway {
            message.attribute(5, &gateway.octets());
        }
        self.call(message)
    }

    fn call(&mut self, message: Message) -> io::Result<()> {
        self.sequence += 1;
        let bytes = message.finish(self.sequence);
        rustix::net::send(&self.socket, &bytes, SendFlags::empty())?;
        let mut buffer = [0; 4096];
        loop {
            let (count, _) = rustix::net::recv(&self.socket, &mut buffer, RecvFlags::empty())?;
            if let Some(result) = acknowledgement(&buffer[..count], self.sequence) {
                return result;
            }
        }
    }
}

/// The kernel's answer to message `sequence`, when `bytes` hold it.
fn acknowledgement(mut bytes: &[u8], sequence: u32) -> Option<io::Result<()>> {
    let u32_at = |bytes: &[u8], at: usize| {
        bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map(u32::from_ne_bytes)
    };
    while bytes.len() >= HEADER {
        let length = usize::try_from(u32_at(bytes, 0)?).ok().filter(|length| *length >= HEADER)?;
        let kind = u16::from_ne_bytes([bytes[4], bytes[5]]);
        if kind == ERROR && u32_at(bytes, 8)? == sequence {
            let code = u32_at(bytes, HEADER)?.cast_signed();
            return Some(if code == 0 {
                Ok(())
            } else {
                Err(io::Error::from_raw_os_error(code.wrapping_neg()))
            });
        }
        bytes = bytes.get(aligned(length)..)?;
    }
    None
}

// === impl Message ===

impl Message {
    fn new(kind: u16, flags: u16) -> Self {
        let mut bytes = vec![0; 4];
        bytes.extend_from_slice(&kind.to_ne_bytes());
        bytes.extend_from_slice(&flags.to_ne_bytes());
        bytes.extend_from_slice(&[0; 8]);
        Self(bytes)
    }

    fn finish(mut self, sequence: u32) -> Vec<u8> {
        let length = u32::try_from(self.0.len()).unwrap_or_default();
        self.0[..4].copy_from_slice(&length.to_ne_bytes());
        self.0[8..12].copy_from_slice(&sequence.to_ne_bytes());
        self.0
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// The fixed part of link messages; `flags` are set, and no others are touched.
    fn link(&mut self, index: u32, flags: u32) {
        self.bytes(&[0; 4]);
        self.bytes(&index.to_ne_bytes());
        self.bytes(&flags.to_ne_bytes());
        self.bytes(&flags.to_ne_bytes());
    }

    fn attribute(&mut self, kind: u16, value: &[u8]) {
        let length = u16::try_from(value.len() + 4).unwrap_or_default();
        self.bytes(&length.to_ne_bytes());
        self.bytes(&kind.to_ne_bytes());
        self.bytes(value);
        self.0.resize(aligned(self.0.len()), 0);
    }

    fn text(&mut self, kind: u16, text: &str) {
        let mut bytes = text.as_bytes().to_vec();
        bytes.push(0);
        self.attribute(kind, &bytes);
    }

    fn nested(&mut self, kind: u16, fill: impl FnOnce(&mut Self)) {
        let mut inner = Self(Vec::new());
        fill(&mut inner);
        self.attribute(kind, &inner.0);
    }
}

const fn aligned(length: usize) -> usize {
    length.next_multiple_of(4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_the_kernels_layout() {
        let mut message = Message::new(NEW_LINK, REQUEST_ACK);
        message.link(7, UP);
        message.text(3, "ab");
        let bytes = message.finish(9);
        assert_eq!(bytes.len(), 16 + 16 + 8);
        assert_eq!(bytes[..4], 40_u32.to_ne_bytes());
        assert_eq!(bytes[8..12], 9_u32.to_ne_bytes());
        assert_eq!(bytes[20..24], 7_u32.to_ne_bytes());
        assert_eq!(bytes[32..34], 7_u16.to_ne_bytes(), "length without padding");
        assert_eq!(&bytes[36..40], b"ab\0\0");
    }

    #[test]
    fn answers_are_matched_and_damaged_ones_end() {
        let mut answer = Message::new(ERROR, 0);
        answer.bytes(&(-17_i32).to_ne_bytes());
        let bytes = answer.finish(5);
        assert_eq!(acknowledgement(&bytes, 5).unwrap().unwrap_err().raw_os_error(), Some(17));
        assert!(acknowledgement(&bytes, 6).is_none());
        for end in 0..bytes.len() {
            assert!(acknowledgement(&bytes[..end], 5).is_none(), "{end}");
        }
        assert!(acknowledgement(&[0; 64], 0).is_none());
    }
}
