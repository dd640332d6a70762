//! Calls of the engine's REST API, each on a connection of its own: on a Unix socket they cost nothing, and none is found
//! closed.

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use crate::domain::Failure;
use iofog_http::Wire;

/// The newest version that is understood; an older engine is asked in its own.
const NEWEST: Version = Version(1, 53);
/// Until a call counts as unanswered; longer than any stop takes.
const PATIENCE: Duration = Duration::from_secs(120);
/// Largest answer, and largest document of a stream.
const LARGEST: usize = 16 << 20;

/// An engine that answered once. Must be used on the local task set.
#[derive(Clone, Debug)]
pub(super) struct Client {
    address: Rc<Address>,
    version: Version,
    is_podman: bool,
}

/// Major and minor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u32, u32);

#[derive(Debug, PartialEq, Eq)]
enum Address {
    Unix(PathBuf),
    /// Host and port.
    Tcp(String),
}

/// Why a call failed.
#[derive(Debug)]
pub(super) enum ApiError {
    /// The engine says no.
    Status(StatusCode, String),
    /// No answer, or none that makes sense.
    Lost(String),
}

/// One call; a body makes it a document.
pub(super) struct Call<'a> {
    pub(super) method: Method,
    /// Below the version, with the query.
    pub(super) path: String,
    pub(super) body: Option<Value>,
    pub(super) header: Option<(&'a str, String)>,
}

/// An answer that comes in pieces.
pub(super) struct Pieces(Incoming);

/// An answer of documents that follow each other.
pub(super) struct Documents {
    pieces: Pieces,
    held: Vec<u8>,
}

// === impl Call ===

impl Call<'_> {
    pub(super) fn new(method: Method, path: String) -> Self {
        Self { method, path, body: None, header: None }
    }
}

// === impl Client ===

impl Client {
    /// The engine at `unix://PATH` or `tcp://HOST:PORT`, in a version that both know.
    pub(super) async fn open(url: &str) -> Result<Self, ApiError> {
        let address = Rc::new(Address::parse(url));
        let call = Call::new(Method::GET, "/version".to_owned());
        // Without a version: engines answer that whatever they know.
        let answer = timeout(PATIENCE, async { whole(send(&address, &call, "").await?).await });
        let told = document(&answer.await.map_err(|_| ApiError::silent())??)?;
        let version = told["ApiVersion"].as_str().and_then(Version::parse);
        let version = version.ok_or_else(|| ApiError::Lost("engine has no version".to_owned()))?;
        let components = told["Components"].as_array();
        let is_podman =
            components.is_some_and(|all| all.iter().any(|one| one["Name"] == "Podman Engine"));
        Ok(Self { address, version: version.min(NEWEST), is_podman })
    }

    /// Podman behind Docker's API.
    pub(super) fn is_podman(&self) -> bool {
        self.is_podman
    }

    /// The whole answer.
    pub(super) async fn call(&self, call: Call<'_>) -> Result<Vec<u8>, ApiError> {
        let work = async { whole(self.begin(&call).await?).await };
        timeout(PATIENCE, work).await.map_err(|_| ApiError::silent())?
    }

    /// The answer as a document.
    pub(super) async fn ask(&self, call: Call<'_>) -> Result<Value, ApiError> {
        document(&self.call(call).await?)
    }

    /// The answer piece by piece, for as long as it takes.
    pub(super) async fn pieces(&self, call: Call<'_>) -> Result<Pieces, ApiError> {
        let begun = timeout(PATIENCE, self.begin(&call)).await;
        Ok(Pieces(begun.map_err(|_| ApiError::silent())??))
    }

    /// The answer document by document, for as long as it takes.
    pub(super) async fn documents(&self, call: Call<'_>) -> Result<Documents, ApiError> {
        Ok(Documents { pieces: self.pieces(call).await?, held: Vec::new() })
    }

    async fn begin(&self, call: &Call<'_>) -> Result<Incoming, ApiError> {
        let Version(major, minor) = self.version;
        send(&self.address, call, &format!("/v{major}.{minor}")).await
    }
}

async fn send(address: &Address, call: &Call<'_>, version: &str) -> Result<Incoming, ApiError> {
    let mut request = Request::builder()
        .method(call.method.clone())
        .uri(format!("{version}{}", call.path))
        .header(HOST, address.host());
    if let Some((name, value)) = &call.header {
        request = request.header(*name, value);
    }
    let body = match &call.body {
        Some(body) => {
            request = request.header(CONTENT_TYPE, "application/json");
            Bytes::from(body.to_string())
        }
        None => Bytes::new(),
    };
    let request = request.body(Full::new(body)).map_err(ApiError::lost)?;
    let wire = address
        .connect()
        .await
        .map_err(|error| ApiError::Lost(format!("{}: {error}", address.host_or_path())))?;
    let mut sender = iofog_http::sender(wire).await.map_err(ApiError::lost)?;
    let (head, body) = sender.send_request(request).await.map_err(ApiError::lost)?.into_parts();
    // Already started, already stopped.
    if head.status.is_success() || head.status == StatusCode::NOT_MODIFIED {
        return Ok(body);
    }
    let told = whole(body).await?;
    let message = serde_json::from_slice::<Value>(&told).ok();
    let message = message.as_ref().and_then(|told| told["message"].as_str()).map(str::to_owned);
    let message = message.unwrap_or_else(|| String::from_utf8_lossy(&told).into_owned());
    Err(ApiError::Status(head.status, message))
}

async fn whole(body: Incoming) -> Result<Vec<u8>, ApiError> {
    let (mut pieces, mut whole) = (Pieces(body), Vec::new());
    while let Some(piece) = pieces.next().await? {
        if whole.len() + piece.len() > LARGEST {
            return Err(ApiError::Lost("engine's answer is too large".to_owned()));
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole)
}

fn document(bytes: &[u8]) -> Result<Value, ApiError> {
    serde_json::from_slice(bytes).map_err(ApiError::lost)
}

// === impl Pieces ===

impl Pieces {
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        while let Some(frame) = self.0.frame().await {
            if let Ok(bytes) = frame.map_err(ApiError::lost)?.into_data() {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }
}

// === impl Documents ===

impl Documents {
    pub(super) async fn next(&mut self) -> Result<Option<Value>, ApiError> {
        loop {
            if let Some(document) = first(&mut self.held)? {
                return Ok(Some(document));
            }
            if self.held.len() > LARGEST {
                return Err(ApiError::Lost("engine's document is too large".to_owned()));
            }
            let Some(piece) = self.pieces.next().await? else { return Ok(None) };
            self.held.extend_from_slice(&piece);
        }
    }
}

/// Takes a whole document out of the bytes that came so far.
fn first(held: &mut Vec<u8>) -> Result<Option<Value>, ApiError> {
    let mut documents = serde_json::Deserializer::from_slice(held).into_iter::<Value>();
    let (found, end) = (documents.next(), documents.byte_offset());
    match found {
        Some(Ok(document)) => {
            held.drain(..end);
            Ok(Some(document))
        }
        Some(Err(error)) if !error.is_eof() => Err(ApiError::lost(error)),
        _ => Ok(None),
    }
}

/// Reads documents off a stream of bytes, and forgets them: for fuzzing. Each takes some of the bytes.
pub(super) fn read_any_documents(bytes: &[u8]) -> Vec<Value> {
    let (mut held, mut all) = (bytes.to_vec(), Vec::new());
    while let Ok(Some(document)) = first(&mut held) {
        all.push(document);
    }
    assert!(all.len() <= bytes.len(), "a document of no bytes");
    all
}

// === impl Version ===

impl Version {
    fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.split_once('.')?;
        Some(Self(major.parse().ok()?, minor.parse().ok()?))
    }
}

// === impl Address ===

impl Address {
    fn parse(url: &str) -> Self {
        if let Some(path) = url.strip_prefix("unix://") {
            return Self::Unix(path.into());
        }
        let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
        let authority = authority.split_once('/').map_or(authority, |(authority, _)| authority);
        let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
        Self::Tcp(if has_port { authority.to_owned() } else { format!("{authority}:2375") })
    }

    async fn connect(&self) -> io::Result<Box<dyn Wire>> {
        Ok(match self {
            Self::Unix(path) => Box::new(TokioIo::new(UnixStream::connect(path).await?)),
            Self::Tcp(host) => Box::new(TokioIo::new(TcpStream::connect(host.as_str()).await?)),
        })
    }

    fn host(&self) -> &str {
        match self {
            Self::Unix(_) => "localhost",
            Self::Tcp(host) => host,
        }
    }

    fn host_or_path(&self) -> String {
        match self {
            Self::Unix(path) => path.display().to_string(),
            Self::Tcp(host) => host.clone(),
        }
    }
}

// === impl ApiError ===

impl ApiError {
    fn lost(error: impl std::error::Error) -> Self {
        let mut told = error.to_string();
        if let Some(cause) = error.source() {
            let _ = write!(told, ": {cause}");
        }
        Self::Lost(told)
    }

    fn silent() -> Self {
        Self::Lost(format!("engine did not answer within {} seconds", PATIENCE.as_secs()))
    }
}

/// What it means to the reconciler.
impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        match error {
            ApiError::Status(StatusCode::NOT_FOUND, message) => Self::Gone(message),
            ApiError::Status(StatusCode::CONFLICT, message) => Self::NameTaken(message),
            ApiError::Status(_, message) => Self::Refused(message),
            ApiError::Lost(message) => Self::Unavailable(message),
        }
    }
}

/// A part of a path or query: what could end it is written in hex.
pub(super) fn part(text: &str) -> String {
    let mut part = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z'
            | b'A'..=b'Z'
            | b'0'..=b'9'
            | b'-'
            | b'.'
            | b'_'
            | b'~'
            | b'/'
            | b':'
            | b'@' => part.push(char::from(byte)),
            _ => {
                let _ = write!(part, "%{byte:02X}");
            }
        }
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_apart() {
        let tcp = |text: &str| Address::Tcp(text.to_owned());
        assert_eq!(Address::parse("unix:///run/a.sock"), Address::Unix("/run/a.sock".into()));
        assert_eq!(Address::parse("tcp://h:4243/"), tcp("h:4243"));
        assert_eq!(Address::parse("http://[::1]:4243"), tcp("[::1]:4243"));
        assert_eq!(Address::parse("tcp://[::1]"), tcp("[::1]:2375"));
        assert_eq!(Address::parse("h"), tcp("h:2375"));
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(Version::parse("1.9").unwrap().min(NEWEST), Version(1, 9));
        assert_eq!(Version::parse("1.100").unwrap().min(NEWEST), NEWEST);
        assert!(Version::parse("one").is_none());
    }

    #[test]
    fn documents_are_taken_as_they_come() {
        let mut held = b"{\"a\":1}\r\n{\"b\":\"x".to_vec();
        assert_eq!(first(&mut held).unwrap().unwrap()["a"], 1);
        assert!(first(&mut held).unwrap().is_none());
        held.extend_from_slice(b"\"}{}");
        assert_eq!(first(&mut held).unwrap().unwrap()["b"], "x");
        assert_eq!(first(&mut held).unwrap(), Some(Value::Object(Default::default())));
        assert!(first(&mut b"<html>".to_vec()).is_err());
        assert!(first(&mut Vec::new()).unwrap().is_none());
    }

    #[test]
    fn parts_cannot_end_what_they_are_in() {
        assert_eq!(part("h:5000/a@sha256:0"), "h:5000/a@sha256:0");
        assert_eq!(part("a?b#c d&e\n%"), "a%3Fb%23c%20d%26e%0A%25");
    }
}
