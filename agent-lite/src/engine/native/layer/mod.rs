//! Layers: from a tar stream to a folder that an overlay mount can take as a lower one.

mod copy;
mod entry;
mod pack;
mod root;
mod unpack;

pub use copy::copy_over;
pub use entry::{BadEntry, Change, Kind, Name};
pub use pack::pack;
pub use root::Root;
pub use unpack::{Limits, UnpackError, Unpacked, unpack};

/// The attribute by which an overlay hides all that lies below a folder.
pub const OPAQUE: &str = "trusted.overlay.opaque";
