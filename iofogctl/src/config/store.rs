//! Reads and writes the config directory. Files are replaced whole and atomically; only those
//! whose content changed are written, so that their modification order, which listings show, stays.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::header::{CONFIG_VERSION, Header};
use super::merge;
use super::namespace::Namespace;
use crate::text::time::Moment;
use crate::text::{Error, Result};
use crate::yaml::{self, Unknown};

/// Namespace of Agents that belong to no Controller.
pub(super) const DETACHED: &str = "_detached";
/// Namespace that always exists.
pub(super) const DEFAULT: &str = "default";

/// The config directory, namespaces loaded when first asked for.
#[derive(Debug)]
pub struct Store {
    directory: PathBuf,
    default_namespace: String,
    loaded: BTreeMap<String, Loaded>,
}

#[derive(Debug)]
struct Loaded {
    record: Namespace,
    /// What the file holds.
    saved: Namespace,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Settings {
    default_namespace: String,
}

impl Store {
    /// Opens `~/.iofog/v3`, creating it with its first files when absent.
    ///
    /// # Errors
    /// [`Error::Plain`] when the home directory is unknown or a file cannot be read or written,
    /// [`Error::Input`] when the settings are of another version.
    pub fn open_home() -> Result<Self> {
        let home = std::env::var_os("HOME").filter(|home| !home.is_empty());
        let home = home.ok_or_else(|| Error::plain("$HOME is not defined"))?;
        Self::open(Path::new(&home).join(".iofog/v3"))
    }

    /// Opens a config directory.
    ///
    /// # Errors
    /// As [`Store::open_home`].
    pub fn open(directory: PathBuf) -> Result<Self> {
        let mut store =
            Self { directory, default_namespace: DEFAULT.to_owned(), loaded: BTreeMap::new() };
        let settings = store.directory.join("config.yaml");
        let complete = |store: &Self| {
            settings.exists() && [DEFAULT, DETACHED].iter().all(|name| store.file(name).exists())
        };
        if !complete(&store) {
            make_directory(&store.directory.join("namespaces"))?;
            let _turn = store.turn();
            // Another first run may have been here meanwhile.
            if !settings.exists() {
                store.save_settings()?;
            }
            for name in [DEFAULT, DETACHED] {
                if !store.file(name).exists() {
                    store.create(name)?;
                }
            }
        }
        let (version, spec) = read_header(&settings)?;
        if version != CONFIG_VERSION {
            return Err(Error::input("Invalid iofogctl config version"));
        }
        let spec: Settings =
            yaml::decode(&spec, Unknown::Skip).map_err(|error| broken(&settings, &error))?;
        store.default_namespace = spec.default_namespace;
        Ok(store)
    }

    /// Other runs of this program wait with writing until it is dropped; where files cannot be locked, they do not.
    fn turn(&self) -> Option<std::fs::File> {
        let mut options = std::fs::OpenOptions::new();
        let file = options.create(true).truncate(false).write(true);
        let file = file.open(self.directory.join(".lock")).ok()?;
        file.lock().is_ok().then_some(file)
    }

    /// Directory of all files.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Namespace used without `-n`.
    pub fn default_namespace(&self) -> &str {
        &self.default_namespace
    }

    /// Chooses the namespace used without `-n`.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it does not exist; write failures.
    pub fn set_default_namespace(&mut self, name: &str) -> Result<()> {
        if name == self.default_namespace {
            return Ok(());
        }
        if !self.namespace_names()?.iter().any(|known| known == name) {
            return Err(Error::not_found(name));
        }
        name.clone_into(&mut self.default_namespace);
        self.save_settings()
    }

    /// All namespaces but the hidden one, in order of modification.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn namespace_names(&self) -> Result<Vec<String>> {
        let directory = self.directory.join("namespaces");
        let failed = |cause: &std::io::Error| Error::io("open", &directory, cause);
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&directory).map_err(|cause| failed(&cause))? {
            let entry = entry.map_err(|cause| failed(&cause))?;
            let file = entry.file_name().to_string_lossy().into_owned();
            // Half-written files of an interrupted run start with a dot.
            let Some(name) = file.strip_suffix(".yaml").filter(|name| !name.starts_with('.'))
            else {
                continue;
            };
            let modified = entry
                .metadata()
                .and_then(|data| data.modified())
                .map_err(|cause| failed(&cause))?;
            if name != DETACHED {
                names.push((modified, name.to_owned()));
            }
        }
        names.sort();
        Ok(names.into_iter().map(|(_, name)| name).collect())
    }

    /// A namespace.
    ///
    /// # Errors
    /// [`Error::NotFound`], or why the file cannot be used.
    pub fn namespace(&mut self, name: &str) -> Result<&mut Namespace> {
        if !self.loaded.contains_key(name) {
            let record = self.load(name)?;
            self.loaded.insert(name.to_owned(), Loaded { saved: record.clone(), record });
        }
        let loaded = self.loaded.get_mut(name).ok_or_else(|| Error::not_found(name))?;
        Ok(&mut loaded.record)
    }

    /// The namespace of detached Agents.
    ///
    /// # Errors
    /// As [`Store::namespace`].
    pub fn detached(&mut self) -> Result<&mut Namespace> {
        self.namespace(DETACHED)
    }

    /// Creates an empty namespace and its file.
    ///
    /// # Errors
    /// [`Error::Conflict`] when it exists; write failures.
    pub fn add_namespace(&mut self, name: &str) -> Result<()> {
        let _turn = self.turn();
        self.create(name)
    }

    fn create(&mut self, name: &str) -> Result<()> {
        if self.file(name).exists() {
            return Err(Error::Conflict(name.to_owned()));
        }
        let created = Moment::now().unix_date();
        let record = Namespace { name: name.to_owned(), created, ..Namespace::default() };
        self.write(&record)?;
        self.loaded.insert(name.to_owned(), Loaded { saved: record.clone(), record });
        Ok(())
    }

    /// Removes a namespace and its file; the default falls back to `default`.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no file; the hidden one, which has the records of detached Agents, is not seen.
    pub fn delete_namespace(&mut self, name: &str) -> Result<()> {
        if name == DETACHED {
            return Err(Error::not_found(name));
        }
        if name == self.default_namespace && name != DEFAULT {
            self.set_default_namespace(DEFAULT)?;
        }
        let file = self.file(name);
        std::fs::remove_file(&file).map_err(|_| {
            Error::NotFound(format!("could not delete namespace file {}", file.display()))
        })?;
        self.loaded.remove(name);
        Ok(())
    }

    /// Renames a namespace and its file.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Conflict`] when the new name is taken, or file failures.
    pub fn rename_namespace(&mut self, name: &str, new_name: &str) -> Result<()> {
        if name == DETACHED {
            return Err(Error::not_found(name));
        }
        let mut record = self.namespace(name)?.clone();
        let _turn = self.turn();
        if self.file(new_name).exists() {
            return Err(Error::Conflict(new_name.to_owned()));
        }
        new_name.clone_into(&mut record.name);
        self.write(&record)?;
        let file = self.file(name);
        std::fs::remove_file(&file).map_err(|cause| Error::io("remove", &file, &cause))?;
        self.loaded.remove(name);
        self.loaded.insert(new_name.to_owned(), Loaded { saved: record.clone(), record });
        if name == self.default_namespace { self.set_default_namespace(new_name) } else { Ok(()) }
    }

    /// Writes the namespaces that changed, together with what other runs changed in them meanwhile.
    ///
    /// # Errors
    /// The first write failure.
    pub fn flush(&mut self) -> Result<()> {
        let changed = self.loaded.iter().filter(|(_, loaded)| loaded.record != loaded.saved);
        let changed: Vec<String> = changed.map(|(name, _)| name.clone()).collect();
        if changed.is_empty() {
            return Ok(());
        }
        let _turn = self.turn();
        for name in changed {
            let Some(Loaded { record, saved }) = self.loaded.get(&name) else { continue };
            let record = match self.load(&name) {
                Ok(theirs) => merge::merged(saved, record, theirs),
                // Removed or made unusable meanwhile: as it is known here.
                Err(_) => record.clone(),
            };
            self.write(&record)?;
            self.loaded.insert(name, Loaded { saved: record.clone(), record });
        }
        Ok(())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.join("namespaces").join(format!("{name}.yaml"))
    }

    fn load(&self, name: &str) -> Result<Namespace> {
        let file = self.file(name);
        if name.contains('/') || !file.exists() {
            return Err(Error::not_found(name));
        }
        let (version, spec) = read_header(&file)?;
        match version.as_str() {
            CONFIG_VERSION => {
                yaml::decode(&spec, Unknown::Skip).map_err(|error| broken(&file, &error))
            }
            "iofogctl/v1" => Err(Error::plain("Namespace file is out of date.")),
            _ => Err(Error::input("Invalid iofogctl config version")),
        }
    }

    fn write(&self, record: &Namespace) -> Result<()> {
        let document = Header {
            api_version: CONFIG_VERSION,
            kind: "Namespace".to_owned(),
            metadata: super::Metadata { name: record.name.clone(), ..Default::default() },
            spec: record,
        };
        replace(&self.file(&record.name), &yaml::to_text(&document)?)
    }

    fn save_settings(&self) -> Result<()> {
        let document = Header {
            api_version: CONFIG_VERSION,
            kind: "IofogctlConfig".to_owned(),
            metadata: super::Metadata::default(),
            spec: Settings { default_namespace: self.default_namespace.clone() },
        };
        replace(&self.directory.join("config.yaml"), &yaml::to_text(&document)?)
    }
}

/// Version and spec of a config file.
fn read_header(file: &Path) -> Result<(String, yaml::Node)> {
    let text = yaml::read_file(file)?;
    let node = yaml::load::document(&text).map_err(|error| broken(file, &error))?;
    let version = node.get("apiVersion").and_then(yaml::Node::text).unwrap_or_default().to_owned();
    let spec = node.get("spec").cloned().unwrap_or_else(|| yaml::Node::null(node.position));
    Ok((version, spec))
}

fn broken(file: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::Plain(format!("{}: {error}", file.display()))
}

fn make_directory(directory: &Path) -> Result<()> {
    std::fs::create_dir_all(directory).map_err(|cause| Error::io("mkdir", directory, &cause))
}

/// Replaces a file so that a crash leaves either the old or the new content.
fn replace(file: &Path, text: &str) -> Result<()> {
    use std::io::Write;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let temporary = file.with_file_name(format!(".{name}.{}", std::process::id()));
    let written = std::fs::File::create(&temporary)
        .and_then(|mut handle| handle.write_all(text.as_bytes()).and_then(|()| handle.sync_data()))
        .and_then(|()| std::fs::rename(&temporary, file));
    written.map_err(|cause| {
        // The old file is untouched; the remains of the new one are of no use.
        let _ = std::fs::remove_file(&temporary);
        Error::io("write", file, &cause)
    })
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
