//! Why a request could not be served, which hop failed, and the status a client sees for it.

/// A failure between the listening proxy and the target (proxy.md sections 3.3, 3.4 and 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// This proxy has no connection to its router.
    RouterDown,
    /// The connection to the router was lost while the request was on its way.
    RouterLost,
    /// The router gave no credit: no proxy serves the queue.
    NoEgress,
    /// The router handed the message back again and again.
    Undeliverable,
    /// As many requests as allowed are already waiting.
    TooManyWaiting,
    /// The bodies held at the moment leave no room for this one.
    OverBudget,
    /// The far proxy refused the message.
    Refused,
    /// The far proxy could not get an answer from its target.
    TargetFailed,
    /// Accepted, but no answer within the time allowed.
    NoAnswer,
    /// The answer could not be read as an HTTP response.
    BadReply,
    /// The client left before there was an answer; no one is told.
    ClientGone,
}

/// A request that is not sent on at all, with the rule it breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 400: the rule that the request breaks.
    BadRequest(&'static str),
    /// 408: the body stopped arriving.
    Timeout,
    /// 413: the body is longer than this many bytes.
    TooLarge(usize),
    /// 417: an expectation other than `100-continue`.
    Expectation,
    /// 501: the feature, and what to use instead.
    NotSupported(&'static str),
}

// === impl Failure ===

impl Failure {
    /// Every failure, for counters.
    pub const ALL: [Self; 11] = [
        Self::RouterDown,
        Self::RouterLost,
        Self::NoEgress,
        Self::Undeliverable,
        Self::TooManyWaiting,
        Self::OverBudget,
        Self::Refused,
        Self::TargetFailed,
        Self::NoAnswer,
        Self::BadReply,
        Self::ClientGone,
    ];

    /// The status for clients; with `compat` always 500, as the reference answers.
    pub const fn status(self, compat: bool) -> u16 {
        if compat {
            return 500;
        }
        match self {
            Self::RouterDown
            | Self::NoEgress
            | Self::Undeliverable
            | Self::TooManyWaiting
            | Self::OverBudget => 503,
            Self::RouterLost
            | Self::Refused
            | Self::TargetFailed
            | Self::BadReply
            | Self::ClientGone => 502,
            Self::NoAnswer => 504,
        }
    }

    /// Seconds for a `retry-after` header, when trying again soon makes sense.
    pub const fn retry_after(self) -> Option<u32> {
        match self {
            Self::RouterDown
            | Self::NoEgress
            | Self::Undeliverable
            | Self::TooManyWaiting
            | Self::OverBudget => Some(1),
            _ => None,
        }
    }

    /// Short name for counters and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RouterDown => "router-down",
            Self::RouterLost => "router-lost",
            Self::NoEgress => "no-egress",
            Self::Undeliverable => "undeliverable",
            Self::TooManyWaiting => "too-many-waiting",
            Self::OverBudget => "over-budget",
            Self::Refused => "refused",
            Self::TargetFailed => "target-failed",
            Self::NoAnswer => "no-answer",
            Self::BadReply => "bad-reply",
            Self::ClientGone => "client-gone",
        }
    }

    /// Body for clients: which hop failed and why.
    pub const fn text(self) -> &'static str {
        match self {
            Self::RouterDown => "proxy -> router: not connected to the router",
            Self::RouterLost => "proxy -> router: connection lost while the request was on its way",
            Self::NoEgress => "router -> far proxy: no proxy serves this port at the moment",
            Self::Undeliverable => "router -> far proxy: request could not be delivered",
            Self::TooManyWaiting => "proxy: too many requests are waiting",
            Self::OverBudget => "proxy: no buffer space for this request",
            Self::Refused => "far proxy: refused the request",
            Self::TargetFailed => "far proxy -> target: target failed or is not reachable",
            Self::NoAnswer => "far proxy -> target: no answer in time",
            Self::BadReply => "far proxy: answer is not a valid HTTP response",
            Self::ClientGone => "client: left before there was an answer",
        }
    }
}

// === impl Refusal ===

impl Refusal {
    /// The status for clients.
    pub const fn status(self) -> u16 {
        match self {
            Self::BadRequest(_) => 400,
            Self::Timeout => 408,
            Self::TooLarge(_) => 413,
            Self::Expectation => 417,
            Self::NotSupported(_) => 501,
        }
    }

    /// Body for clients.
    pub fn text(self) -> String {
        match self {
            Self::BadRequest(rule) => format!("proxy: {rule}"),
            Self::Timeout => "proxy: request body did not arrive in time".to_owned(),
            Self::TooLarge(limit) => format!("proxy: request body is larger than {limit} bytes"),
            Self::Expectation => "proxy: only the expectation 100-continue is known".to_owned(),
            Self::NotSupported(what) => format!("proxy: {what}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failure_statuses_and_compat() {
        for failure in Failure::ALL {
            assert!((502..=504).contains(&failure.status(false)), "{failure:?}");
            assert_eq!(failure.status(true), 500);
            assert_eq!(failure.retry_after().is_some(), failure.status(false) == 503);
        }
    }

    #[test]
    fn failure_names_are_distinct() {
        let names: std::collections::HashSet<_> = Failure::ALL.iter().map(|f| f.name()).collect();
        assert_eq!(names.len(), Failure::ALL.len());
    }
}
