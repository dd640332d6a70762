//! One request to another server over a connection of its own: TLS where the address says `https`, an answer of bounded size.

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use iofog_tls::rustls::ClientConfig;
use iofog_tls::rustls::pki_types::ServerName;
use iofog_tls::{ClientOptions, Trust};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Most bytes of an answer's body.
const ANSWER: usize = 64 * 1024;

/// What is asked for.
#[derive(Debug)]
pub struct Call<'a> {
    /// Method.
    pub method: Method,
    /// Address of the server and the path of what is wanted.
    pub uri: Uri,
    /// A further header.
    pub header: Option<(&'static str, &'a str)>,
    /// A body of JSON.
    pub body: Option<String>,
}

/// Who is believed to be an `https` server: who the system trusts, and the authorities of a PEM file.
///
/// # Errors
/// When the file is none.
pub fn trust(authority: Option<&Path>) -> Result<Arc<ClientConfig>> {
    let own = match authority {
        Some(path) => Some(
            Trust::from_file(path).with_context(|| format!("cannot read {}", path.display()))?,
        ),
        None => None,
    };
    let trust = match (Trust::system(), own) {
        (Ok(system), Some(own)) => system.with(&own),
        (_, Some(own)) => own,
        (system, None) => system?,
    };
    Ok(ClientOptions::new(trust).build()?)
}

/// Sends it and reads the answer; the caller bounds the time.
///
/// # Errors
/// When there is no connection, or no answer that fits. `tls` is needed for `https` only.
pub async fn send(call: Call<'_>, tls: Option<Arc<ClientConfig>>) -> Result<(StatusCode, Bytes)> {
    let host = call.uri.host().context("the address has no host")?.to_owned();
    // An IPv6 address has brackets there.
    let name = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let is_tls = call.uri.scheme_str() == Some("https");
    let port = call.uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
    let stream = TcpStream::connect((name.as_str(), port)).await?;
    match (is_tls, tls) {
        (false, _) => exchange(call, stream).await,
        (true, Some(tls)) => {
            let name = ServerName::try_from(name)?;
            exchange(call, TlsConnector::from(tls).connect(name, stream).await?).await
        }
        (true, None) => bail!("nobody is trusted for https"),
    }
}

async fn exchange(
    call: Call<'_>,
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
) -> Result<(StatusCode, Bytes)> {
    let stream = Bounded { stream, left: 2 * ANSWER };
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let target = call.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let authority = call.uri.authority().context("the address has no host")?.as_str();
    // Names in an address are for nobody else.
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let mut request = Request::builder().method(call.method).uri(target).header(HOST, host);
    if let Some((name, value)) = call.header {
        let mut value = HeaderValue::from_str(value)?;
        value.set_sensitive(true);
        request = request.header(name, value);
    }
    if call.body.is_some() {
        request = request.header(CONTENT_TYPE, "application/json");
    }
    let request = request.body(Full::new(Bytes::from(call.body.unwrap_or_default())))?;
    let talk = async {
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER).collect().await;
        let body = body.map_err(|error| anyhow::anyhow!("the answer's body: {error}"))?;
        Ok((status, body.to_bytes()))
    };
    // Both in one task: whoever gives up on the call ends the connection with it.
    tokio::pin!(connection, talk);
    tokio::select! {
        biased;
        answer = &mut talk => answer,
        // What came before the end counts, however that was.
        end = &mut connection => talk.await.map_err(|error: anyhow::Error| match end {
            Ok(()) => error,
            Err(end) => end.into(),
        }),
    }
}

/// A stream that ends with an error once too much has come: an answer may have endless heads before it.
struct Bounded<S> {
    stream: S,
    left: usize,
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let own = self.get_mut();
        let before = buffer.filled().len();
        ready!(Pin::new(&mut own.stream).poll_read(context, buffer))?;
        match own.left.checked_sub(buffer.filled().len() - before) {
            Some(left) => own.left = left,
            None => return Poll::Ready(Err(std::io::Error::other("the answer is too long"))),
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
