//! `controller-load`: puts load on a Controller, one sub-command per row of the table in SPECIFICATION.md.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use argh::FromArgs;
use iofog_bench::controller::client::Target;
use iofog_bench::controller::estate::{self, Estate};
use iofog_bench::controller::load::Shape;
use iofog_bench::controller::report::Report;
use iofog_bench::controller::server::{self, Process};
use iofog_bench::controller::{deploy, fleet, provision, requests, start};
use serde_json::json;
use xtask::tools::{files, say};

/// Puts load on a Controller and says what it cost. It makes users load-N@bench.example and agents load-N-M there, which
/// stay; everything else it makes it removes again.
#[derive(FromArgs)]
struct Arguments {
    /// base URL (default http://127.0.0.1:51121/api/v3)
    #[argh(option, default = "\"http://127.0.0.1:51121/api/v3\".to_owned()")]
    base: String,
    /// process of the server (default: the one that listens on the URL's port)
    #[argh(option)]
    pid: Option<u32>,
    /// agents that are present (default 1000)
    #[argh(option, default = "1000")]
    agents: usize,
    /// requests in flight (default 64)
    #[argh(option, default = "64")]
    connections: usize,
    /// requests of each row; each row has a default of its own
    #[argh(option)]
    requests: Option<usize>,
    /// file to write the report to, as JSON
    #[argh(option)]
    json: Option<PathBuf>,
    /// empty folder for servers that are started; it stands for {{data}} in their command
    #[argh(option, default = "std::env::temp_dir().join(\"controller-load\")")]
    data: PathBuf,
    #[argh(subcommand)]
    row: Row,
}

#[derive(FromArgs)]
#[argh(subcommand)]
enum Row {
    Start(Start),
    Size(Size),
    Memory(Memory),
    Changes(Changes),
    Status(Status),
    List(List),
    Deploy(Deploy),
    Provision(Provision),
    Fleet(Fleet),
    All(All),
}

/// From the command, on an empty folder, to the first 200.
#[derive(FromArgs)]
#[argh(subcommand, name = "start")]
struct Start {
    /// how often (default 10)
    #[argh(option, default = "10")]
    times: usize,
    /// the command that serves
    #[argh(positional, greedy)]
    command: Vec<String>,
}

/// Bytes of a program, or of a folder that holds one.
#[derive(FromArgs)]
#[argh(subcommand, name = "size")]
struct Size {
    /// files and folders
    #[argh(positional)]
    paths: Vec<PathBuf>,
}

/// Resident memory: idle with the agents present, and the peak while they are listed.
#[derive(FromArgs)]
#[argh(subcommand, name = "memory")]
struct Memory {}

/// GET agent/config/changes.
#[derive(FromArgs)]
#[argh(subcommand, name = "changes")]
struct Changes {}

/// PUT agent/status.
#[derive(FromArgs)]
#[argh(subcommand, name = "status")]
struct Status {}

/// GET iofog-list.
#[derive(FromArgs)]
#[argh(subcommand, name = "list")]
struct List {}

/// POST application with three microservices and a route; deleting them again is a line of its own.
#[derive(FromArgs)]
#[argh(subcommand, name = "deploy")]
struct Deploy {}

/// Create, key and provision as many agents as --requests says (1000), beside those present.
#[derive(FromArgs)]
#[argh(subcommand, name = "provision")]
struct Provision {}

/// All agents live at the default intervals while the list of a thousand is asked for every second.
#[derive(FromArgs)]
#[argh(subcommand, name = "fleet")]
struct Fleet {
    /// seconds (default 60)
    #[argh(option, default = "60")]
    seconds: u64,
    /// connections that are kept, shared where agents are more; 0 = a new one for each request (default 0)
    #[argh(option, default = "0")]
    kept: usize,
}

/// Starts a server and runs all rows on it.
#[derive(FromArgs)]
#[argh(subcommand, name = "all")]
struct All {
    /// program file or folder for the row of the size
    #[argh(option)]
    installed: Option<PathBuf>,
    /// seconds that the agents live, once with new and once with kept connections (default 60)
    #[argh(option, default = "60")]
    seconds: u64,
    /// the command that serves
    #[argh(positional, greedy)]
    command: Vec<String>,
}

fn main() -> ExitCode {
    let arguments: Arguments = argh::from_env();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let local = tokio::task::LocalSet::new();
    let result = runtime
        .context("cannot start the runtime")
        .and_then(|runtime| local.block_on(&runtime, run(arguments)));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say::line(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<()> {
    let mut bench = Bench {
        target: Target::new(&arguments.base)?,
        connections: arguments.connections,
        requests: arguments.requests,
        report: Report::default(),
    };
    let count = arguments.agents;
    match &arguments.row {
        Row::Start(row) => bench.start(&row.command, &arguments.data, row.times).await?,
        Row::Size(row) => row.paths.iter().try_for_each(|path| bench.size(path))?,
        Row::All(row) => bench.all(row, &arguments.data, count).await?,
        row => {
            let server = match arguments.pid {
                Some(pid) => Process(pid),
                None => Process::listening_on(bench.target.address)?,
            };
            let estate = estate::prepare(&bench.target, count).await?;
            bench.row(row, server, &estate).await?;
        }
    }
    say::line("");
    say::line(&bench.report.table());
    if let Some(path) = &arguments.json {
        files::write_json(path, &bench.report)?;
    }
    Ok(())
}

struct Bench {
    target: Target,
    connections: usize,
    requests: Option<usize>,
    report: Report,
}

impl Bench {
    /// The ways in which a row is measured: kept connections, and new ones.
    fn shapes(&self, usual: usize) -> [Shape; 2] {
        let (requests, connections) = (self.requests.unwrap_or(usual), self.connections);
        [true, false].map(|kept| Shape { requests, connections, kept })
    }

    async fn row(&mut self, row: &Row, server: Process, estate: &Estate) -> Result<()> {
        let target = self.target.clone();
        match row {
            Row::Memory(_) => {
                requests::memory(&target, server, estate, &mut self.report).await?;
            }
            Row::Changes(_) => {
                for shape in self.shapes(50_000) {
                    let outcome = requests::changes(&target, server, estate, shape).await?;
                    self.report.outcome("GET agent/config/changes", &shape.way(), &outcome);
                }
            }
            Row::Status(_) => {
                for shape in self.shapes(50_000) {
                    let outcome = requests::status(&target, server, estate, shape).await?;
                    self.report.outcome("PUT agent/status", &shape.way(), &outcome);
                }
            }
            Row::List(_) => {
                for shape in self.shapes(50) {
                    let shape = Shape { connections: shape.connections.min(4), ..shape };
                    let outcome = requests::list(&target, server, estate, shape).await?;
                    self.report.outcome("GET iofog-list", &shape.way(), &outcome);
                }
            }
            Row::Deploy(_) => {
                for shape in self.shapes(2000) {
                    let (created, deleted) = deploy::deploy(&target, server, estate, shape).await?;
                    self.report.outcome("POST application", &shape.way(), &created);
                    self.report.outcome("DELETE application", &shape.way(), &deleted);
                }
            }
            Row::Provision(_) => {
                let count = self.requests.unwrap_or(1000);
                let outcome =
                    provision::provision(&target, server, estate, count, self.connections).await?;
                let way = format!("{} at a time", self.connections);
                let mut figures = outcome.figures();
                figures["seconds"] = json!(outcome.took.as_secs_f64());
                self.report.add("provision (an agent = 3 requests)", &way, figures);
            }
            Row::Fleet(row) => {
                let lasting = Duration::from_secs(row.seconds);
                let carried = fleet::carry(&target, server, estate, row.kept, lasting).await?;
                let way = match row.kept {
                    0 => "new connections".to_owned(),
                    kept => format!("{kept} kept connections"),
                };
                self.report.add("agents carried", &way, carried.figures());
                if let Some(reason) = carried.failed.1 {
                    say::line(&format!("the first failure: {reason}"));
                }
            }
            // These need no server that runs already.
            Row::Start(_) | Row::Size(_) | Row::All(_) => {}
        }
        Ok(())
    }

    async fn start(&mut self, command: &[String], data: &Path, times: usize) -> Result<()> {
        let spread = start::measure(&self.target, command, data, times).await?;
        let figures = json!({ "median_ms": spread.median.round(), "min_ms": spread.min.round(),
            "max_ms": spread.max.round() });
        self.report.add("start to first 200", &format!("{times} times, empty database"), figures);
        Ok(())
    }

    fn size(&mut self, path: &Path) -> Result<()> {
        let bytes = server::size_of(path)?;
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        self.report.add("installed size", &name, json!({ "bytes": bytes }));
        Ok(())
    }

    async fn all(&mut self, row: &All, data: &Path, count: usize) -> Result<()> {
        self.start(&row.command, data, 5).await?;
        if let Some(path) = &row.installed {
            self.size(path)?;
        }
        let _server = start::start(&self.target, &row.command, data).await?;
        // The command may be a wrapper: who listens is who serves.
        let server = Process::listening_on(self.target.address)?;
        self.report.memory("memory", "after the start", server.memory()?.now_kb);
        let estate = estate::prepare(&self.target, count).await?;
        let rows = [
            Row::Memory(Memory {}),
            Row::Changes(Changes {}),
            Row::Status(Status {}),
            Row::List(List {}),
            Row::Deploy(Deploy {}),
            Row::Provision(Provision {}),
            Row::Fleet(Fleet { seconds: row.seconds, kept: 0 }),
            Row::Fleet(Fleet { seconds: row.seconds, kept: count.min(9000) }),
        ];
        for row in rows {
            self.row(&row, server, &estate).await?;
        }
        Ok(())
    }
}
