//! What a client knows of its own part of the database, as facts: a name and what is said of it.

use std::collections::BTreeMap;

use serde_json::Value;

/// Facts by name: `agent/<name>`, `app/<name>`, `ms/<app>/<name>`, `route/<app>/<name>` and so on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct World(pub BTreeMap<String, String>);

impl World {
    pub fn put(&mut self, name: String, said: impl Into<String>) {
        self.0.insert(name, said.into());
    }

    /// Names below a prefix, without it.
    pub fn below(&self, prefix: &str) -> Vec<String> {
        let from = self.0.range(prefix.to_owned()..);
        from.map_while(|(name, _)| name.strip_prefix(prefix)).map(str::to_owned).collect()
    }

    pub fn remove_below(&mut self, prefix: &str) {
        self.0.retain(|name, _| !name.starts_with(prefix));
    }

    /// A microservice goes, and its routes with it.
    pub fn remove_microservice(&mut self, application: &str, name: &str) {
        self.0.remove(&format!("ms/{application}/{name}"));
        let (first, second) = (format!("{name}>"), format!(">{name}"));
        self.0.retain(|route, ends| {
            !route.starts_with(&format!("route/{application}/"))
                || !ends.starts_with(&first) && !ends.ends_with(&second)
        });
    }

    /// An agent goes, with what runs on it and what is linked to it.
    pub fn remove_agent(&mut self, agent: &str) {
        self.0.remove(&format!("agent/{agent}"));
        let on = format!("on={agent};");
        let gone = |(name, said): (&String, &String)| {
            let rest = name.strip_prefix("ms/").filter(|_| said.starts_with(&on))?;
            rest.split_once('/').map(|(app, name)| (app.to_owned(), name.to_owned()))
        };
        for (application, name) in self.0.iter().filter_map(gone).collect::<Vec<_>>() {
            self.remove_microservice(&application, &name);
        }
        let linked = format!("@{agent}");
        self.0.retain(|name, _| !(name.starts_with("link/") && name.ends_with(&linked)));
    }

    /// Where the two differ, for people.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let names = self.0.keys().chain(other.0.keys());
        let mut all: Vec<String> = names
            .filter(|name| self.0.get(*name) != other.0.get(*name))
            .map(|name| format!("{name}: {:?} and not {:?}", self.0.get(name), other.0.get(name)))
            .collect();
        all.dedup();
        all
    }
}

/// What is said of an agent.
pub fn agent(description: &str, mode: &str, host: &str) -> String {
    format!("{description};{mode};{host}")
}

/// What is said of a microservice: where it runs, its configuration, its ports (`p` behind a public one).
pub fn microservice(agent: &str, config: &str, ports: &[Value]) -> String {
    let mut shown: Vec<String> = ports
        .iter()
        .map(|port| {
            let public = if port.get("public").is_some_and(Value::is_object) { "p" } else { "" };
            format!("{}:{}{public}", port["internal"], port["external"])
        })
        .collect();
    shown.sort();
    format!("on={agent};{config};{}", shown.join(","))
}

/// A small generator of random numbers (SplitMix64): the same seed gives the same run of them.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    pub fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }

    pub fn pick<T: Clone>(&mut self, of: &[T]) -> Option<T> {
        let length = u64::try_from(of.len()).unwrap();
        (length > 0).then(|| of[usize::try_from(self.below(length)).unwrap()].clone())
    }
}
