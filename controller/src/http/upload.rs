//! Files too large for memory: written to disk as they arrive.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyDataStream, Limited};
use hyper::body::Incoming;
use tokio::sync::Semaphore;

use super::Upload;
use super::body::Refused;
use crate::domain::password::random_text;

/// Largest such file (controller contract 6).
pub const LARGEST: usize = 500 * 1024 * 1024;
/// How long a client may send nothing.
const PAUSE: Duration = Duration::from_secs(60);
/// Uploads at one time.
static UPLOADING: Semaphore = Semaphore::const_new(2);

/// An uploaded file on disk; removed unless it is kept.
#[derive(Debug, PartialEq, Eq)]
pub struct Spooled {
    path: PathBuf,
}

impl Spooled {
    /// Moves the file to its place, durably.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn keep(&self, place: &Path) -> std::io::Result<()> {
        std::fs::rename(&self.path, place)
    }
}

impl Drop for Spooled {
    fn drop(&mut self) {
        // One that was kept is not there any more.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Writes the file field of a multipart body into `folder`; none when the body has no such field. What is left of a body that
/// is refused stays in it.
///
/// # Errors
/// When the body is malformed, too large or stops, or the disk refuses.
pub async fn spool(
    content_type: &str,
    body: &mut Incoming,
    field: &'static str,
    folder: &Path,
) -> Result<Option<Upload>, Refused> {
    let _permit = UPLOADING.acquire().await.map_err(|_| Refused::Broken)?;
    let boundary = multer::parse_boundary(content_type).map_err(|_| Refused::Malformed)?;
    let stream = BodyDataStream::new(Limited::new(body, LARGEST));
    let mut form = multer::Multipart::new(stream, boundary);
    let mut upload = None;
    while let Some(mut part) = soon(form.next_field()).await? {
        if part.name() != Some(field) {
            return Err(Refused::UnexpectedField);
        }
        let (mut file, spooled) = create(folder)?;
        while let Some(chunk) = soon(part.chunk()).await? {
            tokio::task::block_in_place(|| file.write_all(&chunk)).map_err(disk)?;
        }
        tokio::task::block_in_place(|| file.sync_all()).map_err(disk)?;
        let spooled = Some(Arc::new(spooled));
        upload = Some(Upload { field: field.to_owned(), content: bytes::Bytes::new(), spooled });
    }
    Ok(upload)
}

async fn soon<T>(next: impl Future<Output = multer::Result<T>>) -> Result<T, Refused> {
    match tokio::time::timeout(PAUSE, next).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(multer::Error::StreamReadFailed(error)))
            if error.is::<http_body_util::LengthLimitError>() =>
        {
            Err(Refused::TooLarge)
        }
        Ok(Err(_)) => Err(Refused::Malformed),
        Err(_) => Err(Refused::Broken),
    }
}

fn create(folder: &Path) -> Result<(File, Spooled), Refused> {
    std::fs::create_dir_all(folder).map_err(disk)?;
    let name = random_text(16).map_err(|_| Refused::Failed)?;
    let path = folder.join(format!("{name}.part"));
    let file = File::create_new(&path).map_err(disk)?;
    Ok((file, Spooled { path }))
}

#[allow(clippy::needless_pass_by_value, reason = "an argument of map_err")]
fn disk(error: std::io::Error) -> Refused {
    log::error!("cannot store an upload: {error}");
    Refused::Failed
}
