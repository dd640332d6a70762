//! WebSockets: messages, receipts, acknowledgements, signals, pings.

use bytes::Bytes;
use fastwebsockets::{Frame, OpCode, Payload, WebSocket, WebSocketError, handshake};
use http_body_util::Empty;
use hyper::Request;
use hyper::header::{CONNECTION, HOST, UPGRADE};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use iofog_iomessage::IoMessage;

use super::node::{A, B, Node, microservice, with_node};

struct Socket(WebSocket<TokioIo<Upgraded>>);

struct Spawn;

impl<F: Future + 'static> hyper::rt::Executor<F> for Spawn {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(async move { drop(future.await) });
    }
}

impl Socket {
    async fn open(node: &Node, source: &str, kind: &str, id: &str) -> Result<Self, WebSocketError> {
        let request = Request::builder()
            .uri(format!("/v2/{kind}/socket/id/{id}"))
            .header(HOST, "iofog")
            .header(UPGRADE, "websocket")
            .header(CONNECTION, "Upgrade")
            .header("Sec-WebSocket-Key", handshake::generate_key())
            .header("Sec-WebSocket-Version", "13")
            .body(Empty::<Bytes>::new())
            .unwrap();
        let stream = node.connect(source).await;
        let (mut socket, _) = handshake::client(&Spawn, request, stream).await?;
        socket.set_auto_pong(false);
        Ok(Self(socket))
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.0.write_frame(Frame::binary(Payload::Owned(bytes.to_vec()))).await.unwrap();
    }

    async fn send_message(&mut self, content: &str) {
        let message = IoMessage {
            info_type: "t".into(),
            info_format: "f".into(),
            content_data: Bytes::copy_from_slice(content.as_bytes()),
            ..IoMessage::default()
        };
        let payload = message.encode().unwrap();
        let mut frame = vec![0x0D];
        frame.extend(u32::try_from(payload.len()).unwrap().to_be_bytes());
        frame.extend(payload);
        self.send(&frame).await;
    }

    async fn next(&mut self) -> Vec<u8> {
        let frame = self.0.read_frame().await.unwrap();
        assert_eq!(frame.opcode, OpCode::Binary);
        frame.payload.to_vec()
    }

    async fn next_content(&mut self) -> String {
        let frame = self.next().await;
        assert_eq!(frame[0], 0x0D);
        assert_eq!(&frame[1..5], u32::try_from(frame.len() - 5).unwrap().to_be_bytes());
        let message = IoMessage::decode(&Bytes::copy_from_slice(&frame[5..])).unwrap();
        assert_eq!(message.publisher, "a");
        String::from_utf8(message.content_data.to_vec()).unwrap()
    }
}

#[test]
fn messages_are_receipted_pushed_and_acknowledged() {
    with_node("ws", |node| async move {
        let mut sender = Socket::open(&node, A, "message", "a").await.unwrap();
        let mut receiver = Socket::open(&node, B, "message", "b").await.unwrap();
        for n in 0..50 {
            sender.send_message(&n.to_string()).await;
        }
        for n in 0..50 {
            assert_eq!(receiver.next_content().await, n.to_string());
            receiver.send(&[0x0B]).await;
            let receipt = sender.next().await;
            assert_eq!((&receipt[..3], receipt.len()), (&[0x0E, 32, 8][..], 43));
            sender.send(&[0x0B]).await;
        }
        while node.bus.status().pending > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(node.bus.status().ledger.delivered, 50);
    });
}

#[test]
fn unacknowledged_messages_are_pushed_again_to_the_next_socket() {
    with_node("ws-again", |node| async move {
        let mut sender = Socket::open(&node, A, "message", "a").await.unwrap();
        let mut first = Socket::open(&node, B, "message", "b").await.unwrap();
        sender.send_message("one").await;
        sender.send_message("two").await;
        assert_eq!(first.next_content().await, "one");
        assert_eq!(first.next_content().await, "two");
        first.send(&[0x0B]).await;
        while node.bus.status().pending > 1 {
            tokio::task::yield_now().await;
        }
        let mut second = Socket::open(&node, B, "message", "b").await.unwrap();
        assert_eq!(first.0.read_frame().await.unwrap().opcode, OpCode::Close);
        assert_eq!(second.next_content().await, "two");
    });
}

/// The Python SDK breaks when the first frame comes in one piece with the end of the handshake's answer.
#[test]
fn what_waits_is_not_pushed_together_with_the_handshake() {
    with_node("ws-pause", |node| async move {
        let mut sender = Socket::open(&node, A, "message", "a").await.unwrap();
        sender.send_message("one").await;
        assert_eq!(sender.next().await[0], 0x0E);
        let before = std::time::Instant::now();
        let mut receiver = Socket::open(&node, B, "message", "b").await.unwrap();
        assert_eq!(receiver.next_content().await, "one");
        assert!(before.elapsed() >= std::time::Duration::from_millis(100));
    });
}

#[test]
fn pings_are_answered() {
    with_node("ws-ping", |node| async move {
        let mut socket = Socket::open(&node, A, "control", "a").await.unwrap();
        for (ping, pong) in [(&[0x09][..], &[0x0A][..]), (b"other", b"other"), (b"", b"")] {
            let frame = Frame::new(true, OpCode::Ping, None, Payload::Owned(ping.to_vec()));
            socket.0.write_frame(frame).await.unwrap();
            let answer = socket.0.read_frame().await.unwrap();
            assert_eq!((answer.opcode, &answer.payload[..]), (OpCode::Pong, pong));
        }
    });
}

#[test]
fn control_socket_signals_what_changed() {
    with_node("ws-control", |node| async move {
        let mut socket = Socket::open(&node, A, "control", "a").await.unwrap();
        // A ping makes sure that the socket runs before the change.
        let ping = Frame::new(true, OpCode::Ping, None, Payload::Owned(vec![9]));
        socket.0.write_frame(ping).await.unwrap();
        socket.0.read_frame().await.unwrap();
        let mut changed = microservice("a", &["b"], false);
        changed.config = "{}".into();
        node.context.set_microservices(vec![changed, microservice("b", &[], true)]);
        assert_eq!(socket.next().await, [0x0C]);
        socket.send(&[0x0B]).await;
        node.context.set_edge_resources("[1]".into());
        assert_eq!(socket.next().await, [0x0F]);
    });
}

#[test]
fn sockets_of_others_are_refused() {
    with_node("ws-foreign", |node| async move {
        assert!(Socket::open(&node, A, "message", "b").await.is_err());
        assert!(Socket::open(&node, A, "control", "nobody").await.is_err());
        assert!(Socket::open(&node, A, "message", "").await.is_err());
    });
}

#[test]
fn bad_frames_are_ignored_and_the_socket_lives() {
    with_node("ws-bad", |node| async move {
        let mut sender = Socket::open(&node, A, "message", "a").await.unwrap();
        for bad in [&[][..], &[0x0D], &[0x0D, 0, 0, 0, 9, 1], &[0xff; 40], &[0x0D, 0, 0, 0, 1, 0]] {
            sender.send(bad).await;
        }
        sender.send_message("fine").await;
        assert_eq!(sender.next().await[0], 0x0E);
        assert_eq!(node.bus.status().ledger.accepted, 1);
    });
}
