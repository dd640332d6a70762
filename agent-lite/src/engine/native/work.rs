//! Runs image workers: one request in, lines of answers out.

use std::path::Path;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Command;

use super::image::worker::{Answer, Login, Order, Request, Save, VERB};
use super::image::{ImageStore, Reference};
use super::record::Record;
use super::{Shared, WORKERS, refused};
use crate::domain::{Done, Failure, PullPolicy, Registry};

/// Makes an image ready.
pub(super) async fn ensure(
    shared: &Shared,
    image: &str,
    registry: Option<&Registry>,
    policy: PullPolicy,
    progress: &dyn Fn(u8),
) -> Result<Done, Failure> {
    // The usual case needs no process.
    if policy != PullPolicy::Refresh
        && let Ok(reference) = Reference::parse(image)
        && ImageStore::open(&shared.places.library)
            .is_ok_and(|store| store.find(&reference).is_some())
    {
        return Ok(Done::Ok);
    }
    let login = registry.filter(|one| !one.is_public && !one.username.is_empty());
    let order = Order::Ensure(Request {
        store: shared.places.library.clone(),
        folders: shared.options.image_folders.clone(),
        image: image.to_owned(),
        policy,
        login: login
            .map(|one| Login { username: one.username.clone(), password: one.password.clone() }),
    });
    let turn = shared.workers.acquire().await;
    let missing = |detail| Failure::ImageMissing { image: image.to_owned(), detail };
    match run(shared, &order, progress).await.map_err(refused)? {
        Some(Answer::Present | Answer::Imported) => Ok(Done::Ok),
        Some(Answer::Pulled) => Ok(Done::Pulled),
        Some(Answer::Stale(reason)) => {
            log::warn!(target: "engine", "pull of {image} failed, the local image serves: {reason}");
            Ok(Done::Ok)
        }
        Some(Answer::Missing(reason)) => Err(missing(reason)),
        Some(Answer::Progress(_) | Answer::Saved) | None => {
            drop(turn);
            // What it had unpacked would stay until the Agent starts again, and be added to by each try.
            if shared.workers.available_permits() == WORKERS
                && let Err(error) =
                    ImageStore::open(&shared.places.library).and_then(|store| store.tidy())
            {
                log::warn!(target: "engine", "images: {error}");
            }
            Err(missing("image worker ended early".to_owned()))
        }
    }
}

/// Writes the image that a container was made from to a file.
pub(super) async fn save(
    shared: &Shared,
    record: Record,
    to: &Path,
    most: u64,
) -> Result<(), Failure> {
    let order = Order::Save(Save {
        store: shared.places.library.clone(),
        image: record.image,
        layers: record.layers,
        execution: record.execution,
        to: to.to_owned(),
        most,
    });
    let _turn = shared.workers.acquire().await;
    match run(shared, &order, &|_| {}).await.map_err(refused)? {
        Some(Answer::Saved) => Ok(()),
        Some(Answer::Missing(reason)) => Err(Failure::Refused(reason)),
        _ => Err(Failure::Refused("image worker ended early".to_owned())),
    }
}

/// The last answer of a worker.
async fn run(
    shared: &Shared,
    order: &Order,
    progress: &dyn Fn(u8),
) -> std::io::Result<Option<Answer>> {
    let mut child = Command::new(&shared.options.program)
        .arg(VERB)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(&serde_json::to_vec(order)?).await?;
    }
    let mut last = None;
    if let Some(output) = child.stdout.take() {
        let mut lines = BufReader::new(output).lines();
        while let Some(line) = lines.next_line().await? {
            last = serde_json::from_slice(line.as_bytes()).ok();
            if let Some(Answer::Progress(percentage)) = last {
                progress(percentage);
            }
        }
    }
    child.wait().await?;
    Ok(last)
}
