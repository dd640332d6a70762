//! Is it ordered here, and does the order arrive?

use super::{ContactState, Facts, Finding};
use crate::domain::Kind;

/// A clock before this (2024-01-01) was never set: certificates look as if they were not valid yet.
const CLOCK_WAS_SET: u64 = 1_704_067_200_000;

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    vec![contact(facts), order(facts)]
}

fn contact(facts: &Facts) -> Finding {
    const SUBJECT: &str = "controller";
    let contact = &facts.contact;
    let since = contact.since;
    match contact.state {
        ContactState::Connected => Finding::good(SUBJECT, format!("connected since {since}")),
        ContactState::NotProvisioned => Finding::problem(
            SUBJECT,
            "this node belongs to no Controller, so nothing is ordered",
            "iofog-agent provision KEY, with a key from: iofogctl (or the Controller) for this Agent",
        ),
        ContactState::BrokenCertificate if facts.now.0 < CLOCK_WAS_SET => Finding::pending(
            SUBJECT,
            format!("its certificate is refused since {since}; the clock of this device was never set: {}", contact.error),
        )
        .and("set the clock of the device; what was ordered before runs meanwhile"),
        ContactState::BrokenCertificate => Finding::pending(
            SUBJECT,
            format!("its certificate is refused since {since}: {}", contact.error),
        )
        .and("give the certificate that signed it: iofog-agent config -ac FILE; what was ordered before runs meanwhile"),
        ContactState::Lost => {
            let error = match contact.error.as_str() {
                "" => "no call was answered yet",
                error => error,
            };
            Finding::pending(SUBJECT, format!("not connected since {since}: {error}"))
                .and("check its address with iofog-agent info, and the network to it; what was ordered before runs meanwhile")
        }
    }
}

fn order(facts: &Facts) -> Finding {
    const SUBJECT: &str = "order";
    let list = match facts.listed {
        Some(at) => format!("the list of {at}"),
        None => "the list of an earlier run (none was taken since this Agent began)".to_owned(),
    };
    let Some(wanted) = &facts.wanted else {
        let held = match &facts.insight {
            Some(_) if facts.listed.is_some() => "; its container is removed",
            Some(_) => "; its container stays until a list is taken",
            None => "",
        };
        let text = format!("{list} does not name it{held}");
        let next = "see to which Agent it is deployed: iofogctl describe microservice";
        return Finding::problem(SUBJECT, text, next);
    };
    if wanted.delete {
        return Finding::pending(SUBJECT, format!("{list} orders it to go"));
    }
    match wanted.kind {
        Kind::Container => Finding::good(SUBJECT, format!("image {}, by {list}", wanted.image)),
        Kind::Router => Finding::good(SUBJECT, format!("the Router inside this Agent, by {list}")),
        Kind::Proxy => Finding::good(SUBJECT, format!("the Proxy inside this Agent, by {list}")),
    }
}
