//! Sending links.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use iofog_amqp::Symbol;
use iofog_amqp_engine::{SendError, SendHead};
use tokio::sync::MutexGuard;

use crate::link::Link;
use crate::shared::Awaited;
use crate::{Connection, LinkError, Outcome, Session};

/// Handle of a sending link; dropping it detaches the link.
#[derive(Debug)]
pub struct Sender {
    connection: Connection,
    _session: Option<Session>,
    link: Rc<Link>,
}

/// The outcome of a message that is on its way.
#[derive(Debug)]
pub struct Pending {
    /// Absent: the message was pre-settled.
    awaited: Option<Rc<Awaited>>,
}

/// A message that is sent in pieces. Dropping it before [`Self::finish`] aborts the message.
#[derive(Debug)]
pub struct SendStream<'a> {
    sender: &'a Sender,
    head: SendHead,
    awaited: Option<Rc<Awaited>>,
    /// The first frame was handed over, the last was not.
    unfinished: bool,
    _turn: MutexGuard<'a, ()>,
}

impl Sender {
    pub(crate) const fn new(
        connection: Connection,
        session: Option<Session>,
        link: Rc<Link>,
    ) -> Self {
        Self { connection, _session: session, link }
    }

    /// Waits for the peer's answer to the attach.
    pub(crate) async fn attached(&self) -> Result<(), LinkError> {
        self.link.wait(|| self.link.is_ready().then_some(())).await
    }

    /// Sends an encoded message: waits for credit, then for the peer's outcome.
    ///
    /// # Errors
    /// [`LinkError`] when link or connection goes; the message may or may not have arrived.
    pub async fn send(&self, encoded: Bytes) -> Result<Outcome, LinkError> {
        self.send_start(encoded, false).await?.await
    }

    /// Sends an encoded message: waits for credit only. A pre-settled message is `Accepted` at once.
    /// Messages leave in the order of the calls.
    ///
    /// # Errors
    /// [`LinkError`] when link or connection goes before the message was handed over.
    pub async fn send_start(&self, encoded: Bytes, settled: bool) -> Result<Pending, LinkError> {
        let mut stream = self.stream(settled).await?;
        stream.push(encoded, true).await?;
        Ok(stream.into_pending())
    }

    /// Begins a message that is sent in pieces: waits for credit. Other messages of this link wait
    /// until it is finished or dropped.
    ///
    /// # Errors
    /// As [`Self::send_start`].
    pub async fn send_stream(&self) -> Result<SendStream<'_>, LinkError> {
        let stream = self.stream(false).await?;
        self.wait_for_credit().await?;
        Ok(stream)
    }

    async fn stream(&self, settled: bool) -> Result<SendStream<'_>, LinkError> {
        let turn = self.link.sending.lock().await;
        self.link.check()?;
        let head = SendHead { settled, ..SendHead::default() };
        Ok(SendStream { sender: self, head, awaited: None, unfinished: false, _turn: turn })
    }

    async fn wait_for_credit(&self) -> Result<(), LinkError> {
        let waiting = &self.link.waiting;
        waiting.set(waiting.get() + 1);
        let result = self.link.wait(|| (self.credit() > 0).then_some(())).await;
        waiting.set(waiting.get() - 1);
        result
    }

    /// Deliveries that may be sent now.
    #[must_use]
    pub fn credit(&self) -> u32 {
        if self.link.check().is_err() {
            return 0;
        }
        self.connection.shared().engine.borrow().credit(self.link.id)
    }

    /// Resolves when there is credit.
    ///
    /// # Errors
    /// [`LinkError`] when link or connection goes.
    pub async fn ready(&self) -> Result<(), LinkError> {
        self.link.wait(|| (self.credit() > 0).then_some(())).await
    }

    /// Resolves when the link is gone.
    pub async fn detached(&self) -> LinkError {
        self.link.detached().await
    }

    /// Address of the target as the peer sees it.
    #[must_use]
    pub fn address(&self) -> Option<&str> {
        self.link.address()
    }

    /// Link extensions that the peer offers.
    #[must_use]
    pub fn remote_offered(&self) -> &[Symbol] {
        self.link.remote_offered()
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        if self.link.check().is_ok() {
            self.connection.shared().command(|engine| engine.detach(self.link.id, true, None));
        }
    }
}

impl Future for Pending {
    type Output = Result<Outcome, LinkError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(awaited) = &self.awaited else { return Poll::Ready(Ok(Outcome::Accepted)) };
        if let Some(outcome) = &*awaited.outcome.borrow() {
            return Poll::Ready(outcome.clone());
        }
        *awaited.waker.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl SendStream<'_> {
    /// Sends more bytes; waits while the session or the socket is busy.
    ///
    /// # Errors
    /// [`LinkError`] when link or connection goes.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), LinkError> {
        self.push(bytes, false).await
    }

    /// Ends the message; the outcome follows.
    ///
    /// # Errors
    /// [`LinkError`] when link or connection goes.
    pub async fn finish(mut self) -> Result<Pending, LinkError> {
        self.push(Bytes::new(), true).await?;
        Ok(self.into_pending())
    }

    /// Gives the message up; the receiver forgets it.
    pub fn abort(self) {}

    fn into_pending(mut self) -> Pending {
        Pending { awaited: self.awaited.take() }
    }

    /// The outcome before the message is whole: a receiver may refuse it early.
    #[must_use]
    pub fn early_outcome(&self) -> Option<Outcome> {
        let outcome = self.awaited.as_ref()?.outcome.borrow();
        outcome.as_ref()?.as_ref().ok().cloned()
    }

    async fn push(&mut self, mut bytes: Bytes, last: bool) -> Result<(), LinkError> {
        let Sender { connection, link, .. } = self.sender;
        let shared = connection.shared();
        loop {
            let room = shared.room.notified();
            link.check()?;
            let first = !self.unfinished;
            if first && !self.head.settled {
                let (token, awaited) = shared.await_outcome(link.id);
                self.head.token = token;
                self.awaited = Some(awaited);
            }
            let sent = shared.command(|engine| engine.send(link.id, &self.head, &mut bytes, last));
            if first && sent.is_err() && !self.head.settled {
                shared.forget_outcome(self.head.token);
            }
            match sent {
                Ok(progress) => {
                    self.unfinished = !(progress.complete && last);
                    if progress.complete {
                        return Ok(());
                    }
                    room.await;
                }
                Err(SendError::Credit) => self.sender.wait_for_credit().await?,
                Err(SendError::NotAttached) => return Err(self.gone()),
                Err(SendError::Window | SendError::Output | SendError::Unsettled) => room.await,
            }
        }
    }

    /// Why the engine does not know the link as attached: usually that is told soon.
    fn gone(&self) -> LinkError {
        self.sender.link.check().err().unwrap_or(LinkError::Closed)
    }
}

impl Drop for SendStream<'_> {
    fn drop(&mut self) {
        let link = &self.sender.link;
        if self.unfinished && link.check().is_ok() {
            let shared = self.sender.connection.shared();
            shared.command(|engine| engine.abort(link.id));
            // The engine knows the token only while there is no outcome.
            if self.awaited.as_ref().is_some_and(|awaited| awaited.outcome.borrow().is_none()) {
                shared.forget_outcome(self.head.token);
            }
        }
    }
}
