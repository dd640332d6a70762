//! A microservice's side of the Agent's Local API: its configuration, sending messages over REST,
//! receiving them over the message socket.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use fastwebsockets::{FragmentCollector, Frame, OpCode, Payload, WebSocketError};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, UPGRADE};
use hyper::upgrade::Upgraded;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

const PORT: u16 = 54321;
const PATIENCE: Duration = Duration::from_secs(20);
const MAX_ANSWER: usize = 4 * 1024 * 1024;
const MAX_MESSAGE: usize = 4 * 1024 * 1024;

const OPCODE_ACK: u8 = 0x0B;
const OPCODE_MESSAGE: u8 = 0x0D;

/// The Local API as this microservice reaches it.
pub struct LocalApi {
    id: String,
    address: String,
    connection: Option<SendRequest<Full<Bytes>>>,
}

/// The message socket.
pub struct MessageSocket {
    socket: FragmentCollector<TokioIo<Upgraded>>,
}

// === impl LocalApi ===

impl LocalApi {
    /// Identity and address as an Agent hands them to its containers: `SELFNAME`, host `iofog`.
    /// `LOCAL_API` (`host:port`) replaces the address for a program outside a container.
    ///
    /// # Errors
    /// When `SELFNAME` is missing: this program was not started by an Agent.
    pub fn from_environment() -> Result<Self> {
        let id = std::env::var("SELFNAME").context("SELFNAME is not set")?;
        if let Ok(address) = std::env::var("LOCAL_API") {
            return Ok(Self::at(&id, &address));
        }
        let hosts = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
        let host = host_address(&hosts, "iofog").unwrap_or(IpAddr::from([127, 0, 0, 1]));
        Ok(Self::at(&id, &format!("{host}:{PORT}")))
    }

    /// The Local API at `host:port`, called as the microservice `id`.
    pub fn at(id: &str, address: &str) -> Self {
        Self { id: id.to_owned(), address: address.to_owned(), connection: None }
    }

    /// Uuid of this microservice.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// This microservice's configuration; an empty object when it has none.
    ///
    /// # Errors
    /// When the Agent cannot be reached or the configuration is not JSON.
    pub async fn config(&mut self) -> Result<Value> {
        let answer = self.post("/v2/config/get", &json!({ "id": self.id })).await?;
        let text = answer["config"].as_str().unwrap_or_default();
        if text.is_empty() {
            return Ok(json!({}));
        }
        serde_json::from_str(text).context("configuration is not JSON")
    }

    /// Hands a message to the Agent; it is the Agent's to keep once this returns.
    ///
    /// # Errors
    /// When the Agent cannot be reached or refuses the message. The message may or may not have been
    /// taken if the connection broke in between.
    pub async fn send(&mut self, info_type: &str, info_format: &str, content: &[u8]) -> Result<()> {
        let message = json!({
            "publisher": self.id,
            "version": 4,
            "infotype": info_type,
            "infoformat": info_format,
            "contentdata": iofog_iomessage::base64::encode(content),
        });
        self.post("/v2/messages/new", &message).await.map(drop)
    }

    /// Opens the message socket: from now on messages are pushed.
    ///
    /// # Errors
    /// When the Agent cannot be reached or refuses.
    pub async fn message_socket(&self) -> Result<MessageSocket> {
        let stream = self.connect().await?;
        let request = Request::builder()
            .method(Method::GET)
            .uri(format!("/v2/message/socket/id/{}", self.id))
            .header(HOST, &self.address)
            .header(UPGRADE, "websocket")
            .header(CONNECTION, "upgrade")
            .header("Sec-WebSocket-Key", fastwebsockets::handshake::generate_key())
            .header("Sec-WebSocket-Version", "13")
            .body(Full::new(Bytes::new()))?;
        let opening = fastwebsockets::handshake::client(&Spawn, request, stream);
        let (mut socket, _) = tokio::time::timeout(PATIENCE, opening)
            .await
            .context("the message socket does not open")?
            .context("the message socket was refused")?;
        socket.set_max_message_size(MAX_MESSAGE);
        Ok(MessageSocket { socket: FragmentCollector::new(socket) })
    }

    async fn post(&mut self, path: &str, body: &Value) -> Result<Value> {
        // Any failure drops the connection: the next call opens a new one.
        let mut connection = match self.connection.take() {
            Some(open) if open.is_ready() => open,
            _ => self.open().await?,
        };
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(HOST, &self.address)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body.to_string())))?;
        let exchange = async {
            let answer = connection.send_request(request).await?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
            let body = body.map_err(|e| anyhow::anyhow!("answer: {e}"))?.to_bytes();
            Ok::<_, anyhow::Error>((status, body))
        };
        let (status, body) = tokio::time::timeout(PATIENCE, exchange)
            .await
            .with_context(|| format!("no answer to {path}"))??;
        ensure!(status.is_success(), "{path}: {status} {}", String::from_utf8_lossy(&body).trim());
        let _ = connection.ready().await;
        self.connection = Some(connection);
        if body.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_slice(&body)?) }
    }

    async fn open(&self) -> Result<SendRequest<Full<Bytes>>> {
        let stream = TokioIo::new(self.connect().await?);
        let (sender, connection) = http1::handshake(stream).await?;
        tokio::spawn(connection);
        Ok(sender)
    }

    async fn connect(&self) -> Result<TcpStream> {
        let stream = tokio::time::timeout(PATIENCE, TcpStream::connect(&self.address))
            .await
            .context("the Local API does not answer")?
            .with_context(|| format!("cannot connect to the Local API at {}", self.address))?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

// === impl MessageSocket ===

impl MessageSocket {
    /// The next message as its bytes; acknowledge it with [`MessageSocket::acknowledge`].
    ///
    /// # Errors
    /// When the socket ends or brings something that is not a message.
    pub async fn next(&mut self) -> Result<Bytes> {
        loop {
            let frame = self.socket.read_frame().await?;
            match frame.opcode {
                OpCode::Binary => {
                    if let Some(message) = message_of(&frame.payload)? {
                        return Ok(message);
                    }
                }
                OpCode::Close => bail!("the Agent closed the message socket"),
                _ => {}
            }
        }
    }

    /// Tells the Agent that the last message was taken.
    ///
    /// # Errors
    /// When the socket ends.
    pub async fn acknowledge(&mut self) -> Result<(), WebSocketError> {
        self.socket.write_frame(Frame::binary(Payload::Borrowed(&[OPCODE_ACK]))).await
    }
}

/// The message inside a frame `0D, length u32, bytes`; `None` for frames of another kind.
fn message_of(frame: &[u8]) -> Result<Option<Bytes>> {
    match frame.split_first() {
        Some((&OPCODE_MESSAGE, rest)) => {
            let (length, message) = rest.split_first_chunk().context("message without length")?;
            let length = usize::try_from(u32::from_be_bytes(*length))?;
            ensure!(message.len() == length, "message length {length}, {} sent", message.len());
            Ok(Some(Bytes::copy_from_slice(message)))
        }
        _ => Ok(None),
    }
}

/// Address of a name in the text of a hosts file: a static program has no resolver to ask.
fn host_address(hosts: &str, name: &str) -> Option<IpAddr> {
    hosts.lines().find_map(|line| {
        let mut words = line.split('#').next()?.split_whitespace();
        let address = words.next()?;
        words.any(|word| word == name).then(|| address.parse().ok())?
    })
}

/// Runs the handshake's connection on the runtime of the caller.
struct Spawn;

impl<F> hyper::rt::Executor<F> for Spawn
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        tokio::spawn(future);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iofog_is_found_in_the_hosts_file() {
        let hosts = "127.0.0.1 localhost\n# 1.1.1.1 iofog\n10.213.0.1\tgw iofog\n";
        assert_eq!(host_address(hosts, "iofog"), Some(IpAddr::from([10, 213, 0, 1])));
        assert_eq!(host_address(hosts, "other"), None);
    }

    #[test]
    fn frames_are_checked() {
        let message = message_of(&[0x0D, 0, 0, 0, 2, 7, 8]).unwrap().unwrap();
        assert_eq!(message.as_ref(), &[7, 8]);
        assert!(message_of(&[0x0E, 1]).unwrap().is_none());
        assert!(message_of(&[0x0D, 0, 0]).is_err());
        assert!(message_of(&[0x0D, 0, 0, 0, 9, 1]).is_err());
    }
}
