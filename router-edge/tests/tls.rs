//! TLS and SASL over real sockets: who gets in, as whom, and what a change of certificates disturbs.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may fail here")]

#[path = "support/files.rs"]
mod files;
mod support;

use std::net::SocketAddr;
use std::rc::Rc;

use files::Files;
use iofog_amqp::{Body, Message, Value};
use iofog_amqp_client::{Address, Connection, ConnectionOptions, Outcome, ReceiverOptions, Sasl};
use iofog_router::config::{Mode, Role};
use iofog_router::identity::hash_password;
use iofog_router::{RouterConfig, RouterHandle, RuntimeOptions, StartError, start};
use iofog_tls::{Authority, ClientOptions, Identity, Trust};
use support::{anonymous, body, port, receiver, run, sender, text, text_to, until};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A listener entity on a free port, named by its role.
fn listener(role: Role, attributes: &str) -> String {
    let role = role.as_str();
    format!(
        "listener {{\n name: {role}\n role: {role}\n host: 127.0.0.1\n port: 0\n{attributes}\n}}\n"
    )
}

const MUTUAL: &str =
    " sslProfile: server\n requireSsl: yes\n saslMechanisms: EXTERNAL\n authenticatePeer: yes";
const ENCRYPTED: &str = " sslProfile: server\n requireSsl: yes";

fn connector(role: Role, to: SocketAddr, attributes: &str) -> String {
    let (host, port) = (to.ip(), to.port());
    format!(
        "connector {{\n name: up\n role: {}\n host: {host}\n port: {port}\n{attributes}\n}}\n",
        role.as_str()
    )
}

/// A client over TLS; the certificate is shown where there is one.
async fn tls_client(
    to: SocketAddr,
    trust: &Authority,
    identity: Option<Identity>,
    sasl: Sasl,
) -> Result<Connection, String> {
    let trust = Trust::from_pem(trust.certificate().as_bytes()).unwrap();
    let config = ClientOptions { identity, ..ClientOptions::new(trust) }.build().unwrap();
    let stream = TcpStream::connect(to).await.unwrap();
    let name = "localhost".try_into().unwrap();
    let connecting = TlsConnector::from(config).connect(name, stream).await;
    let stream = connecting.map_err(|error| error.to_string())?;
    let options =
        ConnectionOptions { container_id: "tls".to_owned(), sasl, ..ConnectionOptions::default() };
    Connection::open(Box::new(stream), options).await.map_err(|error| error.to_string())
}

async fn plain_client(to: SocketAddr, sasl: Sasl) -> Result<Connection, String> {
    let stream = TcpStream::connect(to).await.unwrap();
    let options =
        ConnectionOptions { container_id: "bare".to_owned(), sasl, ..ConnectionOptions::default() };
    Connection::open(Box::new(stream), options).await.map_err(|error| error.to_string())
}

/// A message of each size there and back, each byte as it was.
async fn round_trip(one: &Connection, two: &Connection, address: &str) {
    let mut receiver = receiver(two, address).await;
    let sender = sender(one, address).await;
    for size in [0, 1, 20_000, 3_000_000] {
        let payload = text(&"x".repeat(size));
        let pending = sender.send_start(payload.clone(), false).await.unwrap();
        let delivery = receiver.recv().await.unwrap();
        assert_eq!(delivery.message, payload);
        delivery.accept();
        assert_eq!(pending.await.unwrap(), Outcome::Accepted);
    }
}

/// One attribute of each open connection, by container id of its peer.
async fn seen_by_management(router: &RouterHandle, attribute: &str) -> Vec<(String, Value)> {
    let client = support::local_client(router).await;
    let mut replies = client.receiver(ReceiverOptions::from(Address::Dynamic)).await.unwrap();
    let request = anonymous(&client).await;
    let names = Value::List(vec!["container".into(), attribute.into()]);
    let mut message = Message {
        body: Body::Value(Value::Map(vec![("attributeNames".into(), names)])),
        application_properties: vec![
            ("operation".into(), "QUERY".into()),
            ("entityType".into(), "connection".into()),
        ],
        ..Message::default()
    };
    message.properties_mut().to = Some("$management".to_owned());
    message.properties_mut().reply_to = replies.address().map(str::to_owned);
    request.send(message.encode()).await.unwrap();
    let reply = Message::decode(&replies.recv().await.unwrap().message).unwrap();
    let Body::Value(body) = reply.body else { unreachable!() };
    let rows = body.get("results").and_then(Value::as_list).unwrap();
    let row = |row: &Value| {
        let row = row.as_list().unwrap();
        (row[0].as_str().unwrap().to_owned(), row[1].clone())
    };
    rows.iter().map(row).collect()
}

#[test]
fn edges_and_interiors_join_by_mutual_tls() {
    run(async {
        let files = Files::new("mutual");
        let listeners = [Role::Edge, Role::InterRouter].map(|role| listener(role, MUTUAL)).concat();
        let a = files.router(Mode::Interior, "A", &listeners).await;
        let dial = " sslProfile: client";
        let normal = listener(Role::Normal, "");
        let up = connector(Role::InterRouter, port(&a, Role::InterRouter), dial);
        let b = files.router(Mode::Interior, "B", &format!("{normal}{up}")).await;
        let up = connector(Role::Edge, port(&a, Role::Edge), dial);
        let edge = files.router(Mode::Edge, "E", &format!("{normal}{up}")).await;
        until(|| edge.status().uplink && a.status().routers == 1).await;
        let (one, two) = (support::client(&edge).await, support::client(&b).await);
        round_trip(&one, &two, "q").await;
        let users = seen_by_management(&a, "user").await;
        for peer in ["B", "E"] {
            assert!(users.contains(&(peer.to_owned(), "client".into())), "{users:?}");
        }
        let sasl = seen_by_management(&a, "sasl").await;
        assert!(sasl.contains(&("E".to_owned(), "EXTERNAL".into())), "{sasl:?}");
        let protocol = seen_by_management(&b, "sslProto").await;
        assert!(protocol.contains(&("A".to_owned(), "TLSv1.3".into())), "{protocol:?}");
    });
}

#[test]
fn strangers_are_kept_out() {
    run(async {
        let files = Files::new("strangers");
        let router = files.router(Mode::Standalone, "R", &listener(Role::Normal, MUTUAL)).await;
        let to = port(&router, Role::Normal);
        let known = || Some(files.identity("client"));
        let good = tls_client(to, &files.authority, known(), Sasl::External).await.unwrap();
        let none = tls_client(to, &files.authority, None, Sasl::External).await;
        assert!(none.is_err(), "no certificate");
        let other = Authority::new("authority").unwrap();
        let issued = other.issue("client", &["localhost"]).unwrap();
        let forged =
            Identity::from_pem(issued.certificate.as_bytes(), issued.key.as_bytes()).unwrap();
        let forged = tls_client(to, &files.authority, Some(forged), Sasl::External).await;
        assert!(forged.is_err(), "a certificate of another authority with the same name");
        let wrong = tls_client(to, &files.authority, known(), Sasl::Anonymous).await;
        assert!(wrong.is_err(), "a mechanism that is not offered");
        assert!(plain_client(to, Sasl::Anonymous).await.is_err(), "not encrypted");
        round_trip(&good, &good, "q").await;
    });
}

#[test]
fn connectors_judge_the_server() {
    run(async {
        let files = Files::new("judge");
        let other = Files::new("judge-other");
        let top = files.router(Mode::Interior, "T", &listener(Role::Edge, ENCRYPTED)).await;
        let to = port(&top, Role::Edge);
        // The certificate is not for this address of loopback.
        let elsewhere = SocketAddr::new("127.0.0.2".parse().unwrap(), to.port());
        drop(top);
        let any = listener(Role::Edge, ENCRYPTED).replace("127.0.0.1", "0.0.0.0");
        let top = files.router(Mode::Interior, "T", &any).await;
        let elsewhere = SocketAddr::new(elsewhere.ip(), port(&top, Role::Edge).port());
        for (files, attributes, reaches) in [
            (&files, "", false),
            (&files, " verifyHostname: no", true),
            (&other, " verifyHostname: no", false),
        ] {
            let up =
                connector(Role::Edge, elsewhere, &format!(" sslProfile: client\n{attributes}"));
            let edge = files.router(Mode::Edge, "E", &up).await;
            if reaches {
                until(|| edge.status().uplink).await;
            } else {
                until(|| edge.status().connectors[0].message.contains("certificate")).await;
                assert!(!edge.status().uplink);
            }
            edge.shutdown().await;
        }
    });
}

#[test]
fn one_port_serves_both_until_encryption_is_required() {
    run(async {
        let files = Files::new("sniff");
        let both = files
            .router(Mode::Standalone, "R", &listener(Role::Normal, " sslProfile: server"))
            .await;
        let to = port(&both, Role::Normal);
        let encrypted = tls_client(to, &files.authority, None, Sasl::Anonymous).await.unwrap();
        let plain = plain_client(to, Sasl::Anonymous).await.unwrap();
        round_trip(&plain, &encrypted, "q").await;
        let seen = seen_by_management(&both, "isEncrypted").await;
        assert!(seen.contains(&("tls".to_owned(), true.into())), "{seen:?}");
        assert!(seen.contains(&("bare".to_owned(), false.into())), "{seen:?}");
        let strict = " sslProfile: server\n requireEncryption: yes";
        let strict = files.router(Mode::Standalone, "S", &listener(Role::Normal, strict)).await;
        let to = port(&strict, Role::Normal);
        assert!(plain_client(to, Sasl::Anonymous).await.is_err());
        tls_client(to, &files.authority, None, Sasl::Anonymous).await.unwrap();
    });
}

#[test]
fn passwords_are_checked_and_users_may_change() {
    run(async {
        let files = Files::new("plain");
        let attributes = " sslProfile: server\n saslMechanisms: PLAIN\n authenticatePeer: yes";
        let router = files.router(Mode::Standalone, "R", &listener(Role::Normal, attributes)).await;
        let to = port(&router, Role::Normal);
        let login = |user: &str, password: &str| Sasl::Plain {
            username: user.to_owned(),
            password: password.to_owned(),
        };
        let authority = &files.authority;
        let open = |sasl| tls_client(to, authority, None, sasl);
        let ann = open(login("ann", "sesame")).await.unwrap();
        for wrong in [
            login("ann", "x"),
            login("bob", "sesame"),
            login("ann", ""),
            Sasl::Anonymous,
            Sasl::None,
        ] {
            assert!(open(wrong.clone()).await.is_err(), "{wrong:?}");
        }
        let users = seen_by_management(&router, "user").await;
        assert!(users.contains(&("tls".to_owned(), "ann".into())), "{users:?}");
        let users = format!("# other people\nbob:{}\n", hash_password("new", [2; 16]));
        std::fs::write(files.path("users"), users).unwrap();
        open(login("bob", "new")).await.unwrap();
        assert!(open(login("ann", "sesame")).await.is_err());
        // What cannot be read changes nothing.
        std::fs::write(files.path("users"), "nonsense").unwrap();
        open(login("bob", "new")).await.unwrap();
        round_trip(&ann, &ann, "q").await;
    });
}

#[test]
fn new_certificates_disturb_no_connection() {
    run(async {
        let files = Files::new("rotation");
        let router = files.router(Mode::Standalone, "R", &listener(Role::Normal, MUTUAL)).await;
        let to = port(&router, Role::Normal);
        let known = files.identity("client");
        let before =
            tls_client(to, &files.authority, Some(known.clone()), Sasl::External).await.unwrap();
        let mut receiver = receiver(&before, "q").await;
        let sender = sender(&before, "q").await;
        let (serial, next) = (serial(to, &files).await, Rc::new(Authority::new("next").unwrap()));
        // Half written files: the certificates before stay.
        std::fs::write(files.path("server.crt"), "-----BEGIN").unwrap();
        assert_eq!(self::serial(to, &files).await, serial);
        files.issue("server");
        let renewed = self::serial(to, &files).await;
        assert_ne!(renewed, serial, "a new connection sees the new certificate");
        // Both authorities for a while: old and new clients get in.
        let authorities = format!("{}{}", files.authority.certificate(), next.certificate());
        std::fs::write(files.path("ca"), authorities).unwrap();
        let issued = next.issue("client-2", &["localhost"]).unwrap();
        let newer =
            Identity::from_pem(issued.certificate.as_bytes(), issued.key.as_bytes()).unwrap();
        let newer = tls_client(to, &files.authority, Some(newer), Sasl::External).await.unwrap();
        tls_client(to, &files.authority, Some(known.clone()), Sasl::External).await.unwrap();
        // Then the old one goes: its clients stay connected, new connections are refused.
        std::fs::write(files.path("ca"), next.certificate()).unwrap();
        assert!(tls_client(to, &files.authority, Some(known), Sasl::External).await.is_err());
        for n in 0..100 {
            let pending = sender.send_start(text(&n.to_string()), false).await.unwrap();
            let delivery = receiver.recv().await.unwrap();
            assert_eq!(body(&delivery), n.to_string());
            delivery.accept();
            assert_eq!(pending.await.unwrap(), Outcome::Accepted);
        }
        let other = anonymous(&newer).await;
        let pending = other.send_start(text_to("q", "new"), false).await.unwrap();
        receiver.recv().await.unwrap().accept();
        assert_eq!(pending.await.unwrap(), Outcome::Accepted);
    });
}

/// The certificate that a new connection is shown.
async fn serial(to: SocketAddr, files: &Files) -> Vec<u8> {
    let trust = Trust::from_pem(files.authority.certificate().as_bytes()).unwrap();
    let identity = Some(files.identity("client"));
    let config = ClientOptions { identity, ..ClientOptions::new(trust) }.build().unwrap();
    let stream = TcpStream::connect(to).await.unwrap();
    let name = "localhost".try_into().unwrap();
    let stream = TlsConnector::from(config).connect(name, stream).await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

/// What cannot work is said at the start, with the entity and the attribute.
#[test]
fn mistakes_are_told_at_the_start() {
    run(async {
        let files = Files::new("mistakes");
        let text = |attributes: &str| {
            format!("{}{}", files.profiles(), listener(Role::Normal, attributes))
        };
        let refused = |text: &str| RouterConfig::from_text(text).unwrap_err().to_string();
        for (attributes, rule) in [
            (" sslProfile: nobody", "`sslProfile` names no sslProfile: `nobody`"),
            (" requireSsl: yes", "`requireSsl` needs an sslProfile"),
            (" requireEncryption: yes", "`requireEncryption` needs an sslProfile"),
            (" saslMechanisms: EXTERNAL", "EXTERNAL needs an sslProfile with a caCertFile"),
            (" saslMechanisms: PLAIN", "PLAIN needs `saslUsersFile` of the router entity"),
            (" saslMechanisms: GSSAPI", "has none of ANONYMOUS, EXTERNAL, PLAIN in `GSSAPI`"),
        ] {
            let error = refused(&text(attributes));
            assert!(error.starts_with("listener normal: attribute"), "{error}");
            assert!(error.contains(rule), "{error}");
        }
        let profile =
            |attributes: &str| refused(&format!("sslProfile {{\n name: p\n{attributes}\n}}\n"));
        assert!(
            profile(" certFile: x").contains("`certFile` and `privateKeyFile` need each other")
        );
        assert!(profile(" uidFormat: cx").contains("may have the letters c s l o u n 1 2 5 only"));
        assert!(profile(" protocols: TLSv1").contains("must name TLSv1.2 or TLSv1.3"));
        let to = "127.0.0.1:1".parse().unwrap();
        let dial = |attributes: &str| {
            refused(&format!(
                "router {{\n mode: edge\n}}\n{}",
                connector(Role::Edge, to, attributes)
            ))
        };
        assert!(dial(" saslMechanisms: PLAIN").contains("needs `saslUsername` and `saslPassword`"));
        assert!(dial(" saslMechanisms: EXTERNAL").contains("needs an sslProfile with a certFile"));
        assert!(dial(" saslUsername: ann").contains("`saslPassword` is required"));

        let config = files.config(Mode::Standalone, "R", &listener(Role::Normal, ENCRYPTED));
        std::fs::write(files.path("server.key"), "no key").unwrap();
        let error = start(config.clone(), RuntimeOptions::default()).await.err().unwrap();
        assert!(matches!(&error, StartError::Tls { .. }), "{error}");
        assert_eq!(error.to_string(), "listener normal: sslProfile cannot be used");
        std::fs::remove_file(files.path("users")).unwrap();
        let error = start(config, RuntimeOptions::default()).await.err().unwrap();
        assert!(error.to_string().starts_with("saslUsersFile"), "{error}");
    });
}

/// Qpid Proton with OpenSSL behind it, by certificate, by password, and without either.
#[test]
fn proton_speaks_tls_with_the_router() {
    run(async {
        let check = tokio::process::Command::new("/usr/bin/python3")
            .args(["-c", "import proton"])
            .stderr(std::process::Stdio::null())
            .status();
        if !check.await.is_ok_and(|status| status.success()) {
            println!("skipped: no Qpid Proton for /usr/bin/python3");
            return;
        }
        let files = Files::new("proton");
        let external = files.router(Mode::Standalone, "X", &listener(Role::Normal, MUTUAL)).await;
        let plain = " sslProfile: server\n requireSsl: yes\n saslMechanisms: PLAIN ANONYMOUS";
        let plain = files.router(Mode::Standalone, "P", &listener(Role::Normal, plain)).await;
        let script = format!("{}/tests/proton/tls.py", env!("CARGO_MANIFEST_DIR"));
        let peer = async |router: &RouterHandle, cert: &str, login: &[&str]| {
            let port = port(router, Role::Normal).port().to_string();
            let (cert, key) = match cert {
                "-" => ("-".to_owned(), "-".to_owned()),
                name => (files.path(&format!("{name}.crt")), files.path(&format!("{name}.key"))),
            };
            let mut command = tokio::process::Command::new("/usr/bin/python3");
            command.arg(&script).args([&port, &files.path("ca"), &cert, &key]).args(login);
            let output = command.kill_on_drop(true).output().await.unwrap();
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        };
        assert_eq!(peer(&external, "client", &["EXTERNAL"]).await, "50 50");
        assert_eq!(peer(&external, "-", &["EXTERNAL"]).await, "0 0");
        assert_eq!(peer(&plain, "-", &["PLAIN", "ann", "sesame"]).await, "50 50");
        assert_eq!(peer(&plain, "-", &["PLAIN", "ann", "wrong"]).await, "0 0");
        assert_eq!(peer(&plain, "-", &["ANONYMOUS"]).await, "50 50");
    });
}
