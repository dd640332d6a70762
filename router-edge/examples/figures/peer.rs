//! The generator's end of a connection: blocking, one session, one link, frames written and read by hand so
//! that it costs less than any router.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use iofog_amqp::frame::HEADER_SIZE;
use iofog_amqp::{Performative, Role};
use iofog_amqp_peer::Script;
use iofog_tls::rustls::pki_types::ServerName;
use iofog_tls::rustls::{ClientConnection, StreamOwned};

trait Duplex: Read + Write + Send {}
impl<T: Read + Write + Send> Duplex for T {}

/// A connection.
pub(crate) struct Peer {
    stream: Box<dyn Duplex>,
    socket: TcpStream,
    input: Vec<u8>,
    /// What is written next.
    pub(crate) script: Script,
    /// Longest frame that the router takes.
    pub(crate) max_frame: u32,
}

/// Where a router listens, with the authority to trust when it speaks TLS.
#[derive(Clone)]
pub(crate) struct Address {
    pub(crate) socket: SocketAddr,
    pub(crate) authority: Option<Vec<u8>>,
}

const READ: usize = 256 * 1024;

impl Peer {
    /// Connects, opens and begins; none when nothing listens.
    pub(crate) fn connect(address: &Address) -> Option<Self> {
        let socket = TcpStream::connect(address.socket).ok()?;
        socket.set_nodelay(true).unwrap();
        let stream: Box<dyn Duplex> = match &address.authority {
            None => Box::new(socket.try_clone().unwrap()),
            Some(authority) => {
                let trust = iofog_tls::Trust::from_pem(authority).unwrap();
                let config = iofog_tls::ClientOptions::new(trust).build().unwrap();
                let name = ServerName::try_from("localhost").unwrap();
                let tls = ClientConnection::new(config, name).unwrap();
                Box::new(StreamOwned::new(tls, socket.try_clone().unwrap()))
            }
        };
        let container = format!("figures-{}", socket.local_addr().unwrap());
        let mut peer =
            Self { stream, socket, input: Vec::new(), script: Script::default(), max_frame: 512 };
        peer.script.opening(&container, Vec::new());
        peer.write();
        let mut header = [0; HEADER_SIZE];
        peer.stream.read_exact(&mut header).ok()?;
        Some(peer)
    }

    /// Attaches the link, handle 0.
    pub(crate) fn attach(&mut self, role: Role, address: &str) {
        self.script.attach(0, role, Some(address));
        self.write();
    }

    /// Writes what was said.
    pub(crate) fn write(&mut self) {
        self.stream.write_all(&self.script.out).unwrap();
        self.stream.flush().unwrap();
        self.script.out.clear();
    }

    /// How long a read waits.
    pub(crate) fn patience(&self, wait: Option<Duration>) {
        self.socket.set_read_timeout(wait).unwrap();
    }

    /// Reads once and hands over each whole frame; false when nothing came in time.
    pub(crate) fn read(&mut self, mut each: impl FnMut(Performative)) -> bool {
        let end = self.input.len();
        self.input.resize(end + READ, 0);
        let got = match self.stream.read(self.input.get_mut(end..).unwrap()) {
            Ok(0) => panic!("the router closed the connection"),
            Ok(got) => got,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => 0,
            Err(error) => panic!("{error}"),
        };
        self.input.truncate(end + got);
        let max_frame = &mut self.max_frame;
        let taken = iofog_amqp_peer::frames(&self.input, |performative| {
            match &performative {
                Performative::Open(open) => *max_frame = open.max_frame_size.min(65_536),
                Performative::Close(close) => panic!("the router closed: {close:?}"),
                Performative::Detach(detach) => panic!("the router detached: {detach:?}"),
                _ => {}
            }
            each(performative);
        });
        self.input.drain(..taken.unwrap());
        got > 0
    }
}
