//! The two components that run in containers: their images, what they are started with, when they are ready.

use std::path::Path;
use std::time::{Duration, Instant};

use super::super::install;
use crate::config::records;
use crate::docker::{Container, Engine, Image, Plan, ProgramImage};
use crate::output::progress;
use crate::text::{Error, Result, names};

/// How long a component may take until it answers.
const READY_WITHIN: Duration = Duration::from_secs(240);
/// Starts after which one that ends by itself is given up.
const RESTARTS: i64 = 3;
/// Lines of its log that are told then.
const LAST_WORDS: &str = "20";

/// A component.
pub(super) struct Part {
    /// Name of its container and of its program.
    pub(super) name: &'static str,
    /// What messages call it.
    word: &'static str,
    /// Name of the image that is made of the program, without a tag.
    repository: &'static str,
    /// Arguments that make the program serve.
    arguments: &'static [&'static str],
    /// Folders that outlive a container.
    folders: &'static [&'static str],
    /// TCP ports: of the machine, of the container; none for one that uses the machine's network.
    ports: &'static [(u16, u16)],
    /// Words that ask whether it serves.
    question: &'static [&'static str],
    /// Whether an answer means that it does.
    is_ready: fn(&str) -> bool,
}

pub(super) const CONTROLLER: Part = Part {
    name: "iofog-controller",
    word: "Controller",
    repository: "iofog/controller",
    arguments: &["start"],
    folders: &["/var/lib/iofog-controller"],
    ports: &[(51121, 51121), (8008, 80)],
    question: &["iofog-controller", "controller", "status"],
    is_ready: controller_is_ready,
};

pub(super) const AGENT: Part = Part {
    name: "iofog-agent",
    word: "Agent",
    repository: "iofog/agent",
    arguments: &["--log", "stderr", "daemon"],
    folders: &["/etc/iofog-agent", "/var/lib/iofog-agent"],
    ports: &[],
    question: &["iofog-agent", "status"],
    is_ready: agent_is_ready,
};

fn controller_is_ready(answer: &str) -> bool {
    let blank = |letter: char| letter.is_ascii_whitespace();
    answer.replace(blank, "").contains(r#""status":"online""#)
}

fn agent_is_ready(answer: &str) -> bool {
    let state = answer.lines().find_map(|line| line.trim_start().strip_prefix("ioFog daemon"));
    state.is_some_and(|state| state.trim_start().starts_with(':') && state.contains("RUNNING"))
}

// === impl Part ===

impl Part {
    /// The image to use: made of the program of this machine, loaded from an archive, or of a name that the engine knows or
    /// a registry has.
    ///
    /// # Errors
    /// There is no program for this machine, or no such image.
    pub(super) fn image(&self, engine: &Engine, wanted: &records::Container) -> Result<Image> {
        let given = wanted.image.as_str();
        if given.is_empty() {
            return self.built(engine);
        }
        if given.starts_with(['/', '.', '~']) {
            progress(&format!("{}: loading {given}", self.word));
            return engine.load_file(Path::new(&names::expand_path(given)?));
        }
        if let Some(image) = engine.image(given)? {
            return Ok(image);
        }
        progress(&format!("{}: pulling {given}", self.word));
        let pulled = engine.pull(given, &wanted.credentials);
        pulled.map_err(|error| {
            Error::Plain(format!(
                "There is no image {given} on this machine, and it cannot be pulled. {error}"
            ))
        })?;
        let found = engine.image(given)?;
        found.ok_or_else(|| {
            Error::Internal(format!("the engine pulled {given}, but has no such image"))
        })
    }

    fn built(&self, engine: &Engine) -> Result<Image> {
        let machine = engine.machine()?;
        let path = install::program_path(self.name, self.word, &machine)?;
        let content = std::fs::read(&path).map_err(|cause| Error::io("open", &path, &cause))?;
        progress(&format!("{}: making its image", self.word));
        let image = ProgramImage {
            reference: &self.reference(),
            program: self.name,
            content: &content,
            libraries: &[],
            arguments: self.arguments,
            folders: self.folders,
            machine: &machine,
        };
        engine.image_of(&path, &image)
    }

    /// Name and tag of the image that is made of the program.
    pub(super) fn reference(&self) -> String {
        format!("{}:{}", self.repository, env!("CARGO_PKG_VERSION"))
    }

    fn before(&self) -> String {
        format!("{}-before", self.name)
    }

    fn plan(&self, engine: &Engine, image: &Image) -> Plan {
        let host_network = self.ports.is_empty();
        // Only images of ours say what is to be kept; others begin anew with each container, as with the standard program.
        let folders = image.folders.iter().filter(|_| image.ours);
        let socket = |socket: &str| (socket.to_owned(), "/var/run/docker.sock".to_owned());
        Plan {
            image: image.reference.clone(),
            host_network,
            ports: self.ports.to_vec(),
            binds: host_network.then(|| socket(engine.socket())).into_iter().collect(),
            volumes: folders.map(|folder| (self.volume(folder), folder.clone())).collect(),
            privileged: host_network && !image.ours,
        }
    }

    /// The volume that keeps a folder.
    fn volume(&self, folder: &str) -> String {
        format!("{}{}", self.name, folder.replace('/', "-"))
    }

    /// Makes the container run with an image and waits until it serves. One that does already stays as it is; one of another
    /// image gives way, and comes back when the new one does not serve.
    ///
    /// # Errors
    /// The engine refuses, or the component does not come up; the end of its log is in the message.
    pub(super) fn ensure(&self, engine: &Engine, image: &Image) -> Result<()> {
        let before = self.before();
        if engine.container(&before)?.is_some() {
            // A run was broken off before the new one served.
            engine.remove(self.name)?;
            engine.rename(&before, self.name)?;
        }
        let known = engine.container(self.name)?;
        if known.as_ref().is_some_and(|known| known.image == image.id) {
            engine.start(self.name)?;
            return self.wait(engine);
        }
        progress(&format!("{}: starting its container", self.word));
        if known.is_some() {
            engine.stop(self.name)?;
            engine.rename(self.name, &before)?;
        }
        let made = engine.create(self.name, &self.plan(engine, image));
        match (made.and_then(|()| self.wait(engine)), known) {
            (Ok(()), None) => Ok(()),
            (Ok(()), Some(known)) => {
                engine.remove(&before)?;
                if known.labels.contains_key(crate::docker::VOLUME_LABEL) {
                    engine.forget_image(&known.image);
                }
                Ok(())
            }
            (Err(error), None) => {
                engine.remove(self.name)?;
                Err(error)
            }
            (Err(error), Some(_)) => {
                engine.remove(self.name)?;
                engine.rename(&before, self.name)?;
                engine.start(self.name)?;
                Err(Error::Plain(format!("{error}\nThe container of before runs again")))
            }
        }
    }

    fn wait(&self, engine: &Engine) -> Result<()> {
        progress(&format!("{}: waiting until it is ready", self.word));
        let begun = Instant::now();
        let mut pause = Duration::from_millis(100);
        while begun.elapsed() < READY_WITHIN {
            let found = engine.container(self.name)?;
            let found = found.ok_or_else(|| {
                Error::Plain(format!("The container {} was removed by somebody else", self.name))
            })?;
            if found.running
                && let Ok(answer) = engine.run(self.name, self.question)
                && (self.is_ready)(&answer.text)
            {
                return Ok(());
            }
            if found.restarts >= RESTARTS {
                break;
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_secs(2));
        }
        let said = engine.last_words(self.name, LAST_WORDS).unwrap_or_default();
        Err(Error::Plain(format!(
            "The {} does not come up in its container {}; the end of its log:\n{}",
            self.word,
            self.name,
            said.trim_end()
        )))
    }

    /// Removes the container with all it kept, and the image that was made for it; gives the container that was there.
    ///
    /// # Errors
    /// The engine refuses.
    pub(super) fn remove(&self, engine: &Engine) -> Result<Option<Container>> {
        let found = engine.container(self.name)?;
        engine.remove(self.name)?;
        engine.remove(&self.before())?;
        for folder in self.folders {
            engine.remove_volume(&self.volume(folder))?;
        }
        engine.forget_image(&self.reference());
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_components_answer_is_understood() {
        assert!(controller_is_ready("{\n  \"status\":\t\"online\",\n  \"x\": 1}"));
        assert!(!controller_is_ready(r#"{"status": "offline"}"#));
        assert!(agent_is_ready("ioFog daemon              : RUNNING\nMemory : 1"));
        assert!(!agent_is_ready("ioFog daemon : STOPPED"));
        assert!(!agent_is_ready("RUNNING"));
    }
}
