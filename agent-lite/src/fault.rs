//! Named places at which a file operation may fail, or the process may end. In the program that ships they are nothing
//! but what is done there. In unit tests each fails in turn, with a part of a write on disk; a debug build of the program
//! ends there at once when `IOFOG_FAILPOINT` says so.

#[cfg(test)]
mod armed;
#[cfg(debug_assertions)]
mod kill;

#[cfg(not(test))]
use std::io;

#[cfg(test)]
pub(crate) use armed::{Fault, Part, arm, at, disarm, seen, write};
#[cfg(debug_assertions)]
use kill::Moment;
#[cfg(debug_assertions)]
pub use kill::{NATIVE_POINTS, POINTS};

/// What is named is about to happen.
#[inline]
pub(crate) fn before(name: &'static str) {
    #[cfg(debug_assertions)]
    kill::pass(name, Moment::Before);
    #[cfg(not(debug_assertions))]
    let _ = name;
}

/// It has happened, and nobody has been told.
#[inline]
pub(crate) fn after(name: &'static str) {
    #[cfg(debug_assertions)]
    kill::pass(name, Moment::After);
    #[cfg(not(debug_assertions))]
    let _ = name;
}

/// A file operation.
#[cfg(not(test))]
pub(crate) fn at<T>(
    name: &'static str,
    operation: impl FnOnce() -> io::Result<T>,
) -> io::Result<T> {
    before(name);
    let result = operation();
    after(name);
    result
}

/// One that writes `bytes`.
#[cfg(not(test))]
pub(crate) fn write(
    name: &'static str,
    bytes: &[u8],
    mut operation: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    before(name);
    #[cfg(debug_assertions)]
    if kill::is_due(name, Moment::Part) {
        operation(&bytes[..bytes.len() / 2])?;
        kill::die();
    }
    let result = operation(bytes);
    after(name);
    result
}
