//! State and counters for other programs of this machine: `/status` as JSON, `/metrics` for Prometheus.

use std::convert::Infallible;
use std::fmt::Write;
use std::io;
use std::net::Ipv4Addr;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use iofog_proxy::{MappingState, MappingStatus, ProxyHandle, ProxyStatus};
use iofog_task::boxed;
use tokio::net::TcpListener;

/// Clients served at one time; more wait.
const CLIENTS: usize = 8;

/// Serves for ever on loopback only.
pub(crate) async fn serve(port: u16, proxy: ProxyHandle) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let mut clients = tokio::task::JoinSet::new();
    loop {
        if clients.len() >= CLIENTS {
            clients.join_next().await;
        }
        let Ok((stream, _)) = listener.accept().await else { continue };
        let proxy = proxy.clone();
        clients.spawn_local(boxed(async move {
            let service = service_fn(move |request| {
                let response = answer(&request, &proxy.status());
                async move { Ok::<_, Infallible>(response) }
            });
            let serving = http1::Builder::new()
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), service);
            let _ = tokio::time::timeout(std::time::Duration::from_secs(10), serving).await;
        }));
        while clients.try_join_next().is_some() {}
    }
}

fn answer<B>(request: &Request<B>, status: &ProxyStatus) -> Response<Full<Bytes>> {
    let (kind, text) = match request.uri().path() {
        "/status" => ("application/json", serde_json::to_string(status).unwrap_or_default()),
        "/metrics" => ("text/plain; version=0.0.4", exposition(status)),
        _ => {
            let mut response = Response::new(Full::default());
            *response.status_mut() = StatusCode::NOT_FOUND;
            return response;
        }
    };
    let mut response = Response::new(Full::from(text));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// The text format of Prometheus.
fn exposition(status: &ProxyStatus) -> String {
    type Read = fn(&MappingStatus) -> u64;
    let series: [(&str, &str, Read); 7] = [
        ("running", "gauge", |m| u64::from(m.state == MappingState::Running)),
        ("router_connected", "gauge", |m| u64::from(m.router_connected)),
        ("uses_total", "counter", |m| m.uses),
        ("active", "gauge", |m| u64::from(m.active)),
        ("bytes_to_router_total", "counter", |m| m.bytes_to_router),
        ("bytes_from_router_total", "counter", |m| m.bytes_from_router),
        ("refused_total", "counter", |m| m.refused),
    ];
    let mut text = String::new();
    for (name, kind, read) in series {
        let _ = writeln!(text, "# TYPE iofog_proxy_{name} {kind}");
        for mapping in &status.mappings {
            let (label, value) = (escape(&mapping.mapping), read(mapping));
            let _ = writeln!(text, "iofog_proxy_{name}{{mapping=\"{label}\"}} {value}");
        }
    }
    let _ = writeln!(text, "# TYPE iofog_proxy_failures_total counter");
    for mapping in &status.mappings {
        let label = escape(&mapping.mapping);
        for (cause, count) in &mapping.failures {
            let _ = writeln!(
                text,
                "iofog_proxy_failures_total{{mapping=\"{label}\",cause=\"{cause}\"}} {count}"
            );
        }
    }
    text
}

fn escape(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status() -> ProxyStatus {
        let mapping = MappingStatus {
            mapping: "http:1=>amqp:\"q".to_owned(),
            state: MappingState::Running,
            router_connected: false,
            uses: 7,
            active: 1,
            bytes_to_router: 2,
            bytes_from_router: 3,
            refused: 4,
            failures: vec![("no-egress", 5)],
        };
        ProxyStatus { mappings: vec![mapping] }
    }

    #[test]
    fn metrics_text_names_each_counter_and_cause() {
        let text = exposition(&status());
        let label = "mapping=\"http:1=>amqp:\\\"q\"";
        for line in [
            format!("iofog_proxy_running{{{label}}} 1\n"),
            format!("iofog_proxy_router_connected{{{label}}} 0\n"),
            format!("iofog_proxy_uses_total{{{label}}} 7\n"),
            format!("iofog_proxy_failures_total{{{label},cause=\"no-egress\"}} 5\n"),
        ] {
            assert!(text.contains(&line), "{text}");
        }
    }

    #[test]
    fn metrics_paths() {
        let ask = |path: &str| answer(&Request::get(path).body(()).unwrap(), &status());
        assert_eq!(ask("/status").headers()["content-type"], "application/json");
        assert_eq!(ask("/metrics").status(), 200);
        assert_eq!(ask("/").status(), 404);
    }
}
