//! A microservice's configuration from the Agent's Local API: read once, then at each signal of the control socket
//! (agent.md section 8).
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "helpers of tests"))]

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use fastwebsockets::{FragmentCollector, Frame, OpCode, Payload, handshake};
use http_body_util::{BodyExt, Empty, Full, Limited};
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, UPGRADE};
use hyper::upgrade::Upgraded;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::TcpStream;

/// Signal of the Agent: a new configuration is there.
const NEW_CONFIG: u8 = 0x0C;
/// Our answer to a signal.
const ACKNOWLEDGE: u8 = 0x0B;
/// Longest configuration that is read, in bytes.
const MOST: usize = 1 << 20;
/// The port of every Agent.
const PORT: u16 = 54321;
/// The name that Agents give themselves in the containers of their networks.
const AGENT: &str = "iofog";

/// The Agent could not be asked, or what it has is of no use.
#[derive(Debug, thiserror::Error)]
#[error("local API: {0}")]
pub struct LocalApiError(String);

/// Where the Agent listens and who asks.
#[derive(Debug, Clone)]
pub struct LocalApi {
    /// `HOST:PORT`.
    pub address: String,
    /// Uuid of the microservice.
    pub id: String,
}

#[derive(Deserialize)]
struct ConfigAnswer {
    config: String,
}

struct Local;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for Local {
    fn execute(&self, task: F) {
        iofog_task::spawn(task);
    }
}

fn failed(cause: impl std::fmt::Display) -> LocalApiError {
    LocalApiError(cause.to_string())
}

/// Where the Agent is when nobody says: in a container on one of its networks at the host `iofog`, which it writes
/// into `/etc/hosts` there, else on this machine (decision 0125).
#[must_use]
pub fn usual_address() -> String {
    address_in(&std::fs::read_to_string("/etc/hosts").unwrap_or_default())
}

fn address_in(hosts: &str) -> String {
    let named = hosts.lines().find_map(|line| {
        let mut words = line.split('#').next()?.split_whitespace();
        let address: IpAddr = words.next()?.parse().ok()?;
        words.any(|name| name.eq_ignore_ascii_case(AGENT)).then_some(address)
    });
    match named {
        Some(address) => SocketAddr::new(address, PORT).to_string(),
        None => format!("localhost:{PORT}"),
    }
}

// === impl LocalApi ===

impl LocalApi {
    /// Hands each configuration to `apply`, for ever: also after the Agent was away. One that it refuses, by
    /// its reason, is read again a moment later. Must run inside a `LocalSet`.
    pub async fn follow<E: std::fmt::Display>(&self, apply: impl Fn(&str) -> Result<(), E>) {
        loop {
            let Err(error) = self.session(&apply).await;
            log::warn!("{error}; next attempt in 2 s");
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
    }

    /// One control connection. The configuration is read after the socket is open, so that no change
    /// can fall between the two.
    async fn session<E: std::fmt::Display>(
        &self,
        apply: &impl Fn(&str) -> Result<(), E>,
    ) -> Result<std::convert::Infallible, LocalApiError> {
        let mut control = self.control().await?;
        apply(&self.config().await?).map_err(failed)?;
        loop {
            let frame = control.read_frame().await.map_err(failed)?;
            match (frame.opcode, frame.payload.first()) {
                (OpCode::Close, _) => return Err(failed("control socket was closed")),
                (OpCode::Binary, Some(&NEW_CONFIG)) => {
                    let answer = Frame::binary(Payload::Owned(vec![ACKNOWLEDGE]));
                    control.write_frame(answer).await.map_err(failed)?;
                    apply(&self.config().await?).map_err(failed)?;
                }
                _ => {}
            }
        }
    }

    async fn config(&self) -> Result<String, LocalApiError> {
        let stream = TcpStream::connect(&self.address).await.map_err(failed)?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
        iofog_task::spawn(async move {
            let _ = connection.await;
        });
        let body = serde_json::json!({ "id": self.id }).to_string();
        let request = Request::builder()
            .method(Method::POST)
            .uri("/v2/config/get")
            .header(HOST, &self.address)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))
            .map_err(failed)?;
        let answer = sender.send_request(request).await.map_err(failed)?;
        if !answer.status().is_success() {
            return Err(failed(format!("config was answered with {}", answer.status())));
        }
        let text = Limited::new(answer.into_body(), MOST).collect().await.map_err(failed)?;
        let answer: ConfigAnswer = serde_json::from_slice(&text.to_bytes()).map_err(failed)?;
        Ok(answer.config)
    }

    async fn control(&self) -> Result<FragmentCollector<TokioIo<Upgraded>>, LocalApiError> {
        let stream = TcpStream::connect(&self.address).await.map_err(failed)?;
        let request = Request::builder()
            .method(Method::GET)
            .uri(format!("/v2/control/socket/id/{}", self.id))
            .header(HOST, &self.address)
            .header(UPGRADE, "websocket")
            .header(CONNECTION, "upgrade")
            .header("sec-websocket-key", handshake::generate_key())
            .header("sec-websocket-version", "13")
            .body(Empty::<Bytes>::new())
            .map_err(failed)?;
        let (socket, _) = handshake::client(&Local, request, stream).await.map_err(failed)?;
        Ok(FragmentCollector::new(socket))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::rc::Rc;

    use fastwebsockets::upgrade::upgrade;
    use hyper::body::Incoming;
    use hyper::service::service_fn;
    use hyper::{Response, StatusCode};
    use tokio::net::TcpListener;
    use tokio::sync::Notify;

    use super::*;

    /// An Agent that hands out configurations one after the other, a signal before each new one.
    struct Agent {
        configs: RefCell<Vec<&'static str>>,
        next: Notify,
        acknowledged: Cell<u32>,
    }

    async fn serve(agent: Rc<Agent>, listener: TcpListener) {
        while let Ok((stream, _)) = listener.accept().await {
            let agent = Rc::clone(&agent);
            let service = service_fn(move |request| answer(Rc::clone(&agent), request));
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades();
            // Upgraded connections need no thread of their own here.
            iofog_task::spawn(connection);
        }
    }

    async fn answer(
        agent: Rc<Agent>,
        mut request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, std::convert::Infallible> {
        if request.uri().path() == "/v2/control/socket/id/uuid" {
            let (response, socket) = upgrade(&mut request).unwrap();
            iofog_task::spawn(async move {
                let mut socket = FragmentCollector::new(socket.await.unwrap());
                loop {
                    agent.next.notified().await;
                    let signal = Frame::binary(Payload::Owned(vec![NEW_CONFIG]));
                    socket.write_frame(signal).await.unwrap();
                    let frame = socket.read_frame().await.unwrap();
                    assert_eq!(&frame.payload[..], &[ACKNOWLEDGE]);
                    agent.acknowledged.set(agent.acknowledged.get() + 1);
                }
            });
            return Ok(response.map(|_| Full::default()));
        }
        assert_eq!((request.method(), request.uri().path()), (&Method::POST, "/v2/config/get"));
        let body = request.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, r#"{"id":"uuid"}"#);
        let config = agent.configs.borrow_mut().pop();
        let (status, text) = match config {
            Some(config) => {
                let answer = serde_json::json!({ "status": "okay", "config": config });
                (StatusCode::OK, answer.to_string())
            }
            None => (StatusCode::BAD_REQUEST, String::new()),
        };
        let mut response = Response::new(Full::from(text));
        *response.status_mut() = status;
        Ok(response)
    }

    #[test]
    fn usual_address_is_the_name_of_the_agent_or_this_machine() {
        let hosts = "127.0.0.1\tlocalhost\n# 10.0.0.1 iofog\n10.0.0.2 iofogs other.iofog\n\
            nonsense iofog\n172.17.0.1\tIoFog # the Agent\n10.0.0.3 iofog\n";
        assert_eq!(address_in(hosts), "172.17.0.1:54321");
        assert_eq!(address_in("fd00::1 gate iofog"), "[fd00::1]:54321");
        assert_eq!(address_in("127.0.0.1 localhost"), "localhost:54321");
        assert_eq!(address_in(""), "localhost:54321");
    }

    #[test]
    fn local_api_configuration_and_signals() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap().to_string();
            let configs = vec!["c", "broken", "b", "a"];
            let agent = Rc::new(Agent {
                configs: RefCell::new(configs),
                next: Notify::new(),
                acknowledged: Cell::new(0),
            });
            iofog_task::spawn(serve(Rc::clone(&agent), listener));
            let applied = Rc::new(RefCell::new(Vec::new()));
            let seen = Rc::clone(&applied);
            iofog_task::spawn(async move {
                let api = LocalApi { address, id: "uuid".to_owned() };
                let apply = |config: &str| match config {
                    "broken" => Err("makes no sense"),
                    config => {
                        seen.borrow_mut().push(config.to_owned());
                        Ok(())
                    }
                };
                api.follow(apply).await;
            });
            let wait = async |count: usize| {
                while applied.borrow().len() < count {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            wait(1).await;
            agent.next.notify_one();
            wait(2).await;
            // A configuration that cannot be read changes nothing; the session starts over.
            agent.next.notify_one();
            wait(3).await;
            assert_eq!(*applied.borrow(), ["a", "b", "c"]);
            assert_eq!(agent.acknowledged.get(), 2);
        });
    }
}
