//! Self-update: two slots beside the installed program, a signed manifest, a trial that must prove itself.
//!
//! The installed program (the factory's) is never touched. At each start it reads the boot record and gives way to
//! the program of a slot, whole and on record; whatever happens to slots and record, the factory's program runs.
//! Layers: [`manifest`] and [`record`] (wire), [`plan`], [`gate`] and [`inquiry`] (rules), then disk, source and supervisor.

pub mod gate;
pub mod inquiry;
mod launcher;
pub mod manifest;
pub mod plan;
pub mod record;
mod settings;
#[cfg(test)]
mod simulation;
mod slots;
mod source;
mod supervisor;

pub use launcher::{Launch, launch, relaunch};
pub use settings::{Settings, TARGET};
pub use slots::Slots;
pub use supervisor::{Command, Facts, Updater};
