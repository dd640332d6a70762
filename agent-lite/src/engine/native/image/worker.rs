//! Image work in a process of its own: what a registry or an archive does to memory, it does there. The daemon
//! writes one request to its standard input and reads lines of answers.

use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use serde::{Deserialize, Serialize};

use super::{Execution, LayerId, ensure, save};
use crate::domain::PullPolicy;

/// The hidden first argument that makes a process a worker.
pub const VERB: &str = "engine-image-worker";
const MAX_REQUEST: u64 = 1 << 20;

/// The order.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Make an image ready.
    Ensure(Request),
    /// Write one to a file.
    Save(Save),
}

/// An image to write to a file, packed.
#[derive(Debug, Serialize, Deserialize)]
pub struct Save {
    /// Folder of the store.
    pub store: PathBuf,
    /// Its name.
    pub image: String,
    /// Its layers, from the lowest.
    pub layers: Vec<LayerId>,
    /// How it wants to be run.
    pub execution: Execution,
    /// The file.
    pub to: PathBuf,
    /// The most bytes that it may have.
    pub most: u64,
}

/// An image to make ready.
#[derive(Debug, Serialize, Deserialize)]
pub struct Request {
    /// Folder of the store.
    pub store: PathBuf,
    /// Folders with archives and layouts.
    pub folders: Vec<PathBuf>,
    /// The image, verbatim.
    pub image: String,
    /// When to ask the registry.
    pub policy: PullPolicy,
    /// Login, when the registry wants one.
    pub login: Option<Login>,
}

/// A login; never written to a log.
#[derive(Clone, Serialize, Deserialize)]
pub struct Login {
    /// User.
    pub username: String,
    /// Secret.
    pub password: String,
}

/// One line of the answer.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Percentage so far.
    Progress(u8),
    /// It was there already.
    Present,
    /// It came from a registry, so pruning may take it.
    Pulled,
    /// It came from an archive.
    Imported,
    /// It is there, but not renewed, and why.
    Stale(String),
    /// It is written.
    Saved,
    /// It is not there, or not written, and why; empty when nothing was tried.
    Missing(String),
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Login({})", self.username)
    }
}

/// Runs the worker; ends with its last answer.
pub fn main() -> ExitCode {
    // Unpacking must not take the processor from workloads.
    let _ = rustix::process::nice(10);
    let mut text = String::new();
    let read = io::stdin().take(MAX_REQUEST).read_to_string(&mut text);
    let order = read.map_err(|error| error.to_string()).and_then(|_| {
        serde_json::from_slice::<Order>(text.as_bytes())
            .map_err(|error| format!("request is damaged: {error}"))
    });
    let answer = match order {
        Ok(Order::Save(order)) => match save::save(&order) {
            Ok(()) => Answer::Saved,
            Err(error) => Answer::Missing(error.to_string()),
        },
        Ok(Order::Ensure(request)) => {
            let told = std::cell::Cell::new(None);
            ensure::ensure(&request, &|percentage| {
                if told.replace(Some(percentage)) != Some(percentage) {
                    tell(&Answer::Progress(percentage));
                }
            })
        }
        Err(error) => Answer::Missing(error),
    };
    tell(&answer);
    ExitCode::SUCCESS
}

fn tell(answer: &Answer) {
    let mut line = serde_json::to_vec(answer).unwrap_or_default();
    line.push(b'\n');
    // The daemon may have gone; the work is kept all the same.
    let _ = io::stdout().write_all(&line);
}
