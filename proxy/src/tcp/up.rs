//! From the socket to messages. Nothing is read that cannot be sent: the bytes stay in the socket.

use std::future::poll_fn;
use std::io;

use bytes::{Bytes, BytesMut};
use tokio::net::tcp::ReadHalf;

use super::blocks::Blocks;
use super::copy::{End, Ended, check};
use crate::domain::tunnel::{Event, Piece};
use crate::link::{Blank, LinkDown, Pending, Sender};
use crate::race::{Either, race};

/// Bytes that are read at once after little was read.
const LEAST_ROOM: usize = 4 << 10;

impl<S: Sender> End<'_, S> {
    pub(super) async fn up(&self, reader: &mut ReadHalf<'_>) -> Ended {
        let blank = Blank::new(Piece::Data.message(self.reply_to, Bytes::new()));
        let window = self.around.window;
        let mut room = LEAST_ROOM;
        let mut oldest: Option<Pending> = None;
        let mut blocks = Blocks::new(window.blocks());
        loop {
            if oldest.is_none() {
                oldest = self.next_in_flight();
            }
            let idle = oldest.is_none();
            let step = async {
                let most = window.bytes(self.pace.borrow().room());
                if most == 0 {
                    std::future::pending::<()>().await;
                }
                self.sender.ready().await?;
                self.ready.set(true);
                Ok(read(reader, &blank, most.min(room), &mut blocks, idle).await)
            };
            let step: Result<io::Result<BytesMut>, LinkDown> = match oldest.as_mut() {
                None => match race(step, self.sender.detached()).await {
                    Either::Left(step) => step,
                    Either::Right(lost) => Err(lost),
                },
                Some(pending) => match race(pending, step).await {
                    Either::Right(step) => step,
                    Either::Left(outcome) => {
                        oldest = None;
                        let now = self.now();
                        self.pace.borrow_mut().accepted(now);
                        match check(outcome) {
                            Ok(()) => {
                                self.heard.set(now);
                                continue;
                            }
                            Err(ended) => return ended,
                        }
                    }
                },
            };
            let buffer = match step {
                Ok(Ok(buffer)) if blank.body(&buffer) > 0 => buffer,
                Ok(end) => {
                    // What is left is waited for by whoever ends the tunnel.
                    let rest = oldest.take().into_iter().chain(self.in_flight.take()).collect();
                    self.in_flight.replace(rest);
                    return Ended::Event(end.map_or(Event::LocalError, |_| Event::LocalEnd));
                }
                Err(lost) => return Ended::Lost(lost),
            };
            let length = blank.body(&buffer);
            room = next_room(room, length, window.bytes(u32::MAX));
            self.pace.borrow_mut().sent(self.now(), window.count(length));
            let message = blank.seal(buffer);
            blocks.lend(&message);
            match self.sender.send_sealed(message).await {
                Ok(pending) => self.in_flight.borrow_mut().push_back(pending),
                Err(lost) => return Ended::Lost(lost),
            }
            self.in_use();
            self.around.counters.sent(length);
        }
    }
}

/// Bytes to make room for, by what was read before: a message of a few bytes must not hold a buffer for many.
fn next_room(room: usize, read: usize, most: usize) -> usize {
    let next = if read >= room { room.saturating_mul(4) } else { room.min(read.saturating_mul(4)) };
    next.min(most).max(LEAST_ROOM)
}

/// Reads what is there, at most `most` bytes; none at the end. An idle socket holds no buffer, and when nothing is under way
/// (`idle`) no blocks either.
async fn read(
    reader: &mut ReadHalf<'_>,
    blank: &Blank,
    most: usize,
    blocks: &mut Blocks,
    idle: bool,
) -> io::Result<BytesMut> {
    loop {
        poll_fn(|cx| {
            let ready = reader.as_ref().poll_read_ready(cx);
            if ready.is_pending() && idle {
                blocks.clear();
            }
            ready
        })
        .await?;
        let mut buffer = blank.begin(blocks.take(blank.length() + most));
        match reader.try_read_buf(&mut buffer) {
            Ok(_) => return Ok(buffer),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_follows_what_is_read() {
        let most = 248 << 10;
        let play = |room, reads: &[usize]| {
            reads.iter().fold(room, |room, &read| next_room(room, read.min(room), most))
        };
        assert_eq!(play(LEAST_ROOM, &[100, 1, 4_000]), LEAST_ROOM);
        assert_eq!(play(LEAST_ROOM, &[most, most, most]), most);
        assert_eq!(play(most, &[62 << 10]), most, "part of it, as the window had no room for more");
        assert_eq!(play(most, &[100]), LEAST_ROOM);
    }
}
