//! The two programs against an Agent that refuses, drops connections and repeats itself.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use fastwebsockets::{Frame, OpCode, Payload, WebSocket};
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use iofog_iomessage::IoMessage;
use iofog_samples::reading::Reading;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

/// Guards against hanging for ever only.
const PATIENCE: Duration = Duration::from_secs(60);

fn block_on(test: impl Future<Output = Result<()>>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = runtime
        .expect("a runtime")
        .block_on(async { tokio::time::timeout(PATIENCE, test).await.expect("the test hangs") });
    result.expect("the test failed");
}

fn start(program: &str, agent: &TcpListener) -> Result<Child> {
    Ok(Command::new(program)
        .env("SELFNAME", "me")
        .env("LOCAL_API", agent.local_addr()?.to_string())
        .env("PAGE_ADDRESS", "127.0.0.1:0")
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?)
}

#[test]
fn sensor_repeats_a_refused_reading() {
    block_on(async {
        let agent = TcpListener::bind("127.0.0.1:0").await?;
        let _sensor = start(env!("CARGO_BIN_EXE_sensor"), &agent)?;
        let mut taken: Vec<Reading> = Vec::new();
        let mut calls = 0;
        while taken.len() < 20 {
            let (mut stream, _) = agent.accept().await?;
            while let Some((path, body)) = read_request(&mut stream).await? {
                calls += 1;
                let (status, answer) = match (path.as_str(), calls % 4) {
                    ("/v2/config/get", _) => {
                        (200, json!({ "status": "okay", "config": "{\"intervalMs\":2}" }))
                    }
                    // Refused, then cut off without an answer: neither may lose or reorder a reading.
                    (_, 1) => (500, json!({})),
                    (_, 2) => break,
                    _ => {
                        taken.push(reading_of(&body)?);
                        (200, json!({ "status": "okay" }))
                    }
                };
                let answer = answer.to_string();
                let head =
                    format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n", answer.len());
                stream.write_all((head + &answer).as_bytes()).await?;
                if status != 200 {
                    break;
                }
            }
        }
        let numbers: Vec<u64> = taken.iter().map(|reading| reading.seq).collect();
        assert_eq!(numbers, (1..=20).collect::<Vec<u64>>());
        Ok(())
    });
}

#[test]
fn dashboard_acknowledges_and_counts() {
    block_on(async {
        let agent = TcpListener::bind("127.0.0.1:0").await?;
        let mut dashboard = start(env!("CARGO_BIN_EXE_dashboard"), &agent)?;
        let output = dashboard.stdout.take().context("no output")?;
        let mut lines = BufReader::new(output).lines();
        let line = lines.next_line().await?.context("no page")?;
        let page = line.strip_prefix("page at ").context("no page")?.to_owned();
        for seqs in [&[1, 2, 2][..], &[5, 4]] {
            let (stream, _) = agent.accept().await?;
            let mut socket = accept_socket(stream).await?;
            for seq in seqs {
                let frame = message_frame(*seq)?;
                socket.write_frame(Frame::binary(Payload::Owned(frame))).await?;
                let answer = socket.read_frame().await?;
                assert_eq!((answer.opcode, &answer.payload[..]), (OpCode::Binary, &[0x0B][..]));
            }
        }
        let summary: Value = serde_json::from_slice(&get(&page, "/api/messages").await?)?;
        assert_eq!(summary["count"], 4);
        let source = &summary["sources"][0];
        let counts =
            ["first", "last", "missing", "duplicates", "outOfOrder"].map(|k| source[k].as_u64());
        assert_eq!(counts, [1, 5, 1, 1, 1].map(Some));
        assert_eq!(source["publisher"], "pub");
        let points: Value = serde_json::from_slice(&get(&page, "/api/points?after=3").await?)?;
        assert_eq!(points["points"].as_array().map(Vec::len), Some(1));
        assert!(get(&page, "/").await?.starts_with(b"<!doctype html>"));
        Ok(())
    });
}

fn reading_of(body: &[u8]) -> Result<Reading> {
    let message: Value = serde_json::from_slice(body)?;
    assert_eq!((&message["publisher"], &message["version"]), (&json!("me"), &json!(4)));
    let content = message["contentdata"].as_str().context("no content")?;
    let content = iofog_iomessage::base64::decode(content).context("not base64")?;
    Ok(serde_json::from_slice(&content)?)
}

/// Path and body of the next request; `None` when the connection ends.
async fn read_request(stream: &mut TcpStream) -> Result<Option<(String, Vec<u8>)>> {
    let mut bytes = Vec::new();
    loop {
        let mut byte = [0];
        if stream.read(&mut byte).await? == 0 {
            return Ok(None);
        }
        bytes.push(byte[0]);
        if bytes.ends_with(b"\r\n\r\n") {
            break;
        }
    }
    let head = String::from_utf8(bytes)?;
    let path = head.split(' ').nth(1).context("no path")?.to_owned();
    let length = head.lines().find_map(|line| {
        line.to_ascii_lowercase().strip_prefix("content-length:").map(|v| v.trim().parse())
    });
    let mut body = vec![0; length.transpose()?.unwrap_or(0)];
    stream.read_exact(&mut body).await?;
    Ok(Some((path, body)))
}

/// Answers the upgrade of the next request and hands the socket out.
async fn accept_socket(stream: TcpStream) -> Result<WebSocket<TokioIo<hyper::upgrade::Upgraded>>> {
    let (sender, receiver) = std::sync::mpsc::channel();
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        let sender = sender.clone();
        async move {
            assert_eq!(request.uri().path(), "/v2/message/socket/id/me");
            let (response, upgrade) = fastwebsockets::upgrade::upgrade(&mut request)?;
            let _ = sender.send(upgrade);
            Ok::<_, anyhow::Error>(response)
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    connection.await?;
    Ok(receiver.recv()?.await?)
}

/// A message of publisher `pub` as the Agent pushes it.
fn message_frame(seq: u64) -> Result<Vec<u8>> {
    let reading = Reading { run: 1, seq, time_us: 1, value: 20.0 };
    let content = serde_json::to_vec(&reading)?;
    let publisher = "pub".to_owned();
    let message = IoMessage { publisher, content_data: content.into(), ..IoMessage::default() };
    let message = message.encode()?;
    let mut frame = vec![0x0D];
    frame.extend(u32::try_from(message.len())?.to_be_bytes());
    frame.extend(message);
    Ok(frame)
}

async fn get(address: &str, path: &str) -> Result<Bytes> {
    let stream = TokioIo::new(TcpStream::connect(address).await?);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
    tokio::spawn(connection);
    let request = Request::get(path).header("Host", address).body(Empty::<Bytes>::new())?;
    let answer = sender.send_request(request).await?;
    assert_eq!(answer.status(), 200);
    Ok(answer.into_body().collect().await?.to_bytes())
}
