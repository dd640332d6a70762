//! Body of an answer: bytes in memory, or a file that is read as the client takes it.

use std::fs::File;
use std::io::{self, Read as _};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

/// Bytes of a file read at a time.
const CHUNK: u64 = 64 * 1024;

/// What an answer carries.
#[derive(Debug)]
pub enum Content {
    /// Bytes not sent yet.
    Whole(Bytes),
    /// A file and how much of it is left.
    File(File, u64),
}

impl Content {
    /// Zero bytes.
    #[must_use]
    pub fn empty() -> Self {
        Self::Whole(Bytes::new())
    }

    /// A file from its present position.
    #[must_use]
    pub fn file(file: File, length: u64) -> Self {
        Self::File(file, length)
    }

    /// Bytes to come.
    #[must_use]
    pub fn length(&self) -> u64 {
        match self {
            Self::Whole(bytes) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            Self::File(_, left) => *left,
        }
    }
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Self::Whole(Bytes::from(text))
    }
}

impl Body for Content {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.get_mut() {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::File(_, 0) => Poll::Ready(None),
            Self::File(file, left) => {
                let wanted = usize::try_from((*left).min(CHUNK)).unwrap_or_default();
                let mut chunk = vec![0; wanted];
                if let Err(error) = tokio::task::block_in_place(|| file.read_exact(&mut chunk)) {
                    return Poll::Ready(Some(Err(error)));
                }
                *left -= u64::try_from(wanted).unwrap_or_default();
                Poll::Ready(Some(Ok(Frame::data(Bytes::from(chunk)))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.length() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length())
    }
}
