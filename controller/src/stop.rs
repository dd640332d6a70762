//! The order to stop, seen by every task.

use tokio::sync::watch;

/// A view of the order.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<bool>);

/// Gives the order; dropping it gives it as well.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

/// An order not yet given, and a view of it.
#[must_use]
pub fn channel() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(false);
    (Stopper(sender), Stop(receiver))
}

impl Stopper {
    /// Gives the order.
    pub fn stop(&self) {
        let _ = self.0.send(true);
    }
}

impl Stop {
    /// Waits until the order is given.
    pub async fn wait(&mut self) {
        // An error means that the stopper is gone, which is the order as well.
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}
