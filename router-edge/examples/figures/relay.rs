//! No router at all: one thread that hands the frames of the sending connection to the receiving one and the
//! answers back. What it reaches is what the generator and the sockets allow.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use iofog_amqp::frame::{Frame, Protocol};
use iofog_amqp::{Performative, Role};
use iofog_amqp_peer::Script;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Serves pairs of connections, one pair after another.
pub(crate) fn run(port: u16) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let (mut sending, mut receiving) = (None, None);
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            match set_up(&mut stream).await {
                Some((Role::Sender, rest)) => sending = Some((stream, rest)),
                Some((Role::Receiver, rest)) => receiving = Some((stream, rest)),
                None => continue,
            }
            if sending.is_some()
                && receiving.is_some()
                && let Some((mut from, forth)) = sending.take()
                && let Some((mut to, back)) = receiving.take()
            {
                to.write_all(&forth).await.unwrap();
                from.write_all(&back).await.unwrap();
                let (from_read, from_write) = from.split();
                let (to_read, to_write) = to.split();
                // A pair ends when one of its ends goes.
                let mut forth = pin!(copy(from_read, to_write));
                let mut back = pin!(copy(to_read, from_write));
                poll_fn(|cx| match forth.as_mut().poll(cx) {
                    Poll::Ready(()) => Poll::Ready(()),
                    Poll::Pending => back.as_mut().poll(cx),
                })
                .await;
            }
        }
    });
}

async fn copy(mut from: impl AsyncReadExt + Unpin, mut to: impl AsyncWriteExt + Unpin) {
    let mut input = Vec::with_capacity(256 * 1024);
    loop {
        if from.read_buf(&mut input).await.unwrap_or(0) == 0 {
            return;
        }
        let mut whole = 0;
        while let Some(frame) = Frame::parse(input.get(whole..).unwrap(), u32::MAX).unwrap() {
            whole += frame.end;
        }
        if to.write_all(input.get(..whole).unwrap()).await.is_err() {
            return;
        }
        input.drain(..whole);
    }
}

/// Answers header, open, begin and attach; gives what the peer wants to do, and frames that came after.
async fn set_up(stream: &mut TcpStream) -> Option<(Role, Vec<u8>)> {
    let mut input = Vec::new();
    let mut script = Script::default();
    script.opening("relay", Vec::new());
    let mut from = Protocol::Amqp.header().len();
    loop {
        if stream.read_buf(&mut input).await.unwrap_or(0) == 0 {
            return None;
        }
        let mut role = None;
        // Frame by frame: what comes with the attach, credit above all, is for the other end.
        while role.is_none()
            && let Some(frame) = Frame::parse(input.get(from..)?, u32::MAX).unwrap()
        {
            let one = input.get(from..from + frame.end)?;
            from += iofog_amqp_peer::frames(one, |performative| {
                if let Performative::Attach(attach) = performative {
                    script.attach(0, attach.role.opposite(), Some("relay"));
                    role = Some(attach.role);
                }
            })
            .unwrap();
        }
        stream.write_all(&script.out).await.ok()?;
        script.out.clear();
        if let Some(role) = role {
            return Some((role, input.split_off(from)));
        }
    }
}
