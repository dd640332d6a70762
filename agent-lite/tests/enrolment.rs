//! Enrolment at the first start (decision 0130): daemons that an image gave the key of their batch, and a real Controller.
#![allow(clippy::unwrap_used, reason = "a test may fail here")]

#[cfg(test)]
mod support;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};

use serde_json::{Value, json};
use support::daemon::Daemon;
use support::network::Network;
use support::relay::Relay;
use support::{eventually, folder};

/// A key for so many devices; their agents need no router here.
fn key(network: &Network, devices: i64) -> String {
    let body = json!({ "name": "spring", "devices": devices, "validHours": 1,
        "perMinute": 10_000, "agentName": "shop-{device}", "agent": { "routerMode": "none", "statusFrequency": 2 } });
    network.call("POST", "enrolment-keys", &body)["key"].as_str().unwrap().to_owned()
}

/// Devices that the first key admitted.
fn enrolled(network: &Network) -> i64 {
    let keys = network.call("GET", "enrolment-keys", &Value::Null);
    keys["enrolmentKeys"][0]["enrolled"].as_i64().unwrap()
}

/// What an image brings, in place of what was there; on the device stands `asset`.
fn image(folder: &Path, url: &str, key: &str, asset: &str, pem: &str) {
    let plate = folder.join("plate");
    std::fs::write(&plate, asset).unwrap();
    let plate = plate.display();
    let text = format!("controller = {url}\nkey = {key}\ndevice = file:{plate}\n{pem}end\n");
    std::fs::write(folder.join("flashed"), text).unwrap();
    std::fs::rename(folder.join("flashed"), folder.join("first-boot")).unwrap();
}

/// A loopback address that no other test has: each Local API has its documented port.
fn address() -> String {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [.., high, low] = std::process::id().to_be_bytes();
    format!("127.{}.{low}.{}", 128 + high % 64, NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A daemon that knows no Controller but by its image.
fn boot(folder: &Path) -> Daemon {
    Daemon::start(folder, &[("bind_address", &address()), ("status_update_freq", "2")])
}

/// The uuid of an agent that is shown running.
fn running(network: &Network, name: &str) -> String {
    eventually(&format!("{name} is shown running"), || {
        let list = network.call("GET", "iofog-list", &Value::Null);
        let all = list["fogs"].as_array()?.clone();
        let found = all.into_iter().find(|fog| fog["name"] == name)?;
        (found["daemonStatus"] == "RUNNING").then(|| found["uuid"].as_str().map(str::to_owned))?
    })
}

/// Files below a folder that hold a text.
fn holding(folder: &Path, text: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(holding(&path, text));
        } else if let Ok(bytes) = std::fs::read(&path)
            && bytes.windows(text.len()).any(|part| part == text.as_bytes())
        {
            found.push(path);
        }
    }
    found
}

fn uuid_of(daemon: &Daemon) -> Option<String> {
    let text = daemon.text(&["info"]);
    let line = text.lines().find(|line| line.starts_with("Iofog UUID"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

#[test]
fn a_device_without_a_network_enrols_later_and_keeps_no_key() {
    let root = folder("enrol-life");
    let mut network = Network::start(&root.join("controller"));
    let key = key(&network, 2);
    let device = folder("enrol-life-agent");
    image(&device, &network.url(), &key, "one", "");
    network.stop();
    let daemon = boot(&device);
    eventually("the daemon says that it waits", || {
        daemon.log().contains("not enrolled yet: cannot connect").then_some(())
    });
    network.run();
    let uuid = running(&network, "shop-one");
    eventually("the key is gone", || (!device.join("first-boot").exists()).then_some(()));
    assert_eq!(holding(&device, &key), [] as [PathBuf; 0], "the key of the batch");
    assert_eq!(uuid_of(&daemon).as_deref(), Some(uuid.as_str()));
    assert_eq!(enrolled(&network), 1);
    drop(daemon);
    let daemon = Daemon::restart(&device);
    assert_eq!(uuid_of(&daemon).as_deref(), Some(uuid.as_str()), "nothing is asked for again");

    // Power went after the Controller's answer and before anything of it was on disk.
    drop(daemon);
    image(&device, &network.url(), &key, "one", "");
    let daemon = boot(&device);
    eventually("the device has its agent again", || {
        (uuid_of(&daemon).as_deref() == Some(uuid.as_str())).then_some(())
    });
    assert_eq!(running(&network, "shop-one"), uuid);
    // It went when the identity was on disk and the key too: the key goes at the next start.
    eventually("the key is gone", || (!device.join("first-boot").exists()).then_some(()));
    drop(daemon);
    image(&device, &network.url(), &key, "one", "");
    let daemon = Daemon::restart(&device);
    eventually("the key is gone", || (!device.join("first-boot").exists()).then_some(()));
    assert_eq!(uuid_of(&daemon).as_deref(), Some(uuid.as_str()));
    assert_eq!(enrolled(&network), 1);
    assert!(daemon.terminate());
    network.stop();
    let _ = std::fs::remove_dir_all(root);
    let _ = std::fs::remove_dir_all(device);
}

#[test]
fn copies_of_a_disk_are_devices_of_their_own_and_impostors_get_nothing() {
    let root = folder("enrol-copies");
    let mut network = Network::start(&root.join("controller"));
    let key = key(&network, 2);
    let (first, second, third) =
        (folder("enrol-copy-1"), folder("enrol-copy-2"), folder("enrol-copy-3"));
    image(&first, &network.url(), &key, "one", "");
    let one = boot(&first);
    let uuid = running(&network, "shop-one");

    // The disk of the first, with the proof, in another device.
    image(&second, &network.url(), &key, "two", "");
    std::fs::create_dir_all(second.join("lib")).unwrap();
    std::fs::copy(first.join("lib/enrolment"), second.join("lib/enrolment")).unwrap();
    let two = boot(&second);
    assert_ne!(running(&network, "shop-two"), uuid);

    // Another device that says it is the first, without the proof.
    image(&third, &network.url(), &key, "one", "");
    let three = boot(&third);
    eventually("the impostor is refused", || {
        three.log().contains("not enrolled yet: Device 'one' is enrolled already").then_some(())
    });
    assert!(third.join("first-boot").exists());
    assert!(!three.log().contains(&key));
    assert_eq!(running(&network, "shop-one"), uuid);
    assert!(one.text(&["status"]).contains("Connection to Controller    : ok"));
    assert_eq!(enrolled(&network), 2);
    drop((one, two, three));
    network.stop();
    for folder in [root, first, second, third] {
        let _ = std::fs::remove_dir_all(folder);
    }
}

#[test]
fn the_certificate_of_the_image_is_believed_and_no_other() {
    let root = folder("enrol-tls");
    let mut network = Network::start(&root.join("controller"));
    let key = key(&network, 1);
    let (_relay, authority, url) = Relay::over_tls(network.address());
    let device = folder("enrol-tls-agent");
    let another = iofog_tls::Authority::new("another").unwrap();
    image(&device, &url, &key, "one", another.certificate());
    let daemon = boot(&device);
    eventually("the certificate is refused", || {
        daemon.log().contains("certificate is refused").then_some(())
    });
    assert_eq!(enrolled(&network), 0, "nobody was told the key");
    assert!(device.join("first-boot").exists());
    // Half of the file, as a tool that was interrupted leaves it, is not used; then the whole.
    let cut = format!("controller = {url}\nkey = {key}\n");
    std::fs::write(device.join("first-boot"), cut).unwrap();
    eventually("the half is noticed", || {
        daemon.log().contains("expected end: the file is not whole").then_some(())
    });
    image(&device, &url, &key, "one", authority.certificate());
    running(&network, "shop-one");
    eventually("the key is gone", || (!device.join("first-boot").exists()).then_some(()));
    drop(daemon);
    let daemon = Daemon::restart(&device);
    eventually("the certificate is believed for good", || {
        daemon.text(&["status"]).contains("Connection to Controller    : ok").then_some(())
    });
    drop(daemon);
    network.stop();
    for folder in [root, device] {
        let _ = std::fs::remove_dir_all(folder);
    }
}

/// Power cuts: SIGKILL at every file operation on the way from the first start to the removal of the key, and in the middle of every
/// write. Builds without debug assertions have no places to be killed at.
#[cfg(all(test, debug_assertions))]
mod power_cuts {
    use std::collections::BTreeMap;
    use std::process::{Child, Command, Stdio};
    use std::sync::Mutex;

    use super::support::daemon::PROGRAM;
    use super::*;

    /// A device with its image.
    struct Device {
        folder: PathBuf,
        id: String,
    }

    impl Device {
        fn new(number: usize, url: &str, key: &str, pem: &str) -> Self {
            let (folder, id) = (folder(&format!("enrol-cut-{number}")), format!("d{number}"));
            image(&folder, url, key, &id, pem);
            let address = address();
            let config = format!(
                "<config>\n<bind_address>{address}</bind_address>\n<status_update_freq>1</status_update_freq>\n\
                 <docker_url>unix:///nonexistent/engine</docker_url>\n</config>\n"
            );
            std::fs::write(folder.join("config.xml"), config).unwrap();
            Self { folder, id }
        }

        /// Starts the daemon; it dies at `place`.
        fn spawn(&self, place: Option<&str>) -> Child {
            let log = std::fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(self.folder.join("stderr.log"));
            let mut command = Command::new(PROGRAM);
            command.args(["--state-dir", self.folder.to_str().unwrap(), "daemon"]);
            command.stdin(Stdio::null()).stderr(log.unwrap());
            command.env("IOFOG_FAILPOINT_TRACE", self.folder.join("trace"));
            if let Some(place) = place {
                command.env("IOFOG_FAILPOINT", place);
            }
            command.spawn().unwrap()
        }

        fn is_done(&self) -> bool {
            !self.folder.join("first-boot").exists()
        }

        /// True when it died before it was done.
        fn lives(&self, place: Option<&str>) -> bool {
            let mut child = self.spawn(place);
            let died = eventually("the device dies or is done", || {
                if child.try_wait().unwrap().is_some() {
                    return Some(true);
                }
                self.is_done().then_some(false)
            });
            let _ = child.kill();
            child.wait().unwrap();
            died
        }
    }

    /// The places of a trace, each with its count: before each step and in the middle of each write, and after what was granted.
    fn places(trace: &str) -> Vec<String> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let mut found = Vec::new();
        for place in trace.lines() {
            let ours = ["file.", "folder.", "state.", "identity."];
            if !ours.iter().any(|start| place.starts_with(start)) {
                continue;
            }
            let count = counts.entry(place).or_default();
            *count += 1;
            if place.ends_with(".before") || place == "identity.grant.after" {
                found.push(format!("{place}:{count}"));
            }
            if place == "file.write.before" {
                found.push(format!("file.write.part:{count}"));
            }
        }
        found
    }

    #[test]
    fn a_power_cut_at_any_step_leaves_one_agent_and_no_key() {
        let root = folder("enrol-cuts");
        let mut network = Network::start(&root.join("controller"));
        let key = key(&network, 1000);
        let pem = iofog_tls::Authority::new("any").unwrap();
        let undisturbed = Device::new(0, &network.url(), &key, pem.certificate());
        assert!(!undisturbed.lives(None));
        let trace = std::fs::read_to_string(undisturbed.folder.join("trace")).unwrap();
        let places = places(&trace);
        assert!(places.len() > 20, "{places:?}");
        let numbered: Vec<(usize, &String)> = (1..).zip(&places).collect();
        let (todo, died) = (Mutex::new(numbered), Mutex::new(Vec::new()));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    loop {
                        let Some((number, place)) = todo.lock().unwrap().pop() else { return };
                        let device = Device::new(number, &network.url(), &key, pem.certificate());
                        if device.lives(Some(place)) {
                            died.lock().unwrap().push(place.clone());
                            let daemon = Daemon::restart(&device.folder);
                            eventually(&format!("{place}: done"), || {
                                device.is_done().then_some(())
                            });
                            let uuid = running(&network, &format!("shop-{}", device.id));
                            assert_eq!(uuid_of(&daemon).as_deref(), Some(uuid.as_str()), "{place}");
                        }
                        assert_eq!(holding(&device.folder, &key), [] as [PathBuf; 0], "{place}");
                        let _ = std::fs::remove_dir_all(&device.folder);
                    }
                });
            }
        });
        let died = died.into_inner().unwrap();
        // All up to the grant; what comes after the removal may be done before the test looks.
        let granted = places.iter().position(|place| place == "identity.grant.after:1").unwrap();
        for place in &places[..=granted] {
            assert!(died.contains(place), "never died at {place}: {died:?}");
        }
        assert_eq!(enrolled(&network), i64::try_from(places.len() + 1).unwrap());
        println!("died at {} of {} places", died.len(), places.len());
        network.stop();
        for folder in [root, undisturbed.folder] {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}
