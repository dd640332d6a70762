//! SIGKILL of Agent, worker or shim at every named place of the engine without a daemon, in turn: containers of the machine's
//! runtime arrive where undisturbed ones do, and nothing of them is left.
#![allow(clippy::unwrap_used, reason = "a test may fail here")]

#[cfg(test)]
#[path = "engine_support/image.rs"]
#[allow(dead_code, reason = "the behaviour suite uses more of it")]
mod image;
#[cfg(test)]
mod support;

/// A name that no other run of the tests uses.
#[cfg(test)]
fn unique(name: &str) -> String {
    format!("{name}-{}", std::process::id())
}

#[cfg(all(test, debug_assertions))]
mod tests {
    use std::collections::{BTreeMap, VecDeque};
    use std::fs;
    use std::os::unix::process::ExitStatusExt as _;
    use std::path::{Path, PathBuf};
    use std::process::{Child, Command, Stdio};
    use std::sync::{Mutex, OnceLock};
    use std::time::{Duration, Instant};

    use iofog_agent::engine::NativeOptions;
    use iofog_agent::fault::NATIVE_POINTS;
    use serde_json::{Value, json};

    use super::image;
    use super::support::controller::{Controller, microservice};
    use super::support::daemon::{PROGRAM, command};
    use super::support::folder;

    const NAME: &str = "worker";

    struct Node {
        folder: PathBuf,
        child: Child,
        point: String,
        /// Link names on the node, of every container that was seen.
        links: Vec<String>,
    }

    /// The image of the behaviour suite, but that its program is ended at once: it does not listen to what it is asked.
    fn archive() -> &'static Path {
        static ARCHIVE: OnceLock<PathBuf> = OnceLock::new();
        ARCHIVE.get_or_init(|| {
            let folder = folder("native-failpoints-image");
            let execution = json!({
                "Entrypoint": ["/bin/probe"], "Env": ["COLOUR=image"], "StopSignal": "SIGKILL",
            });
            let path = folder.join("image.tar");
            image::save_with(&path, image::IMAGE, &[&image::layer(&folder)], &execution);
            path
        })
    }

    fn spawn(folder: &Path, point: &str) -> Child {
        let log = fs::OpenOptions::new().create(true).append(true).open(folder.join("stderr.log"));
        let mut command = Command::new(PROGRAM);
        command.args(["--state-dir", folder.to_str().unwrap(), "daemon"]).stdin(Stdio::null());
        command.env("IOFOG_FAILPOINT_TRACE", folder.join("trace")).stderr(log.unwrap());
        if !point.is_empty() {
            command.env("IOFOG_FAILPOINT", point);
            command.env("IOFOG_FAILPOINT_ONCE", folder.join("once"));
        }
        command.spawn().unwrap()
    }

    /// Leads a node from its first container to the removal of the last; something of it dies at `point`. Says whether it did,
    /// and what was passed.
    fn life(lane: u8, point: &str) -> (bool, String) {
        let folder = folder(&format!("native-failpoints-{lane}"));
        fs::create_dir_all(folder.join("lib/images")).unwrap();
        fs::copy(archive(), folder.join("lib/images/image.tar")).unwrap();
        fs::write(folder.join("once"), "").unwrap();
        let controller = Controller::start();
        let address = format!("127.{}.{lane}.2", 16 + std::process::id() % 200);
        let config = format!(
            "<config>\n<controller_url>{}</controller_url>\n<bind_address>{address}</bind_address>\n\
             <docker_url>native://</docker_url>\n<status_update_freq>1</status_update_freq>\n\
             <get_changes_freq>1</get_changes_freq>\n</config>\n",
            controller.url
        );
        fs::write(folder.join("config.xml"), config).unwrap();
        let child = spawn(&folder, point);
        let mut node = Node { folder, child, point: point.to_owned(), links: Vec::new() };
        node.live(&controller);
        let killed = !node.folder.join("once").exists();
        let trace = fs::read_to_string(node.folder.join("trace")).unwrap_or_default();
        let folder = node.folder.clone();
        drop(node);
        let _ = fs::remove_dir_all(&folder);
        (killed, trace)
    }

    impl Node {
        fn live(&mut self, controller: &Controller) {
            self.until("provisioned", |node| {
                let _ = command(&node.folder, &["provision", "goodkey1"]);
                let info = command(&node.folder, &["info"]);
                controller
                    .with(|script| String::from_utf8_lossy(&info.stdout).contains(&script.uuid))
            });
            let mut worker = microservice(NAME, image::IMAGE);
            worker["cmd"] = json!(["env", "COLOUR", "tick"]);
            controller.deploy(vec![worker.clone()]);
            self.until("its program runs", |node| node.runs(controller, "COLOUR=image"));
            worker["env"] = json!([{"key": "COLOUR", "value": "red"}]);
            controller.deploy(vec![worker.clone()]);
            self.until("its program runs as changed", |node| node.runs(controller, "COLOUR=red"));
            (worker["delete"], worker["deleteWithCleanup"]) = (json!(true), json!(true));
            controller.deploy(vec![worker]);
            // What a process left that died there goes when the next Agent starts.
            self.until("all of it is gone", |node| node.records().is_empty());
            self.restart();
            self.until("nothing is left", |node| node.left().is_empty());
        }

        /// Waits until something holds, and starts the Agent again if it died. The guard only ends a hanging test.
        fn until(&mut self, what: &str, mut holds: impl FnMut(&mut Self) -> bool) {
            let guard = Instant::now() + Duration::from_secs(240);
            loop {
                if let Some(status) = self.child.try_wait().unwrap() {
                    assert_eq!(
                        status.signal(),
                        Some(9),
                        "{}: ended by itself: {}",
                        self.point,
                        self.log()
                    );
                    assert!(!self.folder.join("once").exists(), "{}: killed by nobody", self.point);
                    self.child = spawn(&self.folder, &self.point);
                }
                if holds(self) {
                    return;
                }
                let left = self.left();
                assert!(
                    Instant::now() < guard,
                    "{}, never: {what}; {left:?}\n{}",
                    self.point,
                    self.log()
                );
                std::thread::sleep(Duration::from_millis(50));
            }
        }

        fn restart(&mut self) {
            let _ = self.child.kill();
            let _ = self.child.wait();
            self.child = spawn(&self.folder, &self.point);
        }

        /// Exactly one container is there, its own program speaks, and the Controller hears that it runs.
        fn runs(&mut self, controller: &Controller, colour: &str) -> bool {
            let records = self.records();
            for record in &records {
                let link = format!("iof{}", &record["id"].as_str().unwrap()[..10]);
                if !self.links.contains(&link) {
                    self.links.push(link);
                }
            }
            let [record] = records.as_slice() else { return false };
            let id = record["id"].as_str().unwrap();
            let log = self.folder.join("lib/native/containers").join(id).join("log/json.0.log");
            let said = fs::read_to_string(log).unwrap_or_default();
            let is_known = controller.state_of(NAME).as_deref() == Some("RUNNING");
            is_known && said.contains(colour) && said.contains("tick 2")
        }

        fn records(&self) -> Vec<Value> {
            let all = fs::read_dir(self.folder.join("lib/native/containers")).into_iter().flatten();
            let texts =
                all.flatten().filter_map(|one| fs::read(one.path().join("container.json")).ok());
            texts.filter_map(|text| serde_json::from_slice(&text).ok()).collect()
        }

        /// What is there of containers and images, of what was seen.
        fn left(&self) -> Vec<String> {
            let mut left = Vec::new();
            for part in [
                "lib/native/containers",
                "lib/native/images",
                "lib/native/layers",
                "native/runtime",
            ] {
                let all = fs::read_dir(self.folder.join(part)).into_iter().flatten().flatten();
                left.extend(all.map(|one| format!("{part}/{}", one.file_name().display())));
            }
            let runs = fs::read_dir(self.folder.join("native")).into_iter().flatten().flatten();
            let names = runs.map(|one| one.file_name().to_string_lossy().into_owned());
            left.extend(names.filter(|name| name.len() == 64).map(|name| format!("native/{name}")));
            let links =
                self.links.iter().filter(|link| Path::new("/sys/class/net").join(link).exists());
            left.extend(links.cloned());
            left
        }

        fn log(&self) -> String {
            fs::read_to_string(self.folder.join("stderr.log")).unwrap_or_default()
        }
    }

    impl Drop for Node {
        fn drop(&mut self) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }

    #[test]
    fn killed_at_any_place_of_the_native_engine_containers_arrive() {
        if !NativeOptions::runtime_exists() || !rustix::process::geteuid().is_root() {
            eprintln!("skipped: containers without a daemon need crun or runc, and root");
            return;
        }
        let places: Vec<String> = NATIVE_POINTS
            .iter()
            .flat_map(|name| [format!("{name}.before"), format!("{name}.after")])
            .collect();
        let (_, trace) = life(0, "");
        for place in &places {
            assert!(trace.lines().any(|line| line == place), "{place} is never reached");
        }
        for line in trace.lines().filter(|line| line.starts_with("native.")) {
            assert!(places.iter().any(|place| place == line), "{line} is not in the list");
        }
        let waiting = Mutex::new(VecDeque::from(places));
        let ended = Mutex::new(BTreeMap::new());
        std::thread::scope(|scope| {
            for lane in 1..=4 {
                let (waiting, ended) = (&waiting, &ended);
                scope.spawn(move || {
                    loop {
                        let Some(place) = waiting.lock().unwrap().pop_front() else { return };
                        let (killed, _) = life(lane, &place);
                        ended.lock().unwrap().insert(place, killed);
                    }
                });
            }
        });
        let ended = ended.into_inner().unwrap();
        assert!(ended.values().all(|killed| *killed), "nothing was killed at some: {ended:?}");
        println!("{} lives, each with a kill", ended.len());
    }
}
