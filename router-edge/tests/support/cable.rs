//! A cable between two routers that a test may cut, silence or plug in again: bytes through a socket of its own.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What the cable does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Carries.
    Whole,
    /// Closes what is open and what is dialled.
    Cut,
    /// What is open carries nothing more and stays open; what is dialled from now on is carried.
    Silent,
}

/// A cable to a listener.
pub(crate) struct Cable {
    /// Where to dial.
    pub(crate) address: SocketAddr,
    manner: watch::Sender<Manner>,
    /// Connections that it took.
    pub(crate) dialled: Rc<Cell<usize>>,
}

impl Cable {
    pub(crate) async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let manner = watch::Sender::new(Manner::Whole);
        let dialled = Rc::new(Cell::new(0));
        let (told, count) = (manner.clone(), Rc::clone(&dialled));
        tokio::task::spawn_local(async move {
            while let Ok((near, _)) = listener.accept().await {
                if *told.borrow() == Manner::Cut {
                    continue;
                }
                count.set(count.get() + 1);
                let Ok(far) = TcpStream::connect(target).await else { continue };
                let ((near_in, near_out), (far_in, far_out)) =
                    (near.into_split(), far.into_split());
                tokio::task::spawn_local(carry(near_in, far_out, told.subscribe()));
                tokio::task::spawn_local(carry(far_in, near_out, told.subscribe()));
            }
        });
        Self { address, manner, dialled }
    }

    pub(crate) fn set(&self, manner: Manner) {
        self.manner.send_replace(manner);
    }
}

async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut manner: watch::Receiver<Manner>,
) {
    let mut space = [0; 16 * 1024];
    manner.mark_unchanged();
    loop {
        tokio::select! {
            // A change ends what is open, in its way.
            _ = manner.changed() => match *manner.borrow_and_update() {
                Manner::Whole => {}
                Manner::Cut => return,
                Manner::Silent => break,
            },
            read = from.read(&mut space) => match read {
                Ok(n) if n > 0 => if to.write_all(&space[..n]).await.is_err() { return },
                _ => return,
            },
        }
    }
    // Both ends stay open, and hear nothing.
    std::future::pending::<()>().await;
}
