//! Container engines behind one narrow trait: Docker, the native one without a daemon, and a simulated one for tests.

#[cfg(feature = "docker")]
mod docker;
pub mod native;
mod select;
#[doc(hidden)]
pub mod simulated;

use std::future::Future;
use std::path::Path;

#[cfg(feature = "docker")]
pub use docker::DockerEngine;
#[cfg(feature = "docker")]
pub(crate) use docker::read_any_answer;
pub use native::{NativeEngine, NativeOptions};
pub use select::{AnyEngine, EngineChoice};

use crate::domain::{Container, ContainerId, Done, Failure, Step};

/// What the Agent needs of an engine.
pub trait Engine {
    /// All containers named or labelled as microservices, of every node on this engine.
    fn list(&self) -> impl Future<Output = Result<Vec<Container>, Failure>>;

    /// Does one step; `progress` hears the percentage of an image pull.
    fn perform(
        &self,
        step: &Step,
        progress: &dyn Fn(u8),
    ) -> impl Future<Output = Result<Done, Failure>>;

    /// Resolves when a microservice's container may have changed since the last call. It may resolve for nothing;
    /// it may miss changes, so look now and then anyway.
    fn changed(&self) -> impl Future<Output = ()>;

    /// Writes the image that a container was made from to a file, packed, unless it has more than `most` bytes then.
    fn save(
        &self,
        container: &ContainerId,
        to: &Path,
        most: u64,
    ) -> impl Future<Output = Result<(), Failure>>;

    /// Removes the given images unless something uses them; says how many bytes that freed.
    fn prune(&self, images: &[String]) -> impl Future<Output = Result<u64, Failure>>;
}
