//! Containers from creation to removal, and what their shims say of them.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::rc::Rc;
use std::time::Duration;

use iofog_sorted::SortedSet;
use rustix::fs::FlockOperation;
use rustix::process::Signal;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::unix::pipe;
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use super::image::{ImageStore, Reference};
use super::record::{GONE, Places, RECORD, Record, Run};
use super::runtime::Runtime;
use super::{Shared, refused, shim};
use crate::domain::{
    Container, ContainerId, ContainerSpec, ContainerState, Done, Failure, NetworkMode,
};
use crate::fault;

/// Time a workload gets to end by itself.
const STOP_PATIENCE: Duration = Duration::from_secs(10);
/// Time until a killed one must be gone.
const KILL_PATIENCE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(50);

/// All containers of this engine.
pub(super) async fn list(shared: &Rc<Shared>) -> Result<Vec<Container>, Failure> {
    let mut containers = Vec::new();
    for record in shared.places.records().map_err(refused)? {
        let id = record.container_id();
        let (state, run) = state(shared, &record.id).map_err(refused)?;
        if state == ContainerState::Running {
            stand_by(shared, &record);
        }
        containers.push(Container {
            name: record.name,
            fog: Some(record.fog),
            microservice: record.microservice,
            state,
            fingerprint: Some(record.fingerprint),
            rebuild: record.rebuild,
            address: record.address.map(Into::into).filter(|_| state == ContainerState::Running),
            out_of_memory: state == ContainerState::Exited && ended_for_memory(shared, &record.id),
            health: shared.places.health(&record.id).filter(|_| state == ContainerState::Running),
            started: run.filter(|_| state == ContainerState::Running).map(|run| run.started),
            id,
        });
    }
    Ok(containers)
}

/// Its last run ended for lack of memory.
fn ended_for_memory(shared: &Shared, id: &str) -> bool {
    matches!(shared.places.last_end(id), Ok(Some(ended)) if ended.out_of_memory)
}

/// How a container stands, and its last run of this boot.
fn state(shared: &Shared, id: &str) -> io::Result<(ContainerState, Option<Run>)> {
    let run = shared.places.last_run(id)?;
    let ended = shared.places.last_end(id)?;
    let state = match &run {
        None if ended.is_some() => ContainerState::Exited,
        None if has_shim(&shared.places.run_of(id)) => ContainerState::Changing,
        None => ContainerState::Created,
        Some(_) if ended.is_some() => ContainerState::Exited,
        Some(run) if run.is_alive() => ContainerState::Running,
        // Its end is being written down.
        Some(_) if has_shim(&shared.places.run_of(id)) => ContainerState::Changing,
        Some(_) => ContainerState::Exited,
    };
    Ok((state, run))
}

/// A shim holds the lock.
fn has_shim(run: &Path) -> bool {
    match File::open(run.join("lock")) {
        Ok(lock) => rustix::fs::flock(&lock, FlockOperation::NonBlockingLockShared).is_err(),
        Err(_) => false,
    }
}

/// Makes the container: a record, nothing more, until it is started.
pub(super) fn create(shared: &Shared, spec: &ContainerSpec) -> Result<Done, Failure> {
    let records = shared.places.records().map_err(refused)?;
    if records.iter().any(|record| record.name == spec.name) {
        return Err(Failure::NameTaken(spec.name.clone()));
    }
    let missing = |detail: String| Failure::ImageMissing { image: spec.image.clone(), detail };
    let reference = Reference::parse(&spec.image).map_err(|error| missing(error.to_string()))?;
    let store = ImageStore::open(&shared.places.library).map_err(refused)?;
    let image = store.find(&reference).ok_or_else(|| missing(String::new()))?;
    let address = if spec.network == NetworkMode::Host {
        None
    } else {
        let used: SortedSet<_> = records.iter().filter_map(|record| record.address).collect();
        let free = shared.subnet()?.free(&used);
        Some(free.ok_or_else(|| {
            Failure::Refused("all addresses of the container network are in use".to_owned())
        })?)
    };
    for volume in &spec.volumes {
        super::bundle::check_volume(volume).map_err(Failure::Refused)?;
    }
    let record = Record::new(new_id()?, spec, image, address);
    fault::before("native.record");
    shared.places.put(&record).map_err(refused)?;
    fault::after("native.record");
    Ok(Done::Created(record.container_id()))
}

fn new_id() -> Result<String, Failure> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| Failure::Refused(error.to_string()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Starts a container that does not run.
pub(super) async fn start(shared: &Rc<Shared>, id: &ContainerId) -> Result<Done, Failure> {
    let record = known(shared, id)?;
    match state(shared, &record.id).map_err(refused)?.0 {
        ContainerState::Running => return Ok(Done::Ok),
        ContainerState::Changing => {
            return Err(Failure::Refused("container is changing, later again".to_owned()));
        }
        _ => {}
    }
    start_shim(shared, &record, false).await?;
    stand_by(shared, &record);
    shared.changed.notify_one();
    Ok(Done::Ok)
}

async fn start_shim(shared: &Shared, record: &Record, resume: bool) -> Result<(), Failure> {
    let run = shared.places.run_of(&record.id);
    fs::create_dir_all(&run).map_err(refused)?;
    let order = shim::Order {
        id: record.id.clone(),
        library: shared.places.library.clone(),
        run: shared.places.run.clone(),
        runtime: runtime(shared)?,
        gateway: shared.subnet()?.gateway,
        resume,
    };
    let line = ask_shim(shared, &order, &run).await.map_err(refused)?;
    match line.as_str() {
        "ok" => Ok(()),
        "" => Err(Failure::Refused("shim ended early, see shim.log".to_owned())),
        reason => Err(Failure::Refused(reason.to_owned())),
    }
}

async fn ask_shim(shared: &Shared, order: &shim::Order, run: &Path) -> io::Result<String> {
    let errors = File::create(run.join("shim.log"))?;
    let mut child = Command::new(&shared.options.program)
        .arg(shim::VERB)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(errors)
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(&serde_json::to_vec(order)?).await?;
    }
    let mut line = String::new();
    if let Some(output) = child.stdout.take() {
        BufReader::new(output.take(64 << 10)).read_line(&mut line).await?;
    }
    // Collected when it ends; a later Agent leaves that to the system.
    iofog_task::spawn(async move { child.wait().await });
    Ok(line.trim_end().to_owned())
}

/// Listens to the shim of a running container, and gives it one when its own is gone.
fn stand_by(shared: &Rc<Shared>, record: &Record) {
    let id = record.container_id();
    if !shared.watched.borrow_mut().insert(id.clone()) {
        return;
    }
    let (shared, record) = (shared.clone(), record.clone());
    iofog_task::spawn(async move {
        let run = shared.places.run_of(&record.id);
        if !has_shim(&run) && shared.resumed.borrow_mut().insert(id.clone()) {
            log::warn!(target: "engine", "{}: its shim is gone, another stands by", record.name);
            if let Err(error) = start_shim(&shared, &record, true).await {
                log::warn!(target: "engine", "{}: {error}", record.name);
            }
        }
        if has_shim(&run) {
            // The pipe ends when the shim does.
            if let Ok(mut pipe) = pipe::OpenOptions::new().open_receiver(run.join("alive")) {
                let mut nothing = [0; 16];
                // Whatever is in it says that the container's health is another.
                while pipe.read(&mut nothing).await.is_ok_and(|count| count > 0) {
                    shared.changed.notify_one();
                }
            }
            shared.resumed.borrow_mut().remove(&id);
        } else {
            sleep(Duration::from_secs(5)).await;
        }
        shared.watched.borrow_mut().remove(&id);
        shared.changed.notify_one();
    });
}

/// Asks a container to end, and ends it when it does not.
pub(super) async fn stop(shared: &Rc<Shared>, id: &ContainerId) -> Result<Done, Failure> {
    let record = known(shared, id)?;
    let wish = record.execution.stop_signal.as_deref().and_then(signal).unwrap_or(Signal::TERM);
    for (signal, patience) in [(wish, STOP_PATIENCE), (Signal::KILL, KILL_PATIENCE)] {
        if !is_up(shared, &record.id)? {
            return Ok(Done::Ok);
        }
        if let Some(run) = shared.places.last_run(&record.id).map_err(refused)? {
            run.signal(signal);
        }
        let until = Instant::now() + patience;
        while Instant::now() < until {
            if !is_up(shared, &record.id)? {
                shared.changed.notify_one();
                return Ok(Done::Ok);
            }
            sleep(LOOK).await;
        }
    }
    Err(Failure::Refused("container does not end, not even when killed".to_owned()))
}

/// The signal of this name or number.
fn signal(name: &str) -> Option<Signal> {
    let bare = name.strip_prefix("SIG").unwrap_or(name);
    Some(match bare {
        "TERM" => Signal::TERM,
        "INT" => Signal::INT,
        "QUIT" => Signal::QUIT,
        "HUP" => Signal::HUP,
        "KILL" => Signal::KILL,
        "ABRT" => Signal::ABORT,
        "USR1" => Signal::USR1,
        "USR2" => Signal::USR2,
        "WINCH" => Signal::WINCH,
        number => return Signal::from_named_raw(number.parse().ok()?),
    })
}

fn is_up(shared: &Shared, id: &str) -> Result<bool, Failure> {
    let state = state(shared, id).map_err(refused)?.0;
    Ok(matches!(state, ContainerState::Running | ContainerState::Changing))
}

/// Removes a container with everything that it wrote outside its volumes.
pub(super) async fn remove(shared: &Rc<Shared>, id: &ContainerId) -> Result<Done, Failure> {
    let record = known(shared, id)?;
    if is_up(shared, &record.id)? {
        stop(shared, id).await?;
    }
    fault::before("native.delete");
    let _ = call(shared, &record.id, &["delete", "--force", &record.id]).await;
    fault::after("native.delete");
    let folder = shared.places.container(&record.id);
    // Under this name it is no container any more, only files, which go now or at the next start of the Agent.
    let gone = folder.with_extension(GONE);
    fault::before("native.gone");
    fs::rename(&folder, &gone).map_err(refused)?;
    fault::after("native.gone");
    fault::before("native.files");
    remove_folder(&gone).map_err(refused)?;
    remove_folder(&shared.places.run_of(&record.id)).map_err(refused)?;
    fault::after("native.files");
    shared.changed.notify_one();
    Ok(Done::Ok)
}

/// What an Agent left that ended while it made or removed containers; nothing is under way yet.
pub(super) fn tidy(places: &Places) -> io::Result<()> {
    for entry in fs::read_dir(places.library.join("containers")).into_iter().flatten().flatten() {
        let path = entry.path();
        let has = |name| path.join(name).exists();
        let unmade = !has(RECORD) && !has("upper") && !has("rootfs");
        if path.extension().is_some_and(|end| end == GONE) || unmade {
            remove_folder(&path)?;
        }
    }
    for entry in fs::read_dir(&places.run).into_iter().flatten().flatten() {
        let path = entry.path();
        let id = entry.file_name().to_string_lossy().into_owned();
        let is_id = id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_id && !places.container(&id).exists() && !has_shim(&path) {
            remove_folder(&path)?;
        }
    }
    Ok(())
}

fn remove_folder(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A call of the runtime that does not hold up the Agent.
async fn call(shared: &Shared, id: &str, words: &[&str]) -> Result<(), Failure> {
    let log = shared.places.run_of(id).join("runtime.log");
    let mut command = runtime(shared)?.command(&log);
    command.args(words).stdout(Stdio::null()).stderr(Stdio::null());
    let status = Command::from(command).status().await.map_err(refused)?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::Refused(format!("runtime ended with {status}")))
    }
}

fn runtime(shared: &Shared) -> Result<Runtime, Failure> {
    let found = Runtime::find(&shared.places.runtime_root(), shared.options.runtime.as_deref());
    found.ok_or_else(|| match &shared.options.runtime {
        Some(name) => Failure::Unavailable(format!("{name} is not installed")),
        None => Failure::Unavailable("neither crun nor runc is installed".to_owned()),
    })
}

pub(super) fn known(shared: &Shared, id: &ContainerId) -> Result<Record, Failure> {
    let record = shared.places.record(id.as_str()).map_err(refused)?;
    record.ok_or_else(|| Failure::Gone(id.to_string()))
}
