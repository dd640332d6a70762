//! The engine without a daemon: images, containers and their networks by the Agent itself and an OCI runtime.
//!
//! Image work runs in a worker process ([`image::worker`]), each container has a shim ([`shim`]); both are this same
//! program under another first argument. The Agent itself only reads small files.

mod bundle;
mod cgroup;
mod health;
pub mod image;
pub mod layer;
mod lifecycle;
mod network;
mod record;
mod runtime;
pub mod shim;
mod user;
mod work;

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use iofog_sorted::SortedSet;
use tokio::sync::{Notify, Semaphore};

use super::Engine;
use crate::domain::{Container, ContainerId, Done, Failure, Step};
use image::ImageStore;
use network::Subnet;
use record::Places;
use runtime::Runtime;

/// Image workers at once: each may hold a layer in the making.
const WORKERS: usize = 2;

/// What the engine is told at its start.
#[derive(Clone, Debug)]
pub struct NativeOptions {
    /// Folder that lasts: images, containers, volumes.
    pub library: PathBuf,
    /// Folder of the current boot.
    pub run: PathBuf,
    /// Folders with image archives and layouts that came with the device.
    pub image_folders: Vec<PathBuf>,
    /// The Agent's program, for workers and shims.
    pub program: PathBuf,
    /// Name of the runtime program; none takes what fits the machine best.
    pub runtime: Option<String>,
}

/// The engine.
pub struct NativeEngine {
    shared: Rc<Shared>,
}

struct Shared {
    options: NativeOptions,
    places: Places,
    changed: Notify,
    workers: Semaphore,
    /// Containers whose shims are being listened to.
    watched: RefCell<SortedSet<ContainerId>>,
    /// Containers whose lost shims were replaced once.
    resumed: RefCell<SortedSet<ContainerId>>,
    subnet: Cell<Option<Subnet>>,
}

// === impl NativeOptions ===

impl NativeOptions {
    /// This machine has a runtime that the engine could use.
    pub fn runtime_exists() -> bool {
        Runtime::find(std::path::Path::new("/"), None).is_some()
    }

    /// Containers were made by this engine before.
    pub fn in_use(&self) -> bool {
        let containers = self.library.join("containers");
        containers.read_dir().is_ok_and(|mut entries| entries.next().is_some())
    }
}

// === impl NativeEngine ===

impl NativeEngine {
    /// An engine on these folders. Must be used on a local task set.
    pub fn new(options: NativeOptions) -> Self {
        let places = Places { library: options.library.clone(), run: options.run.clone() };
        if let Ok(store) = ImageStore::open(&places.library)
            && let Err(error) = store.tidy()
        {
            log::warn!(target: "engine", "images: {error}");
        }
        if let Err(error) = lifecycle::tidy(&places) {
            log::warn!(target: "engine", "containers: {error}");
        }
        let shared = Shared {
            options,
            places,
            changed: Notify::new(),
            workers: Semaphore::new(WORKERS),
            watched: RefCell::default(),
            resumed: RefCell::default(),
            subnet: Cell::default(),
        };
        Self { shared: Rc::new(shared) }
    }
}

impl Engine for NativeEngine {
    async fn list(&self) -> Result<Vec<Container>, Failure> {
        lifecycle::list(&self.shared).await
    }

    async fn perform(&self, step: &Step, progress: &dyn Fn(u8)) -> Result<Done, Failure> {
        let shared = &self.shared;
        match step {
            Step::EnsureImage { image, registry, policy } => {
                work::ensure(shared, image, registry.as_ref(), *policy, progress).await
            }
            Step::Create(spec) => lifecycle::create(shared, spec),
            Step::Start(id) => lifecycle::start(shared, id).await,
            Step::Stop(id) => lifecycle::stop(shared, id).await,
            Step::Remove { container, .. } => lifecycle::remove(shared, container).await,
            Step::RemoveImage(image) => {
                shared.remove_images(std::slice::from_ref(image)).map(|_| Done::Ok)
            }
        }
    }

    async fn changed(&self) {
        self.shared.changed.notified().await;
    }

    async fn save(&self, container: &ContainerId, to: &Path, most: u64) -> Result<(), Failure> {
        let record = lifecycle::known(&self.shared, container)?;
        work::save(&self.shared, record, to, most).await
    }

    async fn prune(&self, images: &[String]) -> Result<u64, Failure> {
        self.shared.remove_images(images)
    }
}

// === impl Shared ===

impl Shared {
    /// Removes images that no container was made from; says how many bytes went.
    fn remove_images(&self, images: &[String]) -> Result<u64, Failure> {
        let records = self.places.records().map_err(refused)?;
        let used = |name: &String| records.iter().any(|record| record.image == *name);
        let names: Vec<String> = images
            .iter()
            .filter_map(|image| image::Reference::parse(image).ok())
            .map(|reference| reference.to_string())
            .filter(|name| !used(name))
            .collect();
        let held = records.iter().flat_map(|record| record.layers.iter().cloned()).collect();
        let store = ImageStore::open(&self.places.library).map_err(refused)?;
        store.remove(&names, &held).map_err(refused)
    }

    /// The network of the containers, chosen at the first use.
    fn subnet(&self) -> Result<Subnet, Failure> {
        if let Some(subnet) = self.subnet.get() {
            return Ok(subnet);
        }
        let file = self.places.library.join("network.json");
        let wish =
            image::Digest::of(self.places.library.as_os_str().as_encoded_bytes()).first_byte();
        let subnet = Subnet::load(&file, wish).map_err(refused)?;
        if let Err(error) = network::masquerade(&subnet) {
            log::warn!(target: "engine", "containers reach only this node and each other: {error}");
        }
        self.subnet.set(Some(subnet));
        Ok(subnet)
    }
}

fn refused(error: std::io::Error) -> Failure {
    Failure::Refused(error.to_string())
}
