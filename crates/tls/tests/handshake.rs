//! Both sides of a handshake in memory: who is believed, who is not, and what a reload changes.

#![allow(clippy::unwrap_used, reason = "a test may fail here")]

use std::sync::Arc;

use iofog_tls::rustls::{
    ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection,
};
use iofog_tls::{
    Authority, ClientCheck, ClientOptions, Identity, Issued, Reloading, ServerCheck, ServerOptions,
    TlsError, Trust,
};

fn identity(issued: &Issued) -> Identity {
    Identity::from_pem(issued.certificate.as_bytes(), issued.key.as_bytes()).unwrap()
}

fn trust(authority: &Authority) -> Trust {
    Trust::from_pem(authority.certificate().as_bytes()).unwrap()
}

/// Carries bytes between the two until the handshake is over or one side fails.
fn handshake(
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    name: &str,
) -> Result<(), String> {
    let name = name.to_owned().try_into().unwrap();
    let mut client = Connection::from(ClientConnection::new(client, name).unwrap());
    let mut server = Connection::from(ServerConnection::new(server).unwrap());
    for _ in 0..10 {
        carry(&mut client, &mut server)?;
        carry(&mut server, &mut client)?;
    }
    assert!(!client.is_handshaking() && !server.is_handshaking(), "handshake did not end");
    Ok(())
}

fn carry(from: &mut Connection, to: &mut Connection) -> Result<(), String> {
    let mut bytes = Vec::new();
    while from.wants_write() {
        from.write_tls(&mut bytes).unwrap();
    }
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        to.read_tls(&mut rest).unwrap();
        to.process_new_packets().map_err(|error| error.to_string())?;
    }
    Ok(())
}

#[test]
fn right_authority_and_name_are_believed() {
    let authority = Authority::new("test").unwrap();
    let server =
        ServerOptions::new(identity(&authority.issue("c", &["here", "127.0.0.1"]).unwrap()));
    let client = ClientOptions::new(trust(&authority));
    for name in ["here", "127.0.0.1"] {
        handshake(client.build().unwrap(), server.build().unwrap(), name).unwrap();
    }
}

#[test]
fn wrong_name_is_refused_unless_any_is_allowed() {
    let authority = Authority::new("test").unwrap();
    let server = ServerOptions::new(identity(&authority.issue("c", &["here"]).unwrap()));
    let mut client = ClientOptions::new(trust(&authority));
    handshake(client.build().unwrap(), server.build().unwrap(), "there").unwrap_err();
    client.check = ServerCheck::AnyName;
    handshake(client.build().unwrap(), server.build().unwrap(), "there").unwrap();
}

#[test]
fn any_name_still_wants_the_right_authority() {
    let server = Authority::new("other").unwrap().issue("c", &["here"]).unwrap();
    let mut client = ClientOptions::new(trust(&Authority::new("test").unwrap()));
    client.check = ServerCheck::AnyName;
    let server = ServerOptions::new(identity(&server));
    handshake(client.build().unwrap(), server.build().unwrap(), "here").unwrap_err();
}

#[test]
fn self_signed_certificate_stands_for_itself() {
    let issued = Issued::self_signed("c", &["here"]).unwrap();
    let client = ClientOptions::new(Trust::from_pem(issued.certificate.as_bytes()).unwrap());
    let server = ServerOptions::new(identity(&issued));
    handshake(client.build().unwrap(), server.build().unwrap(), "here").unwrap();
}

#[test]
fn clients_show_certificates_where_asked() {
    let authority = Authority::new("test").unwrap();
    let mut server = ServerOptions::new(identity(&authority.issue("c", &["here"]).unwrap()));
    let nameless = ClientOptions::new(trust(&authority));
    let named = ClientOptions {
        identity: Some(identity(&authority.issue("agent", &["agent"]).unwrap())),
        ..nameless.clone()
    };
    let stranger = ClientOptions {
        identity: Some(identity(&Issued::self_signed("agent", &["agent"]).unwrap())),
        ..nameless.clone()
    };
    let run = |client: &ClientOptions, server: &ServerOptions| {
        handshake(client.build().unwrap(), server.build().unwrap(), "here")
    };
    server.clients = ClientCheck::Optional(trust(&authority));
    run(&nameless, &server).unwrap();
    run(&named, &server).unwrap();
    run(&stranger, &server).unwrap_err();
    server.clients = ClientCheck::Required(trust(&authority));
    run(&nameless, &server).unwrap_err();
    run(&named, &server).unwrap();
}

#[test]
fn a_key_that_does_not_fit_is_refused_at_once() {
    let authority = Authority::new("test").unwrap();
    let one = authority.issue("c", &["here"]).unwrap();
    let other = authority.issue("c", &["here"]).unwrap();
    let mixed = Identity::from_pem(one.certificate.as_bytes(), other.key.as_bytes()).unwrap();
    let error = ServerOptions::new(mixed).build().unwrap_err();
    assert!(error.to_string().starts_with("certificate or key is refused"), "{error}");
}

#[test]
fn broken_pem_names_what_is_wrong() {
    let issued = Issued::self_signed("c", &["here"]).unwrap();
    let error = Identity::from_pem(b"", issued.key.as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "certificate file holds none");
    let error = Identity::from_pem(issued.certificate.as_bytes(), b"nothing").unwrap_err();
    assert_eq!(error.to_string(), "private key file holds none");
    let cut = issued.certificate.replace("-----END", "-----");
    let error = Trust::from_pem(cut.as_bytes()).unwrap_err();
    assert!(error.to_string().starts_with("trust anchor file"), "{error}");
}

#[test]
fn changed_files_are_read_again_and_broken_ones_keep_the_last() {
    let folder = std::env::temp_dir().join(format!("iofog-tls-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (chain, key) = (folder.join("tls.crt"), folder.join("tls.key"));
    let write = |issued: &Issued| {
        std::fs::write(&chain, &issued.certificate).unwrap();
        std::fs::write(&key, &issued.key).unwrap();
    };
    let (old, new) = (Authority::new("old").unwrap(), Authority::new("new").unwrap());
    write(&old.issue("c", &["here"]).unwrap());

    let files = vec![chain.clone(), key.clone()];
    let (chain_of, key_of) = (chain.clone(), key.clone());
    let server = Reloading::new(files, move || {
        ServerOptions::new(Identity::from_files(&chain_of, &key_of)?).build()
    })
    .unwrap();
    let believes = |authority: &Authority| {
        let client = ClientOptions::new(trust(authority)).build().unwrap();
        handshake(client, server.current(), "here").is_ok()
    };
    assert!(believes(&old) && !server.refresh().unwrap());

    std::fs::write(&key, "broken").unwrap();
    assert!(matches!(server.refresh(), Err(TlsError::Missing(_))));
    assert!(believes(&old));

    write(&new.issue("c", &["here"]).unwrap());
    assert!(server.refresh().unwrap());
    assert!(believes(&new) && !believes(&old));
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn encrypted_keys_are_named_as_such() {
    let issued = Issued::self_signed("c", &["here"]).unwrap();
    let key = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let error = Identity::from_pem(issued.certificate.as_bytes(), key.as_bytes()).unwrap_err();
    assert!(matches!(error, TlsError::Encrypted), "{error}");
}
