//! How answers leave a connection on which much comes: many in one write.
#![allow(clippy::unwrap_used, reason = "test code outside of test functions")]

mod common;

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use common::*;
use iofog_amqp_client::{Connection, Outcome, ServerOptions};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::task::spawn_local;

const UNDER_WAY: usize = 8;

/// A stream that counts its writes.
struct Counted {
    stream: DuplexStream,
    writes: Rc<Cell<usize>>,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.writes.set(self.writes.get() + 1);
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Lets the other tasks that are ready have their turn.
async fn turn() {
    let mut had = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut had, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Messages of 60,000 bytes, eight under way, each accepted by a task of its own in its own time; the writes of who accepts
/// them.
async fn writes_for(messages: usize) -> usize {
    let (near, far) = tokio::io::duplex(1 << 20);
    let writes = Rc::new(Cell::new(0));
    let far = Counted { stream: far, writes: Rc::clone(&writes) };
    let server = ServerOptions { connection: options("server") };
    let (client, server) = tokio::join!(
        Connection::open(Box::new(near), options("client")),
        Connection::serve(Box::new(far), server)
    );
    let (client, server) = (client.unwrap(), server.unwrap());
    let (sender, mut receiver) = client_to_server(&client, &server, 64).await;
    let before = writes.get();
    let consumer = spawn_local(async move {
        for number in 0..messages {
            let delivery = receiver.recv().await.unwrap();
            spawn_local(async move {
                // What a message takes before it is accepted differs.
                for _ in 0..number % UNDER_WAY {
                    turn().await;
                }
                delivery.accept();
            });
        }
        receiver
    });
    for _ in 0..messages / UNDER_WAY {
        let mut pending = Vec::new();
        for _ in 0..UNDER_WAY {
            pending.push(sender.send_start(bytes(60_000), false).await.unwrap());
        }
        for outcome in pending {
            assert_eq!(outcome.await.unwrap(), Outcome::Accepted);
        }
    }
    drop(consumer.await.unwrap());
    writes.get() - before
}

#[test]
fn batches_of_answers_leave_together() {
    run(async {
        let (some, more) = (writes_for(80).await, writes_for(240).await);
        // One for each batch of eight, and now and then one for credit.
        let each = (more - some) as f64 / 160.0;
        assert!(each < 0.3, "{each} writes for a message");
    });
}
