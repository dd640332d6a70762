//! After the import of a database of a Controller 3.0.4 (`IOFOG_PEER_DATABASE`) its agents are told the same of their
//! microservices as before, uuid by uuid.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may fail here, and says when it cannot run"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

/// What an agent is told of its microservices: by uuid, the rebuild order and each port with what it is.
type Told = BTreeMap<String, (bool, BTreeMap<i64, Option<bool>>)>;

#[test]
fn agents_are_told_of_rebuilds_and_udp_ports_as_before() {
    if common::on_postgres() {
        println!("skipped: the import goes into the embedded database here");
        return;
    }
    let Some(peer) = std::env::var_os("IOFOG_PEER_DATABASE").map(PathBuf::from) else {
        println!("skipped: IOFOG_PEER_DATABASE names no database of a Controller 3.0.4");
        return;
    };
    let into = std::env::temp_dir().join(format!("iofog-told-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&into);
    std::fs::create_dir_all(&into).unwrap();
    let copy = into.join("peer.sqlite");
    std::fs::copy(&peer, &copy).unwrap();
    let source = rusqlite::Connection::open(&copy).unwrap();
    // One order to rebuild that no agent has fetched yet, and tokens that are good today.
    source
        .execute_batch(
            "UPDATE Microservices SET rebuild = (uuid = (SELECT min(uuid) FROM Microservices
               WHERE application_id IS NOT NULL AND iofog_uuid IN (SELECT iofog_uuid FROM FogAccessTokens)));
             UPDATE FogAccessTokens SET expiration_time = 4102444800000",
        )
        .unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_iofog-controller"))
        .arg("import")
        .arg(&copy)
        .arg("--data-dir")
        .arg(&into)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let controller = common::Controller::start_at(into);
    let (mut orders, mut kinds) = (0, BTreeSet::new());
    for (agent, token) in pairs(&source, "SELECT iofog_uuid, token FROM FogAccessTokens") {
        let mut told = Told::new();
        for one in controller.agent_list(&token) {
            let ports = one["portMappings"].as_array().unwrap().iter();
            let ports =
                ports.map(|port| (port["portInternal"].as_i64().unwrap(), port["isUdp"].as_bool()));
            let said = (one["rebuild"].as_bool().unwrap(), ports.collect());
            told.insert(one["uuid"].as_str().unwrap().to_owned(), said);
        }
        let known = before(&source, &agent);
        assert!(!told.is_empty(), "agent {agent} is told of nothing");
        for (uuid, said) in &told {
            assert_eq!(known.get(uuid), Some(said), "microservice {uuid}");
            orders += usize::from(said.0);
            kinds.extend(said.1.values().copied());
        }
    }
    assert_eq!(orders, 1, "the order to rebuild");
    assert!(kinds.contains(&None) && kinds.contains(&Some(true)), "{kinds:?}");
}

fn pairs(source: &rusqlite::Connection, sql: &str) -> Vec<(String, String)> {
    let mut statement = source.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

/// What the other Controller would tell an agent.
fn before(source: &rusqlite::Connection, agent: &str) -> Told {
    let sql = "SELECT m.uuid, m.rebuild, p.port_internal, p.is_udp FROM Microservices m
               LEFT JOIN MicroservicePorts p ON p.microservice_uuid = m.uuid WHERE m.iofog_uuid = ?1";
    let mut statement = source.prepare(sql).unwrap();
    let mut told = Told::new();
    let mut rows = statement.query([agent]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let entry =
            told.entry(row.get(0).unwrap()).or_insert((row.get(1).unwrap(), BTreeMap::new()));
        if let Some(internal) = row.get::<_, Option<i64>>(2).unwrap() {
            entry.1.insert(internal, row.get(3).unwrap());
        }
    }
    told
}
