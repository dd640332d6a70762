//! The store on a directory of its own.
use super::super::AgentRecord;
use super::super::records::RemoteAgent;
use super::*;

fn directory(name: &str) -> PathBuf {
    let directory =
        std::env::temp_dir().join(format!("iofogctl-store-{}-{name}", std::process::id()));
    let _ = std::fs::remove_dir_all(&directory);
    directory
}

#[test]
fn store_first_use_writes_the_standard_files() {
    let home = directory("first");
    let mut store = Store::open(home.clone()).unwrap();
    assert_eq!(
        std::fs::read_to_string(home.join("config.yaml")).unwrap(),
        "apiVersion: iofogctl/v3\nkind: IofogctlConfig\nmetadata:\n  name: \"\"\n  namespace: \"\"\nspec:\n  defaultNamespace: default\n"
    );
    let created = store.namespace("default").unwrap().created.clone();
    assert_eq!(
        std::fs::read_to_string(home.join("namespaces/default.yaml")).unwrap(),
        format!(
            "apiVersion: iofogctl/v3\nkind: Namespace\nmetadata:\n  name: default\n  namespace: \"\"\nspec:\n  name: default\n  created: {created}\n"
        )
    );
    assert_eq!(store.namespace_names().unwrap(), ["default"]);
    std::fs::remove_dir_all(home).unwrap();
}

#[test]
fn store_namespace_life() {
    let home = directory("life");
    let mut store = Store::open(home.clone()).unwrap();
    store.add_namespace("plant").unwrap();
    assert_eq!(store.add_namespace("plant"), Err(Error::Conflict("plant".into())));
    store.set_default_namespace("plant").unwrap();
    let agent = RemoteAgent { name: "gate".into(), host: "h".into(), ..RemoteAgent::default() };
    store.namespace("plant").unwrap().add_agent(AgentRecord::Remote(agent)).unwrap();
    store.flush().unwrap();
    store.rename_namespace("plant", "works").unwrap();
    let mut again = Store::open(home.clone()).unwrap();
    assert_eq!(again.default_namespace(), "works");
    assert_eq!(again.namespace("works").unwrap().remote_agents[0].host, "h");
    assert!(again.namespace("plant").unwrap_err().is_not_found());
    again.delete_namespace("works").unwrap();
    assert_eq!(again.default_namespace(), "default");
    std::fs::remove_dir_all(home).unwrap();
}

#[test]
fn store_refuses_other_versions() {
    let home = directory("version");
    Store::open(home.clone()).unwrap();
    std::fs::write(
        home.join("namespaces/old.yaml"),
        "apiVersion: iofogctl/v1\nkind: Namespace\nspec: {name: old}\n",
    )
    .unwrap();
    let mut store = Store::open(home.clone()).unwrap();
    assert_eq!(store.namespace("old").unwrap_err().to_string(), "Namespace file is out of date.");
    std::fs::write(home.join("config.yaml"), "apiVersion: iofogctl/v9\n").unwrap();
    assert!(Store::open(home.clone()).is_err());
    std::fs::remove_dir_all(home).unwrap();
}

#[test]
fn store_runs_at_once_keep_what_both_wrote() {
    let home = directory("at-once");
    // Many first runs: all find their files.
    let all: Vec<_> = (0..16)
        .map(|at| {
            let home = home.clone();
            std::thread::spawn(move || {
                let mut store = Store::open(home)?;
                let agent = RemoteAgent { name: format!("gate-{at}"), ..RemoteAgent::default() };
                store.namespace(DEFAULT)?.add_agent(AgentRecord::Remote(agent))?;
                store.flush()
            })
        })
        .collect();
    for run in all {
        run.join().unwrap().unwrap();
    }
    let mut names: Vec<String> = Store::open(home.clone())
        .unwrap()
        .namespace(DEFAULT)
        .unwrap()
        .remote_agents
        .iter()
        .map(|agent| agent.name.clone())
        .collect();
    names.sort();
    let mut wanted: Vec<String> = (0..16).map(|at| format!("gate-{at}")).collect();
    wanted.sort();
    assert_eq!(names, wanted);
    std::fs::remove_dir_all(home).unwrap();
}
