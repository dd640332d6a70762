//! Does it send, does it receive, and does the Router carry it?

use super::{Facts, Finding, Flow, Wanted};
use crate::domain::Kind;
use crate::ids::MicroserviceUuid;

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let wanted = facts.wanted.as_ref().filter(|one| one.kind == Kind::Container && !one.delete);
    let Some(wanted) = wanted else { return Vec::new() };
    let flow = &facts.flow;
    let mut findings = Vec::new();
    if let Some((why, since)) = &flow.closed {
        let text = format!("no message is taken since {since}: {why}");
        findings.push(Finding::problem(
            "messages",
            text,
            "mend the folder below -dl (iofog-agent info); the Agent tries again by itself",
        ));
    }
    findings.extend(router(wanted, flow));
    findings.extend(sending(wanted, flow));
    findings.push(receiving(facts, wanted, flow));
    if !flow.given_up.is_empty() {
        let each: Vec<String> =
            flow.given_up.iter().map(|(count, reason)| format!("{count} {reason}")).collect();
        let text =
            format!("messages from it were given up since the Agent began: {}", each.join(", "));
        findings.push(Finding::pending("messages", text).and(
            "quicker receivers, a larger quota (iofog-agent config --message_quota MiB) or other iofogSettings.messages in its configuration keep more",
        ));
    }
    findings
}

fn router(wanted: &Wanted, flow: &Flow) -> Option<Finding> {
    const SUBJECT: &str = "router";
    if wanted.routes.is_empty() && !wanted.is_consumer {
        return None;
    }
    let Some(place) = &flow.router.place else {
        let far = wanted.routes.iter().any(|(_, here)| !here);
        let text = "this node knows no Router: messages are handed over inside it only";
        return Some(match far {
            false => Finding::pending(SUBJECT, text),
            true => Finding::problem(
                SUBJECT,
                format!("{text}, and a receiver is on another node"),
                "give the Agent a Router: routerMode edge, or none with a networkRouter (iofogctl describe agent-config)",
            ),
        });
    };
    let since = flow.router.since;
    Some(match flow.router.connected {
        true => Finding::good(SUBJECT, format!("{place}, connected since {since}")),
        false => Finding::problem(
            SUBJECT,
            format!(
                "{place} is not reached since {since}; messages from and for other nodes wait meanwhile"
            ),
            "check that the Router runs and the network to it; a Router inside this Agent: iofog-agent explain with its uuid",
        ),
    })
}

fn sending(wanted: &Wanted, flow: &Flow) -> Option<Finding> {
    const SUBJECT: &str = "sending";
    let waiting: usize = flow.outgoing.iter().map(|(_, count)| count).sum();
    let sent = match flow.sent {
        Some((count, at)) => format!("{count} sent since the Agent began, the last at {at}"),
        None => "nothing sent since the Agent began".to_owned(),
    };
    if wanted.routes.is_empty() {
        let (count, at) = flow.sent?;
        return Some(Finding::problem(
            SUBJECT,
            format!("{count} messages were sent without a route and dropped, the last at {at}"),
            "deploy a Route from it to its receiver",
        ));
    }
    if waiting > 0 {
        let next = "the receiver is slow or away: iofog-agent explain RECEIVER, on its node";
        let text = format!("{sent}; not taken yet: {}", counts(&flow.outgoing));
        return Some(Finding::pending(SUBJECT, text).and(next));
    }
    let routes = wanted.routes.len();
    let text = format!("{sent}, to {routes} receiver{}; none waits", plural(routes));
    Some(match flow.sent {
        Some(_) => Finding::good(SUBJECT, text),
        None => Finding::pending(SUBJECT, text),
    })
}

fn receiving(facts: &Facts, wanted: &Wanted, flow: &Flow) -> Finding {
    const SUBJECT: &str = "receiving";
    if !wanted.is_consumer {
        return Finding::good(SUBJECT, "no route ends at it, so it receives nothing");
    }
    let mailbox = &flow.mailbox;
    let asked = match (mailbox.listening, mailbox.asked) {
        (true, Some(at)) => format!("its message socket is open since {at}"),
        (true, None) => "its message socket is open".to_owned(),
        (false, Some(at)) => format!("its message socket is not open, it last asked at {at}"),
        (false, None) => "it never opened its message socket, nor asked".to_owned(),
    };
    if mailbox.waiting > 0 && !mailbox.listening {
        return Finding::problem(
            SUBJECT,
            format!("{} messages wait for it; {asked}", mailbox.waiting),
            format!(
                "the program must open /v2/message/socket/id/{} or ask /v2/messages/next",
                facts.uuid
            ),
        );
    }
    if mailbox.waiting + mailbox.handed > 0 {
        let text = format!(
            "{} wait, {} handed out and not acknowledged; {asked}",
            mailbox.waiting, mailbox.handed
        );
        return Finding::pending(SUBJECT, text)
            .and("when it stays like this, the program reads slowly or does not acknowledge");
    }
    if !flow.incoming.is_empty() {
        let text = format!("on their way from this node: {}; {asked}", counts(&flow.incoming));
        return Finding::pending(SUBJECT, text);
    }
    match mailbox.arrived {
        Some(at) => Finding::good(SUBJECT, format!("last message at {at}, none waits; {asked}")),
        None => silent(wanted, &asked),
    }
}

/// Nothing ever came.
fn silent(wanted: &Wanted, asked: &str) -> Finding {
    let text = format!("nothing arrived since the Agent began; {asked}");
    let finding = Finding::pending("receiving", text);
    match wanted.publishers.first() {
        Some(sender) => {
            finding.and(format!("look at a sender on this node: iofog-agent explain {sender}"))
        }
        None => finding.and("its senders are on other nodes: iofog-agent explain SENDER there"),
    }
}

fn counts(list: &[(MicroserviceUuid, usize)]) -> String {
    let each: Vec<String> = list.iter().map(|(who, count)| format!("{count} ({who})")).collect();
    each.join(", ")
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}
