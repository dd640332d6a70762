//! Client and server of this crate against each other, over an in-memory stream.

mod common;

use bytes::Bytes;
use common::*;
use iofog_amqp::{Error, Role, condition};
use iofog_amqp_client::*;
use tokio::task::spawn_local;

#[test]
fn open_tells_who_the_peer_is() {
    run(async {
        let (client, server) = pair(100).await;
        assert_eq!(client.remote_container(), "server");
        assert_eq!(server.remote_container(), "client");
        client.close();
        assert_eq!(client.closed().await, CloseReason::Local);
        assert_eq!(server.closed().await, CloseReason::Remote(None));
    });
}

#[test]
fn open_fails_when_the_peer_is_something_else() {
    run(async {
        let (near, mut far) = tokio::io::duplex(100);
        let peer = spawn_local(async move {
            use tokio::io::AsyncWriteExt;
            far.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
            far
        });
        let error = Connection::open(Box::new(near), options("c")).await.unwrap_err();
        assert!(matches!(error, ConnectError::Closed(CloseReason::Header)), "{error:?}");
        peer.await.unwrap();
        let (near, far) = tokio::io::duplex(100);
        drop(far);
        let error = Connection::open(Box::new(near), options("c")).await.unwrap_err();
        assert!(matches!(error, ConnectError::Closed(CloseReason::Lost)), "{error:?}");
    });
}

#[test]
fn dropping_the_last_handle_closes_the_connection() {
    run(async {
        let (client, server) = pair(100).await;
        let (sender, receiver) = client_to_server(&client, &server, 1).await;
        drop(client);
        assert!(sender.send_start(bytes(1), false).await.is_ok(), "a link keeps it open");
        drop(sender);
        assert_eq!(server.closed().await, CloseReason::Remote(None));
        drop(receiver);
    });
}

#[test]
fn outcomes_reach_the_sender() {
    run(async {
        let (client, server) = pair(4096).await;
        let (sender, mut receiver) = client_to_server(&client, &server, 10).await;
        let consumer = spawn_local(async move {
            let next = async |receiver: &mut Receiver| receiver.recv().await.unwrap();
            next(&mut receiver).await.accept();
            next(&mut receiver).await.reject(Error::new(condition::NOT_FOUND, "x"));
            next(&mut receiver).await.release();
            next(&mut receiver).await.modify(true, false);
            drop(next(&mut receiver).await);
            receiver
        });
        let mut outcomes = vec![];
        for _ in 0..5 {
            outcomes.push(sender.send(bytes(10)).await.unwrap());
        }
        assert_eq!(
            outcomes,
            [
                Outcome::Accepted,
                Outcome::Rejected(Some(Error::new(condition::NOT_FOUND, "x"))),
                Outcome::Released,
                Outcome::Modified { delivery_failed: true, undeliverable_here: false },
                Outcome::Released,
            ]
        );
        drop(consumer.await.unwrap());
        let error = sender.detached().await;
        assert_eq!(error, LinkError::Detached(None));
        assert!(sender.send(bytes(1)).await.is_err());
    });
}

#[test]
fn messages_keep_their_order_and_none_is_lost() {
    run(async {
        let (client, server) = pair(1000).await;
        let (sender, mut receiver) = client_to_server(&client, &server, 7).await;
        let producer = spawn_local(async move {
            let mut pending = vec![];
            for n in 0..5000u32 {
                let settled = n % 3 == 0;
                let message = Bytes::copy_from_slice(&n.to_be_bytes());
                pending.push(sender.send_start(message, settled).await.unwrap());
            }
            for outcome in pending {
                assert_eq!(outcome.await.unwrap(), Outcome::Accepted);
            }
        });
        for n in 0..5000u32 {
            let delivery = receiver.recv().await.unwrap();
            assert_eq!(delivery.message[..], n.to_be_bytes());
            assert_eq!(delivery.settled, n % 3 == 0);
            delivery.accept();
        }
        producer.await.unwrap();
    });
}

#[test]
fn large_messages_cross_whole() {
    run(async {
        let (client, server) = pair(3000).await;
        let (sender, mut receiver) = client_to_server(&client, &server, 2).await;
        let message = bytes(20_000_000);
        let sent = message.clone();
        let producer = spawn_local(async move { sender.send(sent).await });
        let delivery = receiver.recv().await.unwrap();
        assert!(delivery.message == message);
        delivery.accept();
        assert_eq!(producer.await.unwrap().unwrap(), Outcome::Accepted);
    });
}

#[test]
fn stream_is_read_while_it_is_written() {
    run(async {
        let (client, server) = pair(3000).await;
        let (sender, mut receiver) = client_to_server(&client, &server, 2).await;
        let (go, wait) = tokio::sync::oneshot::channel::<()>();
        let (go_abort, abort) = tokio::sync::oneshot::channel::<()>();
        let producer = spawn_local(async move {
            let mut stream = sender.send_stream().await.unwrap();
            stream.write(bytes(10)).await.unwrap();
            wait.await.unwrap();
            stream.write(bytes(100_000)).await.unwrap();
            let outcome = stream.finish().await.unwrap().await;
            let mut aborted = sender.send_stream().await.unwrap();
            aborted.write(bytes(5)).await.unwrap();
            abort.await.unwrap();
            aborted.abort();
            (outcome, sender)
        });
        let mut stream = receiver.recv_stream().await.unwrap();
        let mut size = stream.next().await.unwrap().unwrap().len();
        assert_eq!(size, 10, "the first bytes are here before the others were written");
        go.send(()).unwrap();
        while let Some(piece) = stream.next().await.unwrap() {
            size += piece.len();
        }
        assert_eq!(size, 100_010);
        drop(stream);
        let mut stream = receiver.recv_stream().await.unwrap();
        assert_eq!(stream.next().await.unwrap().unwrap(), bytes(5));
        go_abort.send(()).unwrap();
        assert_eq!(stream.next().await, Err(LinkError::Aborted));
        drop(stream);
        let (outcome, _sender) = producer.await.unwrap();
        assert_eq!(outcome.unwrap(), Outcome::Accepted);
    });
}

#[test]
fn slow_reader_of_a_stream_holds_the_writer_back() {
    run(async {
        let (client, server) = pair(3000).await;
        let session = client.session().await.unwrap();
        let offered = spawn_local(async move {
            let sender = server.accept_link().await.unwrap().accept_sender().unwrap();
            (server, sender)
        });
        let mut options = ReceiverOptions::from("q");
        options.stream_buffer = 100_000;
        options.session = Some(session);
        let mut receiver = client.receiver(options).await.unwrap();
        let (_server, sender) = offered.await.unwrap();
        let written = std::rc::Rc::new(std::cell::Cell::new(0));
        let seen = written.clone();
        let producer = spawn_local(async move {
            let mut stream = sender.send_stream().await.unwrap();
            for _ in 0..2000 {
                stream.write(bytes(10_000)).await.unwrap();
                seen.set(seen.get() + 10_000);
            }
            stream.finish().await.unwrap().await
        });
        let mut stream = receiver.recv_stream().await.unwrap();
        let mut size = stream.next().await.unwrap().unwrap().len();
        for _ in 0..10_000 {
            tokio::task::yield_now().await;
        }
        // Window of 512 frames of 16 KiB, the buffer, and the output limit: not all of it.
        assert!(written.get() < 12_000_000, "{}", written.get());
        while let Some(piece) = stream.next().await.unwrap() {
            size += piece.len();
        }
        assert_eq!(size, 20_000_000);
        assert_eq!(producer.await.unwrap().unwrap(), Outcome::Accepted);
    });
}

#[test]
fn link_refused_tells_the_reason() {
    run(async {
        let (client, server) = pair(1000).await;
        let peer = spawn_local(async move {
            let link = server.accept_link().await.unwrap();
            assert_eq!((link.name(), link.role()), ("n", Role::Sender));
            assert_eq!(link.source().unwrap().address.as_deref(), Some("a"));
            link.refuse(Error::new(condition::NOT_FOUND, "no such address"));
            drop(server.accept_link().await);
            server
        });
        let mut options = ReceiverOptions::from("a");
        options.name = "n".into();
        let error = client.receiver(options).await.unwrap_err();
        assert_eq!(error.remote().unwrap().condition, condition::NOT_FOUND);
        let error = client.sender(SenderOptions::to("a")).await.unwrap_err();
        assert_eq!(error.remote().unwrap().condition, condition::NOT_FOUND);
        peer.await.unwrap();
    });
}

#[test]
fn drain_empties_the_credit() {
    run(async {
        let (client, server) = pair(1000).await;
        let (sender, mut receiver) = client_to_server(&client, &server, 5).await;
        receiver.drain().await;
        assert_eq!((receiver.credit(), sender.credit()), (0, 0));
        receiver.grant(3);
        sender.send_start(bytes(1), true).await.unwrap();
        receiver.drain().await;
        assert!(receiver.try_recv().unwrap().is_some());
        assert!(receiver.try_recv().unwrap().is_none());
        assert_eq!(receiver.credit(), 0);
    });
}

#[test]
fn drain_lets_a_waiting_sender_use_the_credit() {
    run(async {
        let (client, server) = pair(1000).await;
        let (sender, receiver) = tokio::join!(client.sender(SenderOptions::to("q")), async {
            server.accept_link().await.unwrap().accept_receiver(0, false)
        });
        let (sender, mut receiver) = (sender.unwrap(), receiver.unwrap());
        for n in 1..50 {
            let waiting = async { drop(sender.send_start(bytes(n), true).await.unwrap()) };
            let polling = async {
                tokio::task::yield_now().await;
                receiver.grant(1000);
                receiver.drain().await;
                receiver.try_recv().unwrap().map(|delivery| delivery.message.len())
            };
            assert_eq!(tokio::join!(waiting, polling).1, Some(n));
            assert_eq!(receiver.credit(), 0);
        }
    });
}

#[test]
fn connection_loss_ends_everything_that_waits() {
    run(async {
        let (near, far) = tokio::io::duplex(1000);
        let server = ServerOptions { connection: options("server") };
        let (lost, broken) = tokio::io::duplex(1000);
        // A relay that can be cut.
        let relay = spawn_local(async move {
            let (mut near, mut far) = (far, lost);
            let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
        });
        let (client, server) = tokio::join!(
            Connection::open(Box::new(near), options("client")),
            Connection::serve(Box::new(broken), server)
        );
        let (client, server) = (client.unwrap(), server.unwrap());
        let (sender, mut receiver) = client_to_server(&client, &server, 1).await;
        let pending = sender.send_start(bytes(1), false).await.unwrap();
        let blocked = spawn_local(async move { (sender.send(bytes(1)).await, sender) });
        let delivery = receiver.recv().await.unwrap();
        relay.abort();
        let lost = LinkError::Connection(CloseReason::Lost);
        assert_eq!(pending.await, Err(lost.clone()));
        assert_eq!(blocked.await.unwrap().0, Err(lost.clone()));
        assert_eq!(receiver.recv().await.unwrap_err(), lost);
        delivery.accept();
        assert_eq!(client.closed().await, CloseReason::Lost);
        assert!(server.accept_link().await.is_none());
        assert!(client.sender(SenderOptions::to("x")).await.is_err());
    });
}

#[test]
fn sessions_end_with_their_handles() {
    run(async {
        let (client, server) = pair(1000).await;
        for round in 0..300 {
            let session = client.session().await.unwrap();
            let mut options = SenderOptions::to("q");
            options.session = Some(session.clone());
            let (sender, receiver) = tokio::join!(client.sender(options), async {
                server.accept_link().await.unwrap().accept_receiver(1, true).unwrap()
            });
            let sender = sender.unwrap();
            sender.send_start(bytes(round), false).await.unwrap();
            drop((sender, session));
            drop(receiver);
            tokio::task::yield_now().await;
        }
    });
}
