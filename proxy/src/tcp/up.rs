//! From the socket to messages. Nothing is read that cannot be sent: the bytes stay in the socket.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::net::tcp::ReadHalf;

use super::copy::{End, Ended, check};
use crate::domain::tunnel::{Event, Piece};
use crate::link::{Blank, LinkDown, Pending, Sender};
use crate::race::{Either, race};

impl<S: Sender> End<'_, S> {
    pub(super) async fn up(&self, reader: &mut ReadHalf<'_>) -> Ended {
        let blank = Blank::new(Piece::Data.message(self.reply_to, Bytes::new()));
        let chunk = self.around.limits.window.chunk;
        let mut oldest: Option<Pending> = None;
        loop {
            if oldest.is_none() {
                oldest = self.next_in_flight();
            }
            let step = async {
                if !self.pace.borrow().allows_more() {
                    std::future::pending::<()>().await;
                }
                self.sender.ready().await?;
                self.ready.set(true);
                Ok(read(reader, &blank, chunk).await)
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
            self.pace.borrow_mut().sent(self.now());
            match self.sender.send_sealed(blank.seal(buffer)).await {
                Ok(pending) => self.in_flight.borrow_mut().push_back(pending),
                Err(lost) => return Ended::Lost(lost),
            }
            self.in_use();
            self.around.counters.sent(length);
        }
    }
}

/// Reads what is there, at most `most` bytes; none at the end. An idle socket holds no buffer.
async fn read(reader: &mut ReadHalf<'_>, blank: &Blank, most: usize) -> io::Result<BytesMut> {
    loop {
        reader.readable().await?;
        let mut buffer = blank.buffer(most);
        match reader.try_read_buf(&mut buffer) {
            Ok(_) => return Ok(buffer),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}
