//! Figures of a router, beside other routers when their programs are given, in turns on one machine: time to
//! start, memory, processor time per message, rates, latency. `cargo run --release -p iofog-router --example
//! figures -- --help`. A bare relay of frames in the place of a router shows what the generator itself can do.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::panic,
    reason = "a tool for people: failures end it"
)]

mod hot_path;
mod load;
mod peer;
mod relay;
mod report;
mod rows;
mod subject;

use std::path::PathBuf;
use std::time::Duration;

use argh::FromArgs;

use report::Report;
use rows::Row;
use subject::Subject;

/// Measures routers.
#[derive(Debug, FromArgs)]
struct Arguments {
    /// our router (default: the one beside the folder of this program)
    #[argh(option)]
    router: Option<PathBuf>,
    /// a Qpid Dispatch or skupper router as NAME=PROGRAM; may be repeated
    #[argh(option)]
    peer: Vec<String>,
    /// turns of all rows over all routers (default: 3)
    #[argh(option, default = "3")]
    rounds: usize,
    /// seconds of load for each row (default: 2)
    #[argh(option, default = "2")]
    seconds: u64,
    /// only rows whose name has this in it
    #[argh(option, default = "String::new()")]
    only: String,
    /// forward so many messages through the core alone, and end
    #[argh(option)]
    hot_path: Option<u32>,
    /// with --hot-path: settled by the sender
    #[argh(switch)]
    settled: bool,
    /// be the bare relay on this port (for this program's own use)
    #[argh(option)]
    relay: Option<u16>,
}

fn main() {
    let arguments: Arguments = argh::from_env();
    if let Some(port) = arguments.relay {
        return relay::run(port);
    }
    if let Some(count) = arguments.hot_path {
        return hot_path::run(count, arguments.settled);
    }
    let mut subjects = vec![Subject::relay(), Subject::ours(arguments.router)];
    subjects.extend(arguments.peer.iter().map(|given| Subject::peer(given)));
    let rows: Vec<Row> =
        Row::all().into_iter().filter(|row| row.name.contains(&arguments.only)).collect();
    let span = Duration::from_secs(arguments.seconds);
    let mut report = Report::default();
    for round in 1..=arguments.rounds {
        for row in &rows {
            for subject in subjects.iter().filter(|subject| row.fits(subject)) {
                let figures = row.measure(subject, span);
                println!("round {round}: {}, {}: {figures}", row.name, subject.name);
                report.add(row.name, &subject.name, figures);
            }
        }
    }
    println!("\nmedians of {} rounds\n{}", arguments.rounds, report.table());
}
