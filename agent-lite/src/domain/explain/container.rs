//! Engine, disk, image and container: does it run?

use super::hints::hint;
use super::{Facts, Finding, Insight, Wanted};
use crate::domain::workload::container_name;
use crate::domain::{Health, Kind, MicroserviceState};

/// Below this share, or this many bytes, of free disk, images and containers fail in odd ways.
const LEAST_SHARE: u64 = 100;
const LEAST_BYTES: u64 = 32 << 20;

const MORE_MEMORY: &str = "give it more (iofogSettings.memoryMiB of its configuration), or less to do; the device may also have too little";

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let Some(wanted) = facts.wanted.as_ref() else { return Vec::new() };
    let mut findings = Vec::new();
    if wanted.kind == Kind::Container {
        findings.push(engine(facts));
    }
    findings.extend(disk(facts));
    match &facts.insight {
        Some(insight) => {
            findings.extend(registry(wanted, insight));
            findings.push(state(facts, wanted, insight));
        }
        None => findings.push(Finding::pending("container", "nothing was done for it yet")),
    }
    findings
}

fn engine(facts: &Facts) -> Finding {
    const SUBJECT: &str = "engine";
    let engine = &facts.engine;
    match (&engine.answered, engine.error.as_str()) {
        (Some(at), "") => Finding::good(SUBJECT, format!("{} answered at {at}", engine.url)),
        (None, "") => Finding::pending(SUBJECT, format!("{} has not answered yet", engine.url)),
        (answered, error) => {
            let last = answered.map_or("never".to_owned(), |at| format!("last at {at}"));
            Finding::problem(
                SUBJECT,
                format!("{} does not answer ({last}): {error}", engine.url),
                "start the container engine, or give its address: iofog-agent config -c URL",
            )
        }
    }
}

fn disk(facts: &Facts) -> Option<Finding> {
    let (free, size) = facts.disk;
    let low = size > 0 && (free < size / LEAST_SHARE || free < LEAST_BYTES);
    low.then(|| {
        Finding::problem(
            "disk",
            format!("{} of {} MiB are free", free >> 20, size >> 20),
            "make room: iofog-agent prune removes images that nothing uses",
        )
    })
}

fn registry(wanted: &Wanted, insight: &Insight) -> Option<Finding> {
    let id = wanted.unknown_registry.filter(|_| insight.state != MicroserviceState::Running)?;
    Some(Finding::problem(
        "image",
        format!("its registry, number {}, is not among those that the Controller sent", id.0),
        "deploy that Registry, or name another one in images.registry",
    ))
}

fn state(facts: &Facts, wanted: &Wanted, insight: &Insight) -> Finding {
    use MicroserviceState as State;
    const SUBJECT: &str = "container";
    let (state, since, name) = (insight.state.as_str(), insight.since, container_name(&facts.uuid));
    match insight.state {
        State::Running => running(wanted, insight),
        State::Pulling => Finding::pending(
            SUBJECT,
            format!("image {} is pulled since {since}: {} %", wanted.image, insight.percentage),
        ),
        State::Exiting | State::Restarting | State::StuckInRestart
            if insight.out_of_memory.is_some() && insight.error.is_empty() =>
        {
            let at = insight.out_of_memory.unwrap_or(since);
            let text = format!("killed for lack of memory at {at}; {}", restarts(insight));
            Finding::problem(SUBJECT, text, MORE_MEMORY)
        }
        State::Exiting => {
            let when =
                insight.restart_at.map_or(String::new(), |at| format!(", started again at {at}"));
            Finding::problem(
                SUBJECT,
                format!("ended by itself at {since}{when}; {}", restarts(insight)),
                format!(
                    "read what it wrote last: iofogctl logs microservice, or docker logs {name}"
                ),
            )
        }
        State::StuckInRestart => Finding::problem(
            SUBJECT,
            format!(
                "ended again and again; left alone since {since} after ten restarts within ten minutes"
            ),
            format!(
                "read what it wrote last (docker logs {name}), mend image or configuration, and deploy it again or order a rebuild"
            ),
        ),
        State::Failed => failed(insight),
        State::Unknown => Finding::problem(
            SUBJECT,
            format!("somebody paused it, or the engine changes it since {since}"),
            format!("docker unpause {name}"),
        ),
        State::Deleting
        | State::MarkedForDeletion
        | State::Deleted
        | State::Stopping
        | State::Stopped => Finding::pending(SUBJECT, format!("{state} since {since}")),
        _ if !insight.error.is_empty() => failed(insight),
        _ => Finding::pending(SUBJECT, format!("{state} since {since}")),
    }
}

fn running(wanted: &Wanted, insight: &Insight) -> Finding {
    const SUBJECT: &str = "container";
    let since = insight.started.unwrap_or(insight.since);
    let which = match &insight.container {
        Some(id) => format!(" as {:.12}", id.as_str()),
        None => String::new(),
    };
    let text = format!("running since {since}{which}");
    if !insight.error.is_empty() {
        // It runs as it was ordered before; the change failed.
        let failure = failed(insight);
        return Finding { text: format!("{text}; its change {}", failure.text), ..failure };
    }
    if insight.health == Some(Health::Unhealthy) {
        return Finding::problem(
            SUBJECT,
            format!("{text}, but its image's health check fails"),
            "read what it wrote last, and mend image or configuration; the Agent does not restart it for this",
        );
    }
    if let Some(at) = insight.out_of_memory {
        let text = format!("{text}; killed for lack of memory at {at}; {}", restarts(insight));
        return Finding::pending(SUBJECT, text).and(MORE_MEMORY);
    }
    if insight.restarts > 0 && wanted.kind == Kind::Container {
        return Finding::pending(SUBJECT, format!("{text}; {}", restarts(insight)));
    }
    Finding::good(
        SUBJECT,
        match insight.health {
            Some(Health::Healthy) => format!("{text}; its image's health check passes"),
            Some(Health::Starting) => {
                format!("{text}; its image's health check is not decided yet")
            }
            Some(Health::Unhealthy) | None => text,
        },
    )
}

fn failed(insight: &Insight) -> Finding {
    let at = insight.failed_at.unwrap_or(insight.since);
    let times = match insight.failures {
        0 | 1 => String::new(),
        count => format!(", {count} times in a row"),
    };
    let again = insight.retry_at.map_or(String::new(), |at| format!("; tried again at {at}"));
    let next =
        hint(&insight.error).unwrap_or("mend what the error names; it is tried again by itself");
    Finding::problem("container", format!("failed at {at}{times}: {}{again}", insight.error), next)
}

fn restarts(insight: &Insight) -> String {
    match insight.restarts {
        1 => "one restart within ten minutes".to_owned(),
        count => format!("{count} restarts within ten minutes"),
    }
}
