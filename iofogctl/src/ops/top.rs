//! `top`: what Agents and microservices use right now, the busiest first.

use std::collections::HashMap;
use std::io::IsTerminal as _;
use std::time::Duration;

use super::Context;
use super::listings::{self, joined};
use crate::output::{self, Column, Format, Listing};
use crate::rest::{Agent, Client, Microservice};
use crate::text::Result;
use crate::text::time::{Moment, age};

const AGENTS: &[Column] = &[
    Column { heading: "AGENT", field: "name", wide: false },
    Column { heading: "STATUS", field: "status", wide: false },
    Column { heading: "CPU %", field: "cpu", wide: false },
    Column { heading: "MEMORY MB", field: "memory", wide: false },
    Column { heading: "DISK MB", field: "disk", wide: false },
    Column { heading: "RUNNING", field: "running", wide: false },
    Column { heading: "HEARD", field: "heard", wide: false },
];

const MICROSERVICES: &[Column] = &[
    Column { heading: "MICROSERVICE", field: "name", wide: false },
    Column { heading: "AGENT", field: "agent", wide: false },
    Column { heading: "STATUS", field: "status", wide: false },
    Column { heading: "CPU %", field: "cpu", wide: false },
    Column { heading: "MEMORY MB", field: "memory", wide: false },
];

/// To the top left corner, and nothing below it.
const CLEAR: &str = "\u{1b}[H\u{1b}[J";
const MEBIBYTE: f64 = 1_048_576.0;

/// Prints the tables once, or anew every `pause` while standard output is a terminal.
///
/// # Errors
/// The Controller cannot be asked the first time; later failures are shown in place of the tables.
pub fn watch(context: &mut Context, pause: Option<Duration>, format: Format) -> Result<()> {
    let client = context.client()?;
    let first = tables(&client)?;
    let tables_wanted = matches!(format, Format::Usual | Format::Wide);
    let Some(pause) = pause.filter(|_| tables_wanted && std::io::stdout().is_terminal()) else {
        return listings::show(None, first.map(Ok).into(), format);
    };
    let mut shown = Ok(first);
    loop {
        let text = match shown {
            Ok(tables) => tables.map(|table| table.table(false)).concat(),
            Err(error) => format!("{error}\n"),
        };
        let heading = format!(
            "{}  {}  every {} s, Ctrl-C ends\n\n",
            context.namespace,
            Moment::now().unix_date(),
            pause.as_secs()
        );
        output::stdout(&format!("{CLEAR}{heading}{text}"));
        std::thread::sleep(pause);
        shown = tables(&client);
    }
}

fn tables(client: &Client) -> Result<[Listing; 2]> {
    let (agents, microservices) = std::thread::scope(|scope| {
        let microservices = scope.spawn(|| client.microservices());
        (client.agents(false), joined(microservices))
    });
    Ok(of(agents?, microservices?, Moment::now()))
}

fn of(mut agents: Vec<Agent>, mut microservices: Vec<Microservice>, now: Moment) -> [Listing; 2] {
    microservices.retain(|microservice| !microservice.is_system());
    agents.sort_by(|one, other| other.cpu_usage.total_cmp(&one.cpu_usage));
    microservices.sort_by(|one, other| other.status.cpu_usage.total_cmp(&one.status.cpu_usage));
    let names: HashMap<&str, &str> =
        agents.iter().map(|agent| (agent.uuid.as_str(), agent.name.as_str())).collect();
    let rows = agents.iter().map(|agent| agent_row(agent, &microservices, now)).collect();
    let agent_table = Listing { field: "agents", columns: AGENTS, rows };
    let row = |one: &Microservice| {
        let agent = names.get(one.iofog_uuid.as_str()).copied().unwrap_or("-");
        vec![
            format!("{}/{}", one.application, one.name),
            agent.to_owned(),
            or_dash(&one.status.status),
            format!("{:.1}", one.status.cpu_usage),
            format!("{:.1}", one.status.memory_usage / MEBIBYTE),
        ]
    };
    let rows = microservices.iter().map(row).collect();
    [agent_table, Listing { field: "microservices", columns: MICROSERVICES, rows }]
}

fn agent_row(agent: &Agent, microservices: &[Microservice], now: Moment) -> Vec<String> {
    let own: Vec<&Microservice> =
        microservices.iter().filter(|one| one.iofog_uuid == agent.uuid).collect();
    let running = own.iter().filter(|one| one.status.status == "RUNNING").count();
    let heard = match agent.last_active / 1000 {
        0 => "never".to_owned(),
        at => format!("{} ago", age(Moment(at), now)),
    };
    vec![
        agent.name.clone(),
        or_dash(&agent.daemon_status),
        format!("{:.1}", agent.cpu_usage),
        format!("{:.1}", agent.memory_usage),
        format!("{:.1}", agent.disk_usage),
        format!("{running}/{}", own.len()),
        heard,
    ]
}

fn or_dash(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rest::MicroserviceStatus;

    #[test]
    fn the_busiest_come_first_and_system_microservices_stay_out() {
        let agent = |name: &str, cpu_usage: f64| Agent {
            uuid: format!("uuid-{name}"),
            name: name.to_owned(),
            cpu_usage,
            last_active: 40_000,
            ..Agent::default()
        };
        let microservice = |name: &str, agent: &str, catalog_item_id: i64, cpu: f64| Microservice {
            name: name.to_owned(),
            application: "app".to_owned(),
            iofog_uuid: format!("uuid-{agent}"),
            catalog_item_id,
            status: MicroserviceStatus {
                status: "RUNNING".to_owned(),
                cpu_usage: cpu,
                memory_usage: 3.0 * MEBIBYTE,
                ..MicroserviceStatus::default()
            },
            ..Microservice::default()
        };
        let [agents, microservices] = of(
            vec![agent("idle", 1.0), agent("busy", 9.0)],
            vec![
                microservice("slow", "idle", 0, 0.5),
                microservice("router", "idle", 1, 50.0),
                microservice("fast", "gone", 0, 2.0),
            ],
            Moment(100),
        );
        let first = |listing: &Listing| -> Vec<String> {
            listing.rows.iter().map(|row| row[0].clone()).collect()
        };
        assert_eq!(first(&agents), ["busy", "idle"]);
        assert_eq!(agents.rows[1][5..], ["1/1", "1m0s ago"]);
        assert_eq!(first(&microservices), ["app/fast", "app/slow"]);
        assert_eq!(microservices.rows[0][1..], ["-", "RUNNING", "2.0", "3.0"]);
    }
}
