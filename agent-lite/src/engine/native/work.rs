//! Runs image workers: one request in, lines of answers out.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Command;

use super::image::worker::{Answer, Login, Request, VERB};
use super::image::{ImageStore, Reference};
use super::{Shared, refused};
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
    let request = Request {
        store: shared.places.library.clone(),
        folders: shared.options.image_folders.clone(),
        image: image.to_owned(),
        policy,
        login: login
            .map(|one| Login { username: one.username.clone(), password: one.password.clone() }),
    };
    let _turn = shared.workers.acquire().await;
    let missing = |detail| Failure::ImageMissing { image: image.to_owned(), detail };
    match run(shared, &request, progress).await.map_err(refused)? {
        Some(Answer::Present | Answer::Imported) => Ok(Done::Ok),
        Some(Answer::Pulled) => Ok(Done::Pulled),
        Some(Answer::Stale(reason)) => {
            log::warn!(target: "engine", "pull of {image} failed, the local image serves: {reason}");
            Ok(Done::Ok)
        }
        Some(Answer::Missing(reason)) => Err(missing(reason)),
        Some(Answer::Progress(_)) | None => Err(missing("image worker ended early".to_owned())),
    }
}

/// The last answer of a worker.
async fn run(
    shared: &Shared,
    request: &Request,
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
        input.write_all(&serde_json::to_vec(request)?).await?;
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
