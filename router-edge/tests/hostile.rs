//! Peers that send nonsense: their connection ends, the router does not.

mod support;

use iofog_amqp_client::Outcome;
use iofog_router::config::{ListenerConfig, Mode, Role};
use iofog_router::{RouterConfig, RuntimeOptions, start};
use support::{client, interior, port, receiver, run, sender, text, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Header, open of a router of annotations version 2, and begin, as bare AMQP.
const HELLO: &[u8] = b"AMQP\x00\x01\x00\x00\
    \x00\x00\x00\x36\x02\x00\x00\x00\x00\x53\x10\xc0\x29\x0a\xa1\x01a\x40\x40\x40\x40\x40\x40\x40\x40\
    \xc1\x1b\x02\xa3\x16qd.annotations-version\x54\x02\
    \x00\x00\x00\x14\x02\x00\x00\x00\x00\x53\x11\xc0\x07\x04\x40\x43\x52\x10\x52\x10";

#[test]
fn the_opening_is_good() {
    run(async {
        let router = interior("A").await;
        for role in [Role::Normal, Role::Edge, Role::InterRouter] {
            let before = router.status().connections;
            let mut stream = TcpStream::connect(port(&router, role)).await.unwrap();
            stream.write_all(HELLO).await.unwrap();
            until(|| router.status().connections == before + 1).await;
            drop(stream);
            until(|| router.status().connections == before).await;
        }
    });
}

/// A small generator of reproducible nonsense.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next().to_le_bytes()[0]).collect()
    }
}

#[test]
fn random_frames_end_their_connection_only() {
    run(async {
        let router = interior("A").await;
        let connection = client(&router).await;
        let mut receiver = receiver(&connection, "q").await;
        let sender = sender(&connection, "q").await;
        let mut noise = Noise(7);
        for round in 0..300_u32 {
            let role = [Role::Normal, Role::Edge, Role::InterRouter][round as usize % 3];
            let mut stream = TcpStream::connect(port(&router, role)).await.unwrap();
            let len = usize::from(noise.bytes(1)[0]) + 1;
            let mut bytes = HELLO[..if round % 2 == 0 { HELLO.len() } else { 8 }].to_vec();
            if round % 4 < 2 {
                // A frame of the right length with a known performative and random fields.
                let code = 0x10 + noise.bytes(1)[0] % 9;
                let mut frame = vec![0, 0, 0, 0, 2, 0, 0, 0, 0, 0x53, code];
                frame.extend(noise.bytes(len));
                let size = u32::try_from(frame.len()).unwrap().to_be_bytes();
                frame[..4].copy_from_slice(&size);
                bytes.extend(frame);
            } else {
                bytes.extend(noise.bytes(len));
            }
            stream.write_all(&bytes).await.unwrap();
            let _ = stream.shutdown().await;
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
            if round % 30 == 0 {
                let pending = sender.send_start(text("still here"), false).await.unwrap();
                receiver.recv().await.unwrap().accept();
                assert_eq!(pending.await.unwrap(), Outcome::Accepted);
            }
        }
        until(|| router.status().connections == 1).await;
        assert_eq!(router.status().links, 2);
    });
}

#[test]
fn a_crowded_listener_leaves_room_for_the_others() {
    run(async {
        let mut config = RouterConfig::new(Mode::Interior, "A");
        for name in [Role::Normal, Role::Edge] {
            let mut listener = ListenerConfig::new(Role::Normal, "127.0.0.1", 0);
            listener.name = name.as_str().to_owned();
            config.listeners.push(listener);
        }
        let options = RuntimeOptions { listener_connections: Some(3), ..RuntimeOptions::default() };
        let router = start(config, options).await.unwrap();
        let mut crowd = Vec::new();
        for _ in 0..8 {
            let mut stream = TcpStream::connect(port(&router, Role::Edge)).await.unwrap();
            stream.write_all(HELLO).await.unwrap();
            crowd.push(stream);
        }
        until(|| router.status().connections == 3).await;
        let _other = client(&router).await;
        assert_eq!(router.status().connections, 4, "five wait to be accepted");
        crowd.truncate(7);
        crowd.drain(..3);
        until(|| router.status().connections == 4).await;
        let mut answer = [0; 8];
        for stream in &mut crowd[..3] {
            stream.read_exact(&mut answer).await.unwrap();
            assert_eq!(&answer, b"AMQP\x00\x01\x00\x00");
        }
    });
}
