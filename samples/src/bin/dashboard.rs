//! Receives readings over the message socket and serves a page that draws them.

use std::cell::RefCell;
use std::convert::Infallible;
use std::io::Write;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use iofog_iomessage::IoMessage;
use iofog_samples::ledger::Ledger;
use iofog_samples::local_api::LocalApi;
use iofog_samples::page;
use iofog_samples::reading::{Reading, now_us};
use iofog_samples::stop::until_terminated;
use tokio::net::TcpListener;
use tokio::task::LocalSet;

/// Where the page is served unless `PAGE_ADDRESS` says otherwise.
const PAGE_ADDRESS: &str = "0.0.0.0:8080";

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, until_terminated(run()))
}

async fn run() -> Result<()> {
    let api = LocalApi::from_environment()?;
    let ledger = Rc::new(RefCell::new(Ledger::default()));
    let address = std::env::var("PAGE_ADDRESS").unwrap_or_else(|_| PAGE_ADDRESS.to_owned());
    let listener = TcpListener::bind(address).await.context("cannot serve the page")?;
    log(&format!("page at {}", listener.local_addr()?));
    tokio::task::spawn_local(receive_for_ever(api, Rc::clone(&ledger)));
    serve(listener, ledger).await
}

async fn receive_for_ever(api: LocalApi, ledger: Rc<RefCell<Ledger>>) {
    loop {
        if let Err(error) = receive(&api, &ledger).await {
            log(&format!("message socket: {error:#}"));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn receive(api: &LocalApi, ledger: &RefCell<Ledger>) -> Result<()> {
    let mut socket = api.message_socket().await?;
    log("message socket open");
    loop {
        let bytes = socket.next().await?;
        let now = now_us();
        match decode(&bytes) {
            Ok((publisher, reading)) => {
                ledger.borrow_mut().take(&publisher, &reading, now);
            }
            Err(error) => log(&format!("not a reading: {error:#}")),
        }
        socket.acknowledge().await?;
    }
}

fn decode(bytes: &Bytes) -> Result<(String, Reading)> {
    let message = IoMessage::decode(bytes)?;
    Ok((message.publisher, serde_json::from_slice(&message.content_data)?))
}

async fn serve(listener: TcpListener, ledger: Rc<RefCell<Ledger>>) -> Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        let ledger = Rc::clone(&ledger);
        let service = service_fn(move |request| {
            let answer = page::answer(&request, &ledger.borrow());
            async move { Ok::<_, Infallible>(answer) }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), service);
        tokio::task::spawn_local(async move {
            // A client that goes away in the middle concerns only itself.
            let _ = connection.await;
        });
    }
}

fn log(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}
