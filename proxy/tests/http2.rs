//! HTTP/2 mappings between programs that know nothing of them: Node's and curl's clients, Node's server, with
//! an edge and an interior router between the two ends.
#![allow(clippy::unwrap_used, reason = "test code outside of test functions")]

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::*;
use iofog_proxy::{NetworkRouter, ProxyConfig, ProxyHandle, ProxyOptions};
use iofog_router::RouterHandle;
use iofog_tls::Authority;

/// Two routers with a proxy on each.
struct Way {
    routers: [RouterHandle; 2],
    near: ProxyHandle,
    far: ProxyHandle,
    public: u16,
}

impl Way {
    async fn to(target: u16, certificates: Option<&Path>) -> Self {
        let [port, edge_listener, inter] = [free_port(), free_port(), free_port()];
        let interior = interior(port, edge_listener, inter).await;
        let edge_port = free_port();
        let edge = edge("edge", edge_port, edge_listener).await;
        let public = free_port();
        let near = proxy(edge_port, &[format!("amqp:q=>http2:{target}")]);
        let config = ProxyConfig {
            mappings: vec![format!("http2:{public}=>amqp:q")],
            network_router: NetworkRouter { host: "127.0.0.1".to_owned(), port },
        };
        let certificates = certificates.map(Path::to_owned);
        let far = iofog_proxy::start(config, ProxyOptions { certificates, ..options() });
        connected(&near).await;
        connected(&far).await;
        Self { routers: [edge, interior], near, far, public }
    }

    async fn stop(self) {
        // Nothing of what was begun is left.
        for proxy in [&self.near, &self.far] {
            while proxy.status().mappings[0].active > 0 {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        }
        drop((self.near, self.far));
        for router in self.routers {
            router.shutdown().await;
        }
    }
}

/// None when there is no Node.
#[allow(clippy::print_stdout, reason = "tells that the test did not run")]
fn http2_server() -> Option<Http2Server> {
    if http2_script().arg("none").output().is_err() {
        println!("skipped: node is not installed");
        return None;
    }
    Some(Http2Server::start())
}

fn case(name: &'static str) {
    run(async move {
        let Some(server) = http2_server() else { return };
        let way = Way::to(server.port, None).await;
        let mut client = http2_script();
        client.args(["client", &format!("http://127.0.0.1:{}", way.public), name]);
        let said = output(client).await;
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        way.stop().await;
    });
}

#[test]
fn http2_heads_travel() {
    case("heads");
}

#[test]
fn http2_bodies_and_trailers_travel() {
    case("bodies");
}

#[test]
fn http2_both_directions_flow_at_the_same_time() {
    case("talk");
}

#[test]
fn http2_resets_reach_the_other_side_with_their_code() {
    case("resets");
}

#[test]
fn http2_two_hundred_streams_at_once() {
    case("parallel");
}

#[test]
fn http2_who_does_not_read_stops_no_one_else() {
    case("flow");
}

#[test]
fn http2_from_curl_in_the_clear_and_over_tls() {
    run(async {
        let Some(server) = http2_server() else { return };
        let folder = std::env::temp_dir().join(format!("iofog-http2-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let authority = Authority::new("ca").unwrap();
        let issued = authority.issue("localhost", &["localhost"]).unwrap();
        fs::write(folder.join("tls.crt"), &issued.certificate).unwrap();
        fs::write(folder.join("tls.key"), &issued.key).unwrap();
        let ca = folder.join("ca.crt");
        fs::write(&ca, authority.certificate()).unwrap();
        for secure in [false, true] {
            let way = Way::to(server.port, secure.then_some(folder.as_path())).await;
            let mut curl = Command::new("curl");
            let scheme = if secure { "https" } else { "http" };
            let version = if secure { "--http2" } else { "--http2-prior-knowledge" };
            curl.args(["--silent", "--show-error", version, "--cacert"]).arg(&ca);
            curl.args(["--write-out", " %{http_version} %{http_code}", "--data", "some words"]);
            curl.arg(format!("{scheme}://localhost:{}/echo", way.public));
            let said = output(curl).await;
            let text = String::from_utf8_lossy(&said.stdout).into_owned();
            assert_eq!(text, "some words 2 200", "{}", String::from_utf8_lossy(&said.stderr));
            way.stop().await;
        }
        fs::remove_dir_all(&folder).unwrap();
    });
}

#[test]
fn http2_is_not_there_unless_it_was_asked_for() {
    run(async {
        let config =
            ProxyConfig { mappings: vec!["http2:1=>amqp:q".to_owned()], ..ProxyConfig::default() };
        let without = iofog_proxy::start(config, ProxyOptions { http2: None, ..options() });
        let state = &without.status().mappings[0].state;
        let iofog_proxy::MappingState::Failed(why) = state else { panic!("{state:?}") };
        assert!(why.contains("http2"), "{why}");
    });
}
