//! What hostile clients send: bombs, floods and bodies that never end. Each gets its status, the program stays small and alive, and
//! others are served meanwhile; a client that is refused early hears it although it is still sending.
#![allow(clippy::unwrap_used, reason = "a test may fail here")]

mod common;

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use common::Controller;
use serde_json::{Value, json};

/// Far above what the program needs, far below what any of the bombs would become.
const PEAK_KIB: u64 = 400 * 1024;

/// Largest resident memory so far.
fn peak_kib(controller: &Controller) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", controller.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn well(controller: &Controller) {
    assert_eq!(controller.call("GET", "/status", None, &Value::Null).status, 200);
    let peak = peak_kib(controller);
    assert!(peak < PEAK_KIB, "{peak} KiB");
}

fn open(controller: &Controller) -> TcpStream {
    let stream = TcpStream::connect(controller.address()).unwrap();
    // A guard against hangs, not a promise.
    stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
    stream
}

/// Status of the answer to these bytes, all of which have to be taken; 0 when the connection was closed without one.
fn status_of(controller: &Controller, head: &str, body: &[u8]) -> u16 {
    let mut stream = open(controller);
    stream.write_all(head.as_bytes()).unwrap();
    for part in body.chunks(100_000) {
        // Slower than the program reads: a connection that it had closed would refuse the next part.
        std::thread::sleep(Duration::from_millis(5));
        stream.write_all(part).unwrap();
    }
    answered(&mut stream)
}

fn answered(stream: &mut TcpStream) -> u16 {
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text);
    let text = String::from_utf8_lossy(&text);
    text.split_whitespace().nth(1).map_or(0, |status| status.parse().unwrap())
}

#[test]
fn yaml_bombs_are_refused() {
    let controller = Controller::start();
    let user = controller.user("a@b.co");
    // Nine levels of nine: 387 million nodes.
    let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..9 {
        let inner = vec![format!("*a{}", level - 1); 9].join(", ");
        let _ = writeln!(laughs, "a{level}: &a{level} [{inner}]");
    }
    // One text of 100 KB, ten thousand times.
    let text = format!("t: &t {}\nall: [{}]\n", "x".repeat(100_000), vec!["*t"; 10_000].join(","));
    let merges = format!("b: &b {{a: 1}}\n{}", "c: {<<: *b, <<: *b}\n".repeat(20_000));
    let tail = "kind: Application\nmetadata: {name: bomb}\nspec: {}\n";
    for (name, bomb) in [
        ("aliases", format!("{laughs}{tail}")),
        ("a large alias", format!("{text}{tail}")),
        ("merges", format!("{merges}{tail}")),
        ("itself", format!("a: &a [*a]\n{tail}")),
        ("lists", format!("a: {}{}\n{tail}", "[".repeat(200_000), "]".repeat(200_000))),
        ("objects", format!("a: {}1{}\n{tail}", "{a: ".repeat(100_000), "}".repeat(100_000))),
        ("blocks", format!("a:\n  {}1\n{tail}", "- ".repeat(200_000))),
        ("indents", {
            let mut deep = String::new();
            for level in 0..1200 {
                let _ = writeln!(deep, "{}a:", " ".repeat(level));
            }
            format!("{deep}{tail}")
        }),
        ("documents", "---\na\n".repeat(100_000)),
        ("tags", format!("a: {}1\n{tail}", "!a ".repeat(100_000))),
        ("no text", "\u{0}\u{1}\u{7f}".repeat(1000)),
    ] {
        for (path, field) in [
            ("/application/yaml", "application"),
            ("/applicationTemplate/yaml", "template"),
            ("/microservices/yaml", "microservice"),
        ] {
            let answer = controller.upload("POST", path, &user, field, &bomb);
            assert_eq!(answer.status, 400, "{name} at {path}: {}", answer.text);
            assert_eq!(answer.body["name"], "ValidationError", "{name}");
            assert!(answer.text.len() < 4096, "{name}: {} bytes", answer.text.len());
        }
        well(&controller);
    }
    let list = controller.call("GET", "/application", Some(&user), &Value::Null).body;
    assert_eq!(list["applications"], json!([]));
}

#[test]
fn nested_and_repeated_bodies_are_refused_or_harmless() {
    let controller = Controller::start();
    let user = controller.user("a@b.co");
    let send = |kind: &str, body: String| {
        let request = ureq::http::Request::builder()
            .method("POST")
            .uri(format!("{}/application", controller.base))
            .header("authorization", &user)
            .header("content-type", kind);
        controller.send(request.body(body).unwrap()).status
    };
    let json = "application/json";
    let object = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    assert_eq!(send(json, object(15_000)), 400);
    assert_eq!(send(json, format!("{{\"name\":{}", "[".repeat(90_000))), 400);
    // As deep as the parser goes: read, and refused for what it is.
    assert_eq!(send(json, object(100)), 400);
    let number = format!("{{\"name\":\"a\",\"description\":{}}}", "9".repeat(90_000));
    assert_eq!(send(json, number), 400);
    let repeated = format!("{{{}\"name\":5}}", "\"name\":\"a\",".repeat(8000));
    assert_eq!(send(json, repeated), 400);
    let form = "application/x-www-form-urlencoded";
    assert_eq!(send(form, format!("name{}=x", "[a]".repeat(30_000))), 400);
    assert_eq!(send(form, "name[]=x&".repeat(11_000)), 400);
    assert_eq!(send(form, "a[999999999999]=x&".repeat(5000)), 400);
    assert_eq!(send(form, "%".repeat(100_000)), 400);
    well(&controller);
}

#[test]
fn heads_are_bounded() {
    let controller = Controller::start();
    let user = controller.user("a@b.co");
    let start = "GET /api/v3/status HTTP/1.1\r\nhost: x\r\nconnection: close\r\n";
    let one = format!("{start}a: {}\r\n\r\n", "x".repeat(15_000));
    assert_eq!(status_of(&controller, &one, b""), 200, "within the bound");
    let over = format!("{start}a: {}\r\n\r\n", "x".repeat(17_000));
    assert_eq!(status_of(&controller, &over, b""), 431, "beyond the bound");
    let many: String = (0..1000).map(|number| format!("a{number}: x\r\n")).collect();
    assert_eq!(status_of(&controller, &format!("{start}{many}\r\n"), b""), 431);
    let query = "x".repeat(500_000);
    for target in [format!("/api/v3/status?{query}"), format!("/api/v3/{query}")] {
        let head = format!("GET {target} HTTP/1.1\r\nhost: x\r\n\r\n");
        let mut stream = open(&controller);
        // It may be refused before it is all sent.
        let _ = stream.write_all(head.as_bytes());
        assert!(matches!(answered(&mut stream), 0 | 414 | 431));
    }
    // A head that never ends is cut off at the bound, whatever is still coming.
    let mut stream = open(&controller);
    let mut sent = 0_usize;
    let mut taken = stream.write_all(start.as_bytes());
    while taken.is_ok() && sent < 64 * 1024 * 1024 {
        taken = stream.write_all(b"a: 0123456789012345678901234567890123456789\r\n");
        sent += 46;
    }
    assert!(taken.is_err(), "{sent} bytes of a head were taken");
    // Many pairs in a query within the bound: those beyond the first thousand are not read.
    let pairs = format!("filters[0][key]=name&{}", "filters=&".repeat(1500));
    let head = format!(
        "GET /api/v3/iofog-list?{pairs} HTTP/1.1\r\nhost: x\r\nauthorization: {user}\r\nconnection: close\r\n\r\n"
    );
    assert_eq!(status_of(&controller, &head, b""), 400);
    for nonsense in
        ["\r\n\r\n\r\n\r\n", "GET\r\n\r\n", "\u{0}\u{1}\u{2}\r\n\r\n", "GET / HTTP/9.9\r\n\r\n"]
    {
        let mut stream = open(&controller);
        stream.write_all(nonsense.as_bytes()).unwrap();
        let _ = stream.shutdown(Shutdown::Write);
        assert!(matches!(answered(&mut stream), 0 | 400), "{nonsense:?}");
    }
    let both = "POST /api/v3/user/login HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /api/v3/status HTTP/1.1\r\nhost: x\r\n\r\n";
    assert!(matches!(status_of(&controller, both, b""), 0 | 400), "one request, not two");
    let length = "POST /api/v3/user/login HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999999999999999\r\n\r\n";
    assert!(matches!(status_of(&controller, length, b""), 0 | 400));
    well(&controller);
}

/// What is refused needs no room of the budget, so it has to be short.
#[test]
fn refusals_repeat_little_of_a_request() {
    let controller = Controller::start();
    let user = controller.user("a@b.co");
    let long = "&".repeat(15_000);
    let escaped = "%01".repeat(4500);
    let method = "A".repeat(15_000);
    let end = format!("host: x\r\nconnection: close\r\nauthorization: {user}\r\n");
    for (name, head, status) in [
        ("a path", format!("GET /{long} HTTP/1.1\r\n{end}\r\n"), &[404][..]),
        ("a method", format!("{method} / HTTP/1.1\r\n{end}\r\n"), &[404]),
        ("an agent", format!("GET /api/v3/iofog/{escaped} HTTP/1.1\r\n{end}\r\n"), &[400, 404]),
        ("a name", format!("GET /api/v3/application/{escaped} HTTP/1.1\r\n{end}\r\n"), &[400, 404]),
        (
            "headers",
            format!(
                "OPTIONS /api/v3/status HTTP/1.1\r\naccess-control-request-headers: {}\r\n{end}\r\n",
                "x".repeat(15_000)
            ),
            &[204],
        ),
    ] {
        let mut stream = open(&controller);
        stream.write_all(head.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let told: u16 = text.split_whitespace().nth(1).unwrap().parse().unwrap();
        assert!(status.contains(&told), "{name}: {told}");
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.len() < 4096 && body.len() <= 4096, "{name}: {} {}", head.len(), body.len());
    }
    let short = "GET /a%3Cb&c HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let mut stream = open(&controller);
    stream.write_all(short.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.contains("<pre>Cannot GET /a%3Cb&amp;c</pre>"), "{text}");
    for (path, body) in [
        ("/agent/provision", json!({ "type": 1, "key": "\u{1}".repeat(15_000) })),
        ("/user/login", json!({ "email": "\u{1}".repeat(15_000), "password": "password1" })),
        ("/iofog", json!({ "name": "\u{1}".repeat(15_000), "fogType": 1 })),
        (
            "/application",
            json!({ "name": "a", "microservices": [{ "name": "\u{1}".repeat(15_000) }] }),
        ),
        ("/application", json!({ "\u{1}".repeat(15_000): 1 })),
    ] {
        let answer = controller.call("POST", path, Some(&user), &body);
        assert!(answer.status >= 400, "{path}: {}", answer.text);
        assert!(answer.text.len() <= 4096, "{path}: {} bytes", answer.text.len());
    }
}

#[test]
fn forms_of_many_parts_are_refused_or_harmless() {
    let controller = Controller::start();
    let (user, _, agent, one) = controller.network();
    let part = |name: &str, file: bool, text: &str| {
        let file = if file { "; filename=\"f\"" } else { "" };
        format!("--XX\r\ncontent-disposition: form-data; name=\"{name}\"{file}\r\n\r\n{text}\r\n")
    };
    let good = "kind: Application\nmetadata: {name: bomb}\nspec: {microservices: [], routes: []}\n";
    let send = |method: &str, path: &str, token: &str, body: String| {
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", controller.base))
            .header("authorization", token)
            .header("content-type", "multipart/form-data; boundary=XX");
        controller.send(request.body(body).unwrap()).status
    };
    let end = "--XX--\r\n";
    let file = part("application", true, good);
    let head = format!("--XX\r\nx: {}\r\n\r\n", "h".repeat(3_000_000));
    for (name, body, statuses) in [
        ("parts", format!("{}{end}", part("a", false, "x").repeat(50_000)), &[400, 413][..]),
        ("files", format!("{}{end}", part("application", true, "x").repeat(40_000)), &[400]),
        ("other files", format!("{}{end}", part("other", true, "x").repeat(40_000)), &[500]),
        ("a large head", format!("{head}{end}"), &[400]),
        ("many heads", format!("--XX\r\n{}\r\n{end}", "x: y\r\n".repeat(400_000)), &[400]),
        ("no end", file.clone(), &[400]),
        ("no start", "x".repeat(4_000_000), &[400]),
        (
            "too large",
            format!("{}{end}", part("application", true, &"x".repeat(5_000_000))),
            &[413],
        ),
        ("boundaries", "--XX\r\n".repeat(600_000), &[400]),
    ] {
        let status = send("POST", "/application/yaml", &user, body);
        assert!(statuses.contains(&status), "{name}: {status}");
        well(&controller);
    }
    assert_eq!(send("POST", "/application/yaml", &user, format!("{file}{end}")), 201);
    // Uploads that go to disk leave no file behind when they are refused.
    let path = format!("/microservices/{one}/image-snapshot");
    assert_eq!(controller.call("POST", &path, Some(&user), &Value::Null).status, 201);
    let cut = part("upstream", true, &"y".repeat(2_000_000)).replace("\r\n--", "");
    for (body, status) in [
        (format!("{}{end}", part("other", true, &"x".repeat(3_000_000))), 500),
        (cut[..cut.len() - 10].to_owned(), 400),
        (format!("{}{end}", part("a", false, "x").repeat(50_000)), 500),
    ] {
        assert_eq!(send("PUT", "/agent/image-snapshot", &agent, body), status);
        well(&controller);
    }
    let left = std::fs::read_dir(controller.folder().join("snapshots"));
    assert_eq!(left.map_or(0, Iterator::count), 0, "no file stays behind");
}

/// An upload whose body is not sent yet.
fn uploading(controller: &Controller, agent: &str, length: usize) -> TcpStream {
    let mut stream = open(controller);
    let head = format!(
        "PUT /api/v3/agent/image-snapshot HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: {agent}\r\ncontent-type: multipart/form-data; boundary=B\r\ncontent-length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

/// Start of a part with a file.
const FILE: &str = "--B\r\ncontent-disposition: form-data; name=\"upstream\"; filename=\"f\"\r\n";

#[test]
fn forms_that_never_come_to_their_file_are_cut_off() {
    let controller = Controller::start();
    let (_, _, agent, _) = controller.network();
    let length = 400_000_000;
    let block = vec![b'x'; 1_000_000];
    for (name, start) in [
        ("a head without an end", format!("{FILE}x: ")),
        ("no boundary", "x".to_owned()),
        ("padding", "--B ".to_owned()),
        ("the end of a head", format!("{FILE}x: y\r\n")),
    ] {
        let block = if name == "padding" { vec![b' '; block.len()] } else { block.clone() };
        let mut stream = uploading(&controller, &agent, length);
        stream.write_all(start.as_bytes()).unwrap();
        let mut sent = 0;
        // What is refused is read on for a while, and then no more.
        while sent < length && stream.write_all(&block).is_ok() {
            sent += block.len();
        }
        assert!(sent < 100_000_000, "{name}: {sent} bytes were taken");
        let mut stream = uploading(&controller, &agent, 40_000);
        stream.write_all(start.as_bytes()).unwrap();
        stream.write_all(&block[..40_000 - start.len()]).unwrap();
        assert_eq!(answered(&mut stream), 400, "{name}");
        well(&controller);
    }
    let twice = format!("{FILE}\r\nfirst\r\n{FILE}\r\nsecond\r\n--B--\r\n");
    let mut stream = uploading(&controller, &agent, twice.len());
    stream.write_all(twice.as_bytes()).unwrap();
    assert_eq!(answered(&mut stream), 500, "one file, as with the contract's own server");
}

#[test]
fn slow_uploads_are_given_up_and_hold_up_others_for_a_while() {
    let controller = Controller::start();
    let (_, _, agent, _) = controller.network();
    let mut slow: Vec<TcpStream> =
        (0..4).map(|_| uploading(&controller, &agent, 100_000)).collect();
    for stream in &mut slow {
        stream.write_all(FILE.as_bytes()).unwrap();
    }
    // They have their turns before the next one asks.
    std::thread::sleep(Duration::from_secs(1));
    let mut late = uploading(&controller, &agent, 100_000);
    let mut text = String::new();
    late.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 503 ") && text.contains("\r\nretry-after: "), "{text}");
    // One says no more, one too little.
    let mut drip = slow.pop().unwrap();
    let mut idle = slow.pop().unwrap();
    drop(slow);
    let sender = drip.try_clone().unwrap();
    let dripping = std::thread::spawn(move || {
        for _ in 0..120 {
            if (&sender).write_all(b"x").is_err() {
                return;
            }
            std::thread::sleep(Duration::from_secs(1));
        }
    });
    let statuses = [answered(&mut idle), answered(&mut drip)];
    assert_eq!(statuses[0], 408);
    assert!(matches!(statuses[1], 0 | 408), "{statuses:?}");
    drop((idle, drip));
    dripping.join().unwrap();
    let good = format!("{FILE}\r\n{}\r\n--B--\r\n", "x".repeat(200_000));
    let mut stream = uploading(&controller, &agent, good.len());
    stream.write_all(good.as_bytes()).unwrap();
    assert!(matches!(answered(&mut stream), 200..300 | 404), "there is a turn again");
    let left = std::fs::read_dir(controller.folder().join("snapshots"));
    assert_eq!(left.map_or(0, Iterator::count), 0, "no file stays behind");
}

#[test]
fn who_is_refused_early_hears_it_while_still_sending() {
    let controller = Controller::start();
    let (user, _, agent, _) = controller.network();
    let body = vec![b'x'; 3_000_000];
    let head = |method: &str, path: &str, token: &str, more: &str| {
        format!(
            "{method} /api/v3{path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: {token}\r\ncontent-length: {}\r\n{more}\r\n",
            body.len()
        )
    };
    let json = "content-type: application/json\r\n";
    let form = "content-type: multipart/form-data; boundary=XX\r\n";
    for (name, head, status) in [
        ("unknown path", head("POST", "/nothing", &user, json), 404),
        ("unknown method", head("PUT", "/status", &user, json), 404),
        ("a stranger", head("POST", "/application", "wrong", json), 401),
        ("a stranger's file", head("PUT", "/agent/image-snapshot", "wrong", form), 401),
        ("too large", head("PUT", "/config", &user, json), 413),
        ("another type", head("PUT", "/agent/image-snapshot", &agent, json), 400),
        ("no form", head("PUT", "/agent/image-snapshot", &agent, form), 400),
    ] {
        assert_eq!(status_of(&controller, &head, &body), status, "{name}");
    }
    // Beyond the bound nobody reads on; who asks first is told at once and sends nothing.
    let asks = head("PUT", "/agent/image-snapshot", "wrong", "expect: 100-continue\r\n");
    assert_eq!(status_of(&controller, &asks, b""), 401);
    well(&controller);
}

#[test]
fn slow_and_broken_bodies_hold_up_nobody() {
    let controller = Controller::start();
    let user = controller.user("a@b.co");
    let body = json!({ "key": "slow", "value": "v" }).to_string();
    let head = format!(
        "PUT /api/v3/config HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: {user}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let (first, rest) = body.split_at(5);
    let mut slow: Vec<TcpStream> = (0..200)
        .map(|_| {
            let mut stream = open(&controller);
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(first.as_bytes()).unwrap();
            stream
        })
        .collect();
    // Others that stopped inside their heads.
    let heads: Vec<TcpStream> = (0..200)
        .map(|_| {
            let mut stream = open(&controller);
            stream.write_all(b"GET /api/v3/status HTTP/1.1\r\nho").unwrap();
            stream
        })
        .collect();
    for _ in 0..20 {
        let quick = json!({ "key": "quick", "value": "v" });
        assert_eq!(controller.call("PUT", "/config", Some(&user), &quick).status, 200);
    }
    well(&controller);
    drop(heads);
    // Whoever goes on is answered; whoever leaves in the middle has done nothing.
    let mut last = slow.pop().unwrap();
    for byte in rest.bytes() {
        last.write_all(&[byte]).unwrap();
    }
    assert_eq!(answered(&mut last), 200);
    let mut cut = slow.pop().unwrap();
    cut.shutdown(Shutdown::Write).unwrap();
    assert!(matches!(answered(&mut cut), 0 | 400 | 408));
    drop(slow);
    let many = format!("{}0\r\n\r\n", "1;ext=aaaaaaaaaaaaaaaaaaaaaaaa\r\nx\r\n".repeat(60_000));
    let chunked =
        head.replace(&format!("content-length: {}", body.len()), "transfer-encoding: chunked");
    let mut stream = open(&controller);
    stream.write_all(chunked.as_bytes()).unwrap();
    let _ = stream.write_all(many.as_bytes());
    assert!(matches!(answered(&mut stream), 0 | 400 | 408), "extensions of chunks are bounded");
    well(&controller);
}
