//! Bill of materials of one program for one target, in CycloneDX 1.5: what is linked in, by the lock file.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};

use super::formats::Input;
use crate::tools::archive;
use crate::tools::cargo::{self, workspace};

/// Writes down what a program holds. The same commit and program give the same bytes: there is no date in it.
///
/// # Errors
/// When cargo fails or the program cannot be read.
pub fn document(input: &Input<'_>) -> Result<String> {
    let output = cargo::cargo()
        .args(["tree", "--locked", "--package", input.name, "--edges", "normal"])
        .args(["--target", input.target.triple, "--prefix", "depth", "--format", "|{p}|{l}"])
        .output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let graph = Graph::read(&String::from_utf8_lossy(&output.stdout))?;
    let lock: Lock = toml::from_str(&std::fs::read_to_string(workspace().join("Cargo.lock"))?)?;
    let program = archive::hex(&std::fs::read(input.program).context("no program")?);
    let document = describe(&graph, &lock, input.target.triple, &program)?;
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    checksum: Option<String>,
}

/// Packages by `name@version`.
#[derive(Default)]
struct Graph {
    root: String,
    packages: BTreeMap<String, Package>,
}

#[derive(Default)]
struct Package {
    name: String,
    version: String,
    licence: String,
    /// Runs in the compiler and is not linked.
    macros: bool,
    needs: BTreeSet<String>,
}

impl Graph {
    /// Reads lines `DEPTH|name vVERSION (path or kind)|licence`; a package is spelled out once and named again later.
    fn read(text: &str) -> Result<Self> {
        let mut graph = Self::default();
        let mut above: Vec<String> = Vec::new();
        for line in text.lines().filter(|line| !line.is_empty()) {
            let mut parts = line.splitn(3, '|');
            let mut part = || parts.next().with_context(|| format!("not understood: {line}"));
            let depth: usize = part()?.parse().with_context(|| format!("no depth: {line}"))?;
            let (shown, licence) = (part()?, part()?.trim_end_matches(" (*)"));
            let mut words = shown.split(' ');
            let name = words.next().unwrap_or_default();
            let version = words.next().unwrap_or_default().trim_start_matches('v');
            let id = format!("{name}@{version}");
            ensure!(depth <= above.len(), "a level is missing before {line}");
            above.truncate(depth);
            match above.last().and_then(|parent| graph.packages.get_mut(parent)) {
                Some(parent) => _ = parent.needs.insert(id.clone()),
                None => graph.root.clone_from(&id),
            }
            let package = graph.packages.entry(id.clone()).or_default();
            package.name = name.to_owned();
            package.version = version.to_owned();
            package.licence = licence.replace('/', " OR ");
            package.macros = words.any(|word| word == "(proc-macro)");
            above.push(id);
        }
        ensure!(!graph.root.is_empty(), "cargo names no packages");
        Ok(graph)
    }

    /// What is linked: all that is reached without passing through a macro package.
    fn linked(&self) -> BTreeMap<&str, &Package> {
        let mut found = BTreeMap::new();
        let mut open = vec![self.root.as_str()];
        while let Some(id) = open.pop() {
            if let Some(package) = self.packages.get(id).filter(|package| !package.macros)
                && found.insert(id, package).is_none()
            {
                open.extend(package.needs.iter().map(String::as_str));
            }
        }
        found
    }
}

fn describe(graph: &Graph, lock: &Lock, triple: &str, program: &str) -> Result<Value> {
    let sums: BTreeMap<String, &str> = lock
        .package
        .iter()
        .filter_map(|p| Some((format!("{}@{}", p.name, p.version), p.checksum.as_deref()?)))
        .collect();
    let linked = graph.linked();
    let root = linked.get(graph.root.as_str()).context("the program is a macro")?;
    let mut components = Vec::new();
    let mut dependencies = Vec::new();
    for (id, package) in &linked {
        let needs: Vec<&String> =
            package.needs.iter().filter(|need| linked.contains_key(need.as_str())).collect();
        dependencies.push(json!({ "ref": id, "dependsOn": needs }));
        if *id == graph.root {
            continue;
        }
        let mut component = json!({
            "type": "library", "bom-ref": id, "name": package.name, "version": package.version,
            "licenses": [{ "expression": package.licence }],
        });
        // Packages with a checksum come from the crate registry; the others are of this workspace.
        if let Some(sum) = sums.get(*id) {
            component["purl"] = json!(format!("pkg:cargo/{id}"));
            component["hashes"] = json!([{ "alg": "SHA-256", "content": sum }]);
        }
        components.push(component);
    }
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": {
            "type": "application", "bom-ref": graph.root, "name": root.name, "version": root.version,
            "licenses": [{ "expression": root.licence }],
            "hashes": [{ "alg": "SHA-256", "content": program }],
            "properties": [{ "name": "target", "value": triple }],
        }},
        "components": components,
        "dependencies": dependencies,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "0|app v1.0.0 (/somewhere/app)|Apache-2.0\n\
        1|derive v2.0.0 (proc-macro)|MIT/Apache-2.0\n\
        2|syn v3.0.0|MIT\n\
        3|shared v1.1.0|MIT\n\
        1|log v0.4.1|MIT OR Apache-2.0\n\
        2|shared v1.1.0|MIT (*)\n";

    fn made() -> Value {
        let lock = r#"package = [
            { name = "app", version = "1.0.0" },
            { name = "log", version = "0.4.1", checksum = "aa" },
            { name = "shared", version = "1.1.0", checksum = "bb" },
        ]"#;
        describe(&Graph::read(TREE).unwrap(), &toml::from_str(lock).unwrap(), "t", "cc").unwrap()
    }

    #[test]
    fn only_what_is_linked() {
        let made = made();
        let names: Vec<&str> = made["components"]
            .as_array()
            .unwrap()
            .iter()
            .map(|component| component["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["log", "shared"]);
        assert_eq!(made["components"][0]["purl"], "pkg:cargo/log@0.4.1");
        assert_eq!(made["components"][1]["hashes"][0]["content"], "bb");
        assert_eq!(made["metadata"]["component"]["hashes"][0]["content"], "cc");
        assert_eq!(
            made["dependencies"],
            json!([
                { "ref": "app@1.0.0", "dependsOn": ["log@0.4.1"] },
                { "ref": "log@0.4.1", "dependsOn": ["shared@1.1.0"] },
                { "ref": "shared@1.1.0", "dependsOn": [] },
            ])
        );
    }

    #[test]
    fn a_tree_that_cannot_be_read_is_refused() {
        for text in ["", "app v1.0.0", "0|app v1.0.0|MIT\n2|log v1.0.0|MIT"] {
            assert!(Graph::read(text).is_err(), "{text}");
        }
    }

    /// Each program's own tree, read twice: the same bytes, and a device program without what only servers need.
    #[test]
    fn the_programs_for_mips() {
        let target = crate::cross::target::find("mipsel").unwrap();
        let program = workspace().join("LICENSE");
        for (name, router, proxy) in [
            ("iofog-agent", true, true),
            ("iofog-router", true, false),
            ("iofog-proxy", false, true),
        ] {
            let input = Input { target, name, program: &program, version: "1.0.0", epoch: 0 };
            let text = document(&input).unwrap();
            assert_eq!(text, document(&input).unwrap());
            for (part, expected) in [
                ("rustls", true),
                ("iofog-router", router),
                ("iofog-proxy", proxy),
                ("rusqlite", false),
                ("serde_derive", false),
            ] {
                let found = text.contains(&format!("\"name\": \"{part}\""));
                assert_eq!(found, expected, "{name}: {part}");
            }
            assert!(!text.contains(&*workspace().to_string_lossy()));
        }
    }
}
