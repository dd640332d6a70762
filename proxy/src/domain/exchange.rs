//! One request's way from credit to answer: which wait is allowed, when to send again, when to give up.

use std::time::Duration;

use super::failure::Failure;

/// Waits and bounds of an exchange (proxy.md section 3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timings {
    /// Longest wait for credit, that is for a proxy at the other end.
    pub credit: Duration,
    /// Longest time for the target to answer, as the far proxy counts it.
    pub target: Duration,
    /// What this side waits beyond `target`, so that the far proxy can tell first.
    pub margin: Duration,
    /// How often a released message is sent again.
    pub resends: u32,
    /// The n-th resend after the first waits n times this long.
    pub resend_step: Duration,
    /// No resend waits longer than this.
    pub resend_most: Duration,
}

/// What the router network said about a sent message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Taken by the far proxy.
    Accepted,
    /// Refused for good.
    Rejected,
    /// Never delivered.
    Released,
    /// Delivered, but not served.
    Modified,
}

/// What an exchange does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Wait for credit until then.
    AwaitCredit(Duration),
    /// Wait for the outcome, the answer or both until then.
    AwaitAnswer(Duration),
    /// Send the same message again at that time, then call [`Exchange::sent`].
    Resend(Duration),
    /// Tell the client.
    Fail(Failure),
}

/// State of one exchange. Times are durations since an origin that the caller keeps for its life.
#[derive(Clone, Debug)]
pub struct Exchange {
    timings: Timings,
    first_sent: Option<Duration>,
    resends: u32,
    credit_until: Duration,
}

// === impl Timings ===

impl Default for Timings {
    fn default() -> Self {
        Self {
            credit: Duration::from_secs(10),
            target: Duration::from_secs(60),
            margin: Duration::from_secs(5),
            resends: 10,
            resend_step: Duration::from_millis(50),
            resend_most: Duration::from_millis(250),
        }
    }
}

// === impl Exchange ===

impl Exchange {
    /// A request that is complete and waits to be sent.
    pub fn start(timings: Timings, now: Duration) -> (Self, Step) {
        let credit_until = now + timings.credit;
        let exchange = Self { timings, first_sent: None, resends: 0, credit_until };
        (exchange, Step::AwaitCredit(credit_until))
    }

    /// The message went out.
    pub fn sent(&mut self, now: Duration) -> Step {
        let first = *self.first_sent.get_or_insert(now);
        Step::AwaitAnswer(first + self.timings.target + self.timings.margin)
    }

    /// An outcome arrived and there is no answer yet.
    pub fn settled(&mut self, outcome: Settled, now: Duration) -> Step {
        let first = *self.first_sent.get_or_insert(now);
        let waited = now.saturating_sub(first);
        match outcome {
            Settled::Accepted => {
                Step::AwaitAnswer(first + self.timings.target + self.timings.margin)
            }
            Settled::Rejected => Step::Fail(Failure::Refused),
            // The far proxy settles a time-out the same way as an error: only the clock tells them apart.
            Settled::Modified if waited + Duration::from_secs(1) >= self.timings.target => {
                Step::Fail(Failure::NoAnswer)
            }
            Settled::Modified => Step::Fail(Failure::TargetFailed),
            Settled::Released if self.resends >= self.timings.resends => {
                Step::Fail(Failure::Undeliverable)
            }
            Settled::Released => {
                let pause = self.timings.resend_step.saturating_mul(self.resends);
                self.resends += 1;
                Step::Resend(now + pause.min(self.timings.resend_most))
            }
        }
    }

    /// A resend finds no credit: how long it may wait, counted like the first time.
    pub fn resend_credit(&self, now: Duration) -> Step {
        Step::AwaitCredit(self.credit_until.max(now + self.timings.resend_most))
    }

    /// The wait named by the last step is over.
    pub const fn expired(&self) -> Failure {
        match self.first_sent {
            None => Failure::NoEgress,
            Some(_) => Failure::NoAnswer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn sent() -> Exchange {
        let (mut exchange, step) = Exchange::start(Timings::default(), ms(0));
        assert_eq!(step, Step::AwaitCredit(ms(10_000)));
        assert_eq!(exchange.expired(), Failure::NoEgress);
        assert_eq!(exchange.sent(ms(100)), Step::AwaitAnswer(ms(65_100)));
        exchange
    }

    #[test]
    fn exchange_accepted_waits_for_the_answer() {
        let mut exchange = sent();
        assert_eq!(exchange.settled(Settled::Accepted, ms(500)), Step::AwaitAnswer(ms(65_100)));
        assert_eq!(exchange.expired(), Failure::NoAnswer);
    }

    #[test]
    fn exchange_modified_early_is_the_target_and_late_is_a_time_out() {
        assert_eq!(sent().settled(Settled::Modified, ms(900)), Step::Fail(Failure::TargetFailed));
        assert_eq!(sent().settled(Settled::Modified, ms(60_050)), Step::Fail(Failure::NoAnswer));
        assert_eq!(sent().settled(Settled::Rejected, ms(900)), Step::Fail(Failure::Refused));
    }

    #[test]
    fn exchange_released_is_sent_again_ten_times() {
        let mut exchange = sent();
        let mut now = ms(100);
        let mut pauses = Vec::new();
        for _ in 0..10 {
            let Step::Resend(at) = exchange.settled(Settled::Released, now) else {
                panic!("expected a resend");
            };
            pauses.push((at - now).as_millis());
            now = at;
            exchange.sent(now);
        }
        assert_eq!(pauses, [0, 50, 100, 150, 200, 250, 250, 250, 250, 250]);
        assert_eq!(exchange.settled(Settled::Released, now), Step::Fail(Failure::Undeliverable));
    }

    #[test]
    fn exchange_deadline_counts_from_the_first_send() {
        let mut exchange = sent();
        exchange.settled(Settled::Released, ms(200));
        assert_eq!(exchange.sent(ms(5_000)), Step::AwaitAnswer(ms(65_100)));
        assert_eq!(exchange.resend_credit(ms(5_000)), Step::AwaitCredit(ms(10_000)));
        assert_eq!(exchange.resend_credit(ms(20_000)), Step::AwaitCredit(ms(20_250)));
    }
}
