//! The node's position and its address on the internet, from a service (agent contract 5.1).
#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[cfg(test)]
mod support;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use support::controller::Controller;
use support::daemon::Daemon;
use support::{eventually, folder};

/// A service that tells a latitude; counts who asked.
fn service(latitude: f64) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/json", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let head = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let head: Vec<String> = head.take_while(|line| !line.is_empty()).collect();
            assert_eq!(head[0], "GET /json HTTP/1.1");
            count.fetch_add(1, Ordering::SeqCst);
            let body = format!(r#"{{"lat":{latitude},"lon":13.405,"query":"198.51.100.7"}}"#);
            let length = body.len();
            write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
        }
    });
    (url, asked)
}

#[test]
fn a_service_tells_position_and_address_unless_that_is_off() {
    let controller = Controller::start();
    let folder = folder("geolocation");
    let (url, asked) = service(52.52);
    let elements = [
        ("controller_url", controller.url.as_str()),
        ("bind_address", "127.0.0.1"),
        ("status_update_freq", "2"),
        ("gps", "off"),
    ];
    let daemon = Daemon::start_with(&folder, &elements, &[("IOFOG_GEOLOCATION", &url)]);
    daemon.command(&["provision", "goodkey1"]);
    eventually("it would have asked", || {
        controller.with(|script| (script.statuses > 8).then_some(()))
    });
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    assert_eq!(controller.with(|script| script.status["ipAddressExternal"].clone()), "");

    daemon.command(&["config", "-gps", "auto"]);
    eventually("the controller hears of position and address", || {
        controller.with(|script| {
            let told = |body: &Value| body["latitude"] == 52.52 && body["longitude"] == 13.405;
            let address = script.status["ipAddressExternal"] == "198.51.100.7";
            (address && script.pushed.iter().any(told)).then_some(())
        })
    });
    let info = daemon.text(&["info"]);
    assert!(info.contains("52.52,13.405") && info.contains(": auto"), "{info}");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert!(daemon.terminate());
    let _ = std::fs::remove_dir_all(folder);
}

#[test]
fn a_position_that_the_controller_has_not_heard_is_not_taken_back_by_its_old_one() {
    let controller = Controller::start();
    let folder = folder("geolocation-untold");
    let elements = [
        ("controller_url", controller.url.as_str()),
        ("bind_address", "127.0.0.1"),
        ("status_update_freq", "2"),
    ];
    let (url, _) = service(52.52);
    let daemon = Daemon::start_with(&folder, &elements, &[("IOFOG_GEOLOCATION", &url)]);
    daemon.command(&["provision", "goodkey1"]);
    let is_told = |latitude: f64| {
        eventually("the controller hears of the position", || {
            let told = |body: &Value| body["latitude"] == latitude && body["gpsMode"] == "auto";
            controller.with(|script| script.pushed.iter().any(told).then_some(()))
        });
    };
    is_told(52.52);
    controller.with(|script| {
        script.config = json!({"latitude": 52.52, "longitude": 13.405, "statusFrequency": 2});
        script.refuses_config = true;
    });
    daemon.kill();

    // It has moved, and cannot say so; then somebody changes something else.
    let (url, _) = service(40.5);
    let variables = [("IOFOG_GEOLOCATION", url.as_str())];
    let daemon = Daemon::restart_in(&folder, &variables);
    let info_has = |words: &str| {
        eventually(words, || daemon.text(&["info"]).contains(words).then_some(()));
    };
    info_has("40.5,13.405");
    controller.with(|script| {
        script.config["changeFrequency"] = json!(7);
        script.raise(&["config"]);
    });
    info_has("Get Changes Frequency                    : 7");
    let info = daemon.text(&["info"]);
    assert!(info.contains("40.5,13.405") && info.contains(": auto"), "{info}");

    // It says so with the next change.
    controller.with(|script| {
        script.refuses_config = false;
        script.raise(&["config"]);
    });
    is_told(40.5);
    assert!(daemon.terminate());
    let _ = std::fs::remove_dir_all(folder);
}
