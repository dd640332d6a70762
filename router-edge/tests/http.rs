//! Health and metrics on a listener that speaks HTTP.

mod support;

use std::net::SocketAddr;

use iofog_amqp_client::Outcome;
use iofog_router::{RouterConfig, RuntimeOptions, start};
use support::{client, receiver, run, sender, text};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const CONFIG: &str = "router {\n mode: interior\n id: default-router\n}\n\
    listener {\n name: normal\n host: 127.0.0.1\n port: 0\n}\n\
    listener {\n name: http\n host: 127.0.0.1\n port: 0\n http: true\n httpRootDir: disabled\n \
    websockets: false\n healthz: true\n metrics: true\n}\n";

async fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("connects");
    stream.write_all(request.as_bytes()).await.expect("writes");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("reads");
    answer
}

#[test]
fn health_and_metrics_are_served() {
    run(async {
        let config = RouterConfig::from_text(CONFIG).unwrap();
        let router = start(config, RuntimeOptions::default()).await.unwrap();
        let listeners = router.status().listeners;
        let http = listeners.iter().find(|(name, _)| name == "http").unwrap().1;
        let health = ask(http, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(health.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"), "{health}");
        assert!(health.ends_with("\r\n\r\nOK\n"), "{health}");
        let connection = client(&router).await;
        let mut receiver = receiver(&connection, "q").await;
        let sender = sender(&connection, "q").await;
        let pending = sender.send_start(text("x"), false).await.unwrap();
        receiver.recv().await.unwrap().accept();
        assert_eq!(pending.await.unwrap(), Outcome::Accepted);
        let metrics = ask(http, "GET /metrics HTTP/1.1\r\n\r\n").await;
        for line in [
            "qdr_connections_total 1",
            "qdr_links_total 2",
            "qdr_routers_total 1",
            "qdr_accepted_deliveries_total 1",
            "# TYPE qdr_deliveries_ingress_total counter",
        ] {
            assert!(metrics.lines().any(|found| found == line), "{line} in {metrics}");
        }
        let missing = ask(http, "GET / HTTP/1.1\r\n\r\n").await;
        assert!(missing.starts_with("HTTP/1.1 404 "), "{missing}");
        let posted = ask(http, "POST /healthz HTTP/1.1\r\n\r\n").await;
        assert!(posted.starts_with("HTTP/1.1 405 "), "{posted}");
        let endless = ask(http, &"GET / HTTP/1.1 ".repeat(1_000)).await;
        assert!(endless.starts_with("HTTP/1.1 431 "), "{endless}");
    });
}
