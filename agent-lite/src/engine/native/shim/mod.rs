//! The process that stands by one container: it makes it, keeps its output, publishes its ports, and writes down
//! how it ended. It outlives the Agent; the Agent finds it again by a lock and a named pipe.

mod children;
mod forward;
mod health;
mod logs;
mod prepare;
mod rootfs;

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::time::Duration;

use rustix::fs::{FlockOperation, OFlags};
use serde::{Deserialize, Serialize};
use std::os::unix::fs::OpenOptionsExt as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::LocalSet;

use super::cgroup;
use super::record::{Ended, Places, Record, Run};
use super::runtime::Runtime;
use crate::clock::Clock;
use crate::disk;
use crate::fault;
use children::Children;
use forward::Forwarders;
use logs::Logs;

/// The hidden first argument that makes a process a shim.
pub const VERB: &str = "engine-shim";
/// Time for output that is still in the pipes when the container has ended.
const DRAIN: Duration = Duration::from_millis(300);
/// How often a container is looked at whose end nobody reports.
const LOOK: Duration = Duration::from_millis(500);
const MAX_ORDER: u64 = 1 << 16;

/// What the Agent orders.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    /// Which container.
    pub id: String,
    /// Where things lie.
    pub library: std::path::PathBuf,
    /// Folder of the current boot.
    pub run: std::path::PathBuf,
    /// Who makes it.
    pub runtime: Runtime,
    /// Address of the node towards containers.
    pub gateway: Ipv4Addr,
    /// The container runs, its shim is gone: stand by it again.
    pub resume: bool,
}

/// A container being stood by.
struct Session {
    order: Order,
    places: Places,
    record: Record,
    run: Run,
    forwarders: Forwarders,
    /// Held for as long as this process lives.
    _lock: File,
    /// `alive`, then those of the output.
    pipes: [File; 3],
}

/// Runs the shim.
pub fn main() -> ExitCode {
    let mut text = String::new();
    let read = io::stdin().take(MAX_ORDER).read_to_string(&mut text);
    let order = read.and_then(|_| Ok(serde_json::from_slice::<Order>(text.as_bytes())?));
    match order.and_then(open) {
        Ok(session) => {
            tell("ok");
            session.stand_by()
        }
        Err(error) => {
            tell(&error.to_string().replace('\n', " "));
            ExitCode::FAILURE
        }
    }
}

/// One line to whoever started this, who may be gone; then the pipe is given up.
fn tell(line: &str) {
    let mut out = io::stdout().lock();
    let _ = out
        .write_all(line.as_bytes())
        .and_then(|()| out.write_all(b"\n"))
        .and_then(|()| out.flush());
    drop(out);
    if let Ok(null) = File::options().write(true).open("/dev/null") {
        let _ = rustix::stdio::dup2_stdout(&null);
    }
}

fn open(order: Order) -> io::Result<Session> {
    let places = Places { library: order.library.clone(), run: order.run.clone() };
    let record = places
        .record(&order.id)?
        .ok_or_else(|| io::Error::other("container is not there any more"))?;
    let folder = places.run_of(&order.id);
    std::fs::create_dir_all(&folder)?;
    let lock = File::create(folder.join("lock"))?;
    rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive)
        .map_err(|_| io::Error::other("container has its shim already"))?;
    // Nothing that ends the Agent's session or service may end this.
    let _ = rustix::process::setsid();
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    for name in ["out", "err", "alive"] {
        prepare::make_fifo(&folder.join(name))?;
    }
    let pipe = |name: &str| File::options().read(true).write(true).open(folder.join(name));
    let alive = File::options()
        .read(true)
        .write(true)
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
        .open(folder.join("alive"));
    // Output stays in the pipes only while somebody has them open, however short the container lives.
    let held = [alive?, pipe("out")?, pipe("err")?];
    let forwarders = Forwarders::bind(&record);
    let (run, forwarders) = if order.resume {
        let run = places.last_run(&order.id)?.filter(Run::is_alive);
        let run = run.ok_or_else(|| io::Error::other("container does not run"))?;
        // The last shim may have ended between noting the run and beginning it. One that has begun is left alone by the runtime.
        let _ = order.runtime.call(&folder.join("runtime.log"), ["start", &order.id]);
        (run, forwarders.unwrap_or_default())
    } else {
        let forwarders = forwarders?;
        (prepare::start(&order, &places, &record)?, forwarders)
    };
    Ok(Session { order, places, record, run, forwarders, _lock: lock, pipes: held })
}

// === impl Session ===

impl Session {
    /// The pipe that the Agent listens to.
    fn alive(&self) -> &File {
        let [alive, ..] = &self.pipes;
        alive
    }

    fn stand_by(self) -> ExitCode {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let ended = match runtime {
            Ok(runtime) => LocalSet::new().block_on(&runtime, self.watch()),
            Err(error) => Err(error),
        };
        let code = ended.unwrap_or(None);
        let out_of_memory = code != Some(0) && cgroup::killed_for_memory(&self.order.id);
        let log = self.places.run_of(&self.order.id).join("runtime.log");
        // Control group and state of the runtime; the container itself is gone.
        let _ = self.order.runtime.call(&log, ["delete", "--force", &self.order.id]);
        let ended = Ended { code, finished: Clock::new().epoch(), out_of_memory };
        let path = self.places.run_of(&self.order.id).join("exit.json");
        let written = serde_json::to_vec(&ended).map_err(io::Error::from);
        fault::before("native.end");
        let written = written.and_then(|bytes| disk::write_atomically(&path, &bytes));
        fault::after("native.end");
        match written {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        }
    }

    /// Until the container has ended; its exit code, when it was seen.
    async fn watch(&self) -> io::Result<Option<i32>> {
        // At a shutdown everybody is told to end; the container must be seen ending.
        let mut terminate = signal(SignalKind::terminate())?;
        let mut children = signal(SignalKind::child())?;
        let mut hangup = signal(SignalKind::hangup())?;
        let folder = self.places.run_of(&self.order.id);
        let logs = Logs::open(&self.places.container(&self.order.id), self.record.log_files)?;
        let follow = iofog_task::spawn(logs.follow(folder.join("out"), folder.join("err")));
        self.forwarders.run();
        let ours = Children::new(self.run.pid);
        let mut health = std::pin::pin!(health::watch(self, &ours));
        // It may have ended before anybody listened: look first, then wait.
        let code = loop {
            if let Some(code) = ours.reap() {
                break Some(code);
            }
            if !self.run.is_alive() {
                break None;
            }
            tokio::select! {
                _ = children.recv() => {}
                () = &mut health => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
                () = tokio::time::sleep(LOOK), if self.order.resume => {}
            }
        };
        tokio::time::sleep(DRAIN).await;
        follow.abort();
        Ok(code)
    }
}
