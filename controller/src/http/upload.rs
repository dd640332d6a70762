//! Files too large for memory: written to disk as they arrive.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use hyper::body::{Body as _, Incoming};
use tokio::sync::Semaphore;
use tokio::time::{Instant, Sleep, sleep};

use super::Upload;
use super::body::Refused;
use crate::domain::password::random_text;

/// Largest such file (controller contract 6).
pub const LARGEST: usize = 500 * 1024 * 1024;
/// Most of a form that is read without anything coming out of it: what precedes the file, with the head of its part.
const HEAD: usize = 16 * 1024;
/// How long a client may send nothing.
const PAUSE: Duration = Duration::from_secs(20);
/// How long it may take for any file, before [`SLOWEST`] counts.
const GRACE: Duration = Duration::from_secs(30);
/// Bytes a second that it has to send on average.
const SLOWEST: usize = 4 * 1024;
/// How long it waits until others are done.
const WAITING: Duration = Duration::from_secs(5);
/// Uploads at one time.
static UPLOADING: Semaphore = Semaphore::const_new(4);

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

/// A body on its way to the parser of forms. The parser keeps what it makes nothing of, and searches all of it again with each piece:
/// it gets a piece at a time, and few of them before something has come out.
struct Feed<'a> {
    body: &'a mut Incoming,
    /// Bytes since something came out.
    pending: Arc<AtomicUsize>,
    length: usize,
    begun: Instant,
    patience: Pin<Box<Sleep>>,
    /// Whether the last poll gave a piece.
    given: bool,
}

impl<'a> Feed<'a> {
    fn new(body: &'a mut Incoming) -> Self {
        let (begun, patience) = (Instant::now(), Box::pin(sleep(PAUSE)));
        Self { body, pending: Arc::default(), length: 0, begun, patience, given: false }
    }

    /// Counts a piece, and until when the next has to come.
    fn count(&mut self, piece: &Bytes) -> Result<(), Refused> {
        self.length = self.length.saturating_add(piece.len());
        if self.length > LARGEST {
            return Err(Refused::TooLarge);
        }
        if self.pending.fetch_add(piece.len(), Ordering::Relaxed) > HEAD {
            return Err(Refused::Malformed);
        }
        let seconds = u64::try_from(self.length / SLOWEST).unwrap_or(u64::MAX);
        let slowest = self.begun + GRACE + Duration::from_secs(seconds);
        self.patience.as_mut().reset(slowest.min(Instant::now() + PAUSE));
        Ok(())
    }
}

impl Stream for Feed<'_> {
    type Item = Result<Bytes, Ended>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let own = self.get_mut();
        if std::mem::take(&mut own.given) {
            // The parser takes all that there is, else.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        loop {
            let piece = match Pin::new(&mut *own.body).poll_frame(context) {
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(Err(_))) => return Poll::Ready(Some(Err(Ended(Refused::Broken)))),
                Poll::Ready(Some(Ok(frame))) => frame.into_data(),
                Poll::Pending if own.patience.as_mut().poll(context).is_ready() => {
                    return Poll::Ready(Some(Err(Ended(Refused::Broken))));
                }
                Poll::Pending => return Poll::Pending,
            };
            // Trailers are skipped.
            let Ok(piece) = piece else { continue };
            own.given = true;
            return Poll::Ready(Some(own.count(&piece).map(|()| piece).map_err(Ended)));
        }
    }
}

/// Why a body was not read on.
#[derive(Debug, thiserror::Error)]
#[error("{0:?}")]
struct Ended(Refused);

impl From<multer::Error> for Refused {
    fn from(error: multer::Error) -> Self {
        let multer::Error::StreamReadFailed(error) = error else { return Self::Malformed };
        error.downcast_ref::<Ended>().map_or(Self::Malformed, |ended| ended.0)
    }
}

/// Writes the file field of a multipart body into `folder`; none when the body has no such field. What is left of a body that
/// is refused stays in it.
///
/// # Errors
/// When the body is malformed, too large, has another file or stops, others upload for too long, or the disk refuses.
pub async fn spool(
    content_type: &str,
    body: &mut Incoming,
    field: &'static str,
    folder: &Path,
) -> Result<Option<Upload>, Refused> {
    let boundary = multer::parse_boundary(content_type).map_err(|_| Refused::Malformed)?;
    let turn = tokio::time::timeout(WAITING, UPLOADING.acquire()).await;
    let _turn = turn.map_err(|_| Refused::Overloaded)?.map_err(|_| Refused::Failed)?;
    let feed = Feed::new(body);
    let pending = Arc::clone(&feed.pending);
    let mut form = multer::Multipart::new(feed, boundary);
    let mut upload = None;
    while let Some(mut part) = form.next_field().await? {
        if part.name() != Some(field) || upload.is_some() {
            return Err(Refused::UnexpectedField);
        }
        let (mut file, spooled) = create(folder)?;
        pending.store(0, Ordering::Relaxed);
        while let Some(chunk) = part.chunk().await? {
            tokio::task::block_in_place(|| file.write_all(&chunk)).map_err(disk)?;
            pending.store(0, Ordering::Relaxed);
        }
        tokio::task::block_in_place(|| file.sync_all()).map_err(disk)?;
        let spooled = Some(Arc::new(spooled));
        upload = Some(Upload { field: field.to_owned(), content: Bytes::new(), spooled });
    }
    Ok(upload)
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
