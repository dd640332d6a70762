//! Health and metrics over HTTP (router.md section 10): one small answer per connection.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use log::debug;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::machine::memory;
use super::shared::Shared;
use crate::config::HttpConfig;
use crate::core::DropReason;

/// Bytes that a request's head may have.
const HEAD_LIMIT: usize = 8 * 1024;
/// Time that a client has for its request and for reading the answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Pre-settled deliveries that were lost, by reason: beside the reference's sum of them.
const DROPS: &str = "iofog_router_dropped_presettled_total";
const TEXT: &str = "text/plain";
/// What Prometheus expects.
const METRICS: &str = "text/plain; version=0.0.4";

/// An answer before it is written.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: &'static str,
    content: &'static str,
    body: String,
}

/// Answers one request.
pub(super) async fn serve<S>(shared: Rc<Shared>, config: HttpConfig, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match tokio::time::timeout(PATIENCE, exchange(&shared, config, stream)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!("http: {error}"),
        Err(_) => debug!("http: client is too slow"),
    }
}

async fn exchange<S>(shared: &Shared, config: HttpConfig, mut stream: S) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut head = Vec::with_capacity(512);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if head.len() >= HEAD_LIMIT {
            return write(&mut stream, &refusal("431 Request Header Fields Too Large"), true).await;
        }
        if stream.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
    }
    let head = String::from_utf8_lossy(&head);
    let (method, path) = request_line(&head);
    let answer = answer(shared, config, method, path);
    write(&mut stream, &answer, method != "HEAD").await
}

async fn write<S: AsyncWrite + Unpin>(
    stream: &mut S,
    answer: &Answer,
    with_body: bool,
) -> io::Result<()> {
    let mut text = format!(
        "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        answer.status,
        answer.content,
        answer.body.len(),
    );
    if with_body {
        text.push_str(&answer.body);
    }
    stream.write_all(text.as_bytes()).await?;
    stream.shutdown().await
}

/// Method and path of the first line, the path without its query.
fn request_line(head: &str) -> (&str, &str) {
    let mut words = head.lines().next().unwrap_or_default().split(' ');
    let method = words.next().unwrap_or_default();
    let target = words.next().unwrap_or_default();
    (method, target.split('?').next().unwrap_or_default())
}

fn answer(shared: &Shared, config: HttpConfig, method: &str, path: &str) -> Answer {
    let found = match path {
        "/healthz" => config.healthz,
        "/metrics" => config.metrics,
        _ => false,
    };
    if !found {
        return refusal("404 Not Found");
    }
    if !matches!(method, "GET" | "HEAD") {
        return refusal("405 Method Not Allowed");
    }
    if path == "/healthz" {
        return Answer { status: "200 OK", content: TEXT, body: "OK\n".to_owned() };
    }
    Answer { status: "200 OK", content: METRICS, body: metrics(shared) }
}

fn refusal(status: &'static str) -> Answer {
    Answer { status, content: TEXT, body: format!("{status}\n") }
}

fn metrics(shared: &Shared) -> String {
    let core = shared.core.borrow();
    let (now, totals) = (core.snapshot(), core.totals());
    let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let own = usize::from(core.mode() == crate::config::Mode::Interior);
    let values: [(&str, u64); 19] = [
        ("qdr_connections_total", count(now.connections)),
        ("qdr_links_total", count(now.links)),
        ("qdr_addresses_total", count(now.addresses)),
        ("qdr_routers_total", count(now.routers + own)),
        ("qdr_link_routes_total", count(now.link_routes)),
        ("qdr_auto_links_total", count(now.auto_links)),
        ("qdr_presettled_deliveries_total", totals.presettled),
        ("qdr_dropped_presettled_deliveries_total", totals.drops.total()),
        ("qdr_accepted_deliveries_total", totals.accepted),
        ("qdr_released_deliveries_total", totals.released),
        ("qdr_rejected_deliveries_total", totals.rejected),
        ("qdr_modified_deliveries_total", totals.modified),
        ("qdr_deliveries_ingress_total", totals.ingress),
        ("qdr_deliveries_egress_total", totals.egress),
        ("qdr_deliveries_transit_total", totals.transit),
        ("qdr_deliveries_delayed_1sec_total", totals.delays.second),
        ("qdr_deliveries_delayed_10sec_total", totals.delays.ten_seconds),
        ("qdr_links_blocked_total", count(now.links_blocked)),
        ("qdr_router_rss_bytes", memory("VmRSS:").unwrap_or(0)),
    ];
    let mut text = String::new();
    for (name, value) in values {
        let kind = if name.contains("deliveries") { "counter" } else { "gauge" };
        text.push_str(&format!("# TYPE {name} {kind}\n{name} {value}\n"));
    }
    text.push_str(&format!("# TYPE {DROPS} counter\n"));
    for reason in DropReason::ALL {
        let (label, value) = (reason.label(), totals.drops.of(reason));
        text.push_str(&format!("{DROPS}{{reason=\"{label}\"}} {value}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_lines_are_split() {
        assert_eq!(request_line("GET /metrics?x=1 HTTP/1.1\r\n\r\n"), ("GET", "/metrics"));
        assert_eq!(request_line(""), ("", ""));
        assert_eq!(request_line("junk"), ("junk", ""));
    }
}
