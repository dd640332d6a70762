//! A file of any size as a form, read while it is sent.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::Method;
use hyper::body::{Body, Frame, SizeHint};
use hyper::client::conn::http1::handshake;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use tokio::time::timeout;

use super::http::{Exchange, build, refusal};
use super::url::BaseUrl;
use super::{Answer, ControllerClient, ControllerError};

/// No part of an image has this line, or the form would end there; it is looked for by nobody but the receiver.
const BOUNDARY: &str = "iofog-image-snapshot-7e1c0b6f52d94a8f";
const CHUNK: usize = 32 << 10;
/// A slow link takes its time; a dead one is not waited for without end.
const LIMIT: Duration = Duration::from_secs(4 * 3600);

/// One part with a file in it.
struct Form {
    head: Option<Bytes>,
    file: File,
    left: u64,
    tail: Option<Bytes>,
}

impl ControllerClient {
    /// `PUT agent/image-snapshot` (agent contract 3.3), on a connection of its own.
    ///
    /// # Errors
    /// When the file cannot be read, or the Controller does not take it.
    pub async fn put_snapshot(&self, file: &Path, name: &str) -> Answer<()> {
        let form = Form::new(file, name).map_err(ControllerError::Connect)?;
        timeout(LIMIT, self.upload(form)).await.map_err(|_| ControllerError::Timeout)?
    }

    async fn upload(&self, form: Form) -> Answer<()> {
        let access = self.shared.access.borrow().clone();
        let base = BaseUrl::parse(&access.url)?;
        let exchange = Exchange {
            method: Method::PUT,
            path: "agent/image-snapshot",
            body: None,
            headers: Vec::new(),
            limit: LIMIT,
        };
        let (mut head, _) = build(&base, &access, &exchange)?.into_parts();
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        let kind = HeaderValue::from_str(&kind)
            .map_err(|error| ControllerError::malformed(error.to_string()))?;
        head.headers.insert(CONTENT_TYPE, kind);
        let wire = self.shared.dialler.open(&base, &access).await?;
        let (mut sender, connection) = handshake(wire).await.map_err(ControllerError::Broken)?;
        iofog_task::spawn(async move {
            if let Err(error) = connection.await {
                log::debug!(target: "controller", "connection ended: {error}");
            }
        });
        let request = hyper::Request::from_parts(head, form);
        let (head, body) =
            sender.send_request(request).await.map_err(ControllerError::Broken)?.into_parts();
        let told = Limited::new(body, CHUNK)
            .collect()
            .await
            .map(|body| body.to_bytes())
            .unwrap_or_default();
        if head.status.is_success() {
            Ok(())
        } else {
            Err(refusal(head.status, &head.headers, &told))
        }
    }
}

// === impl Form ===

impl Form {
    fn new(path: &Path, name: &str) -> io::Result<Self> {
        let file = File::open(path)?;
        let left = file.metadata()?.len();
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"upstream\"; filename=\"{name}\"\r\n\
             Content-Type: application/zip\r\n\r\n"
        );
        let tail = format!("\r\n--{BOUNDARY}--\r\n");
        Ok(Self { head: Some(head.into()), file, left, tail: Some(tail.into()) })
    }

    fn next(&mut self) -> io::Result<Option<Bytes>> {
        if let Some(head) = self.head.take() {
            return Ok(Some(head));
        }
        if self.left == 0 {
            return Ok(self.tail.take());
        }
        let length = usize::try_from(self.left).unwrap_or(CHUNK).min(CHUNK);
        let mut chunk = vec![0; length];
        self.file.read_exact(&mut chunk)?;
        self.left -= u64::try_from(length).unwrap_or_default();
        Ok(Some(chunk.into()))
    }
}

impl Body for Form {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Poll::Ready(self.get_mut().next().transpose().map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.tail.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let length = |piece: &Option<Bytes>| piece.as_ref().map_or(0, Bytes::len);
        let around = u64::try_from(length(&self.head) + length(&self.tail)).unwrap_or_default();
        SizeHint::with_exact(self.left + around)
    }
}
