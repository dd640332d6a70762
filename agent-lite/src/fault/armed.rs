//! Makes each file operation fail in turn, in unit tests.

use std::cell::RefCell;
use std::io;

use rustix::io::Errno;

/// What a failing write leaves.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    /// So many bytes.
    Bytes(usize),
    /// So many bytes, and zeroes where the others would be.
    Zeroes(usize),
}

/// Which operation fails.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    /// Counted from 0.
    pub(crate) number: usize,
    /// How.
    pub(crate) errno: Errno,
    /// All later ones fail too: the process is as good as dead.
    pub(crate) for_ever: bool,
    pub(crate) part: Part,
}

/// Operations since [`arm`]: their names, and bytes of those that write.
type Seen = Vec<(&'static str, usize)>;

thread_local! {
    static STATE: RefCell<(Option<Fault>, Seen)> = const { RefCell::new((None, Vec::new())) };
}

pub(crate) fn arm(fault: Option<Fault>) {
    STATE.set((fault, Vec::new()));
}

/// Gives what was seen.
pub(crate) fn disarm() -> Seen {
    STATE.take().1
}

/// How many operations there were so far.
pub(crate) fn seen() -> usize {
    STATE.with_borrow(|state| state.1.len())
}

/// Counts an operation; the fault when it is its turn, and whether it is the first time.
fn count(name: &'static str, bytes: usize) -> Option<(Fault, bool)> {
    STATE.with_borrow_mut(|(fault, seen)| {
        let number = seen.len();
        seen.push((name, bytes));
        let fault = (*fault)?;
        let hit = number == fault.number || fault.for_ever && number > fault.number;
        hit.then_some((fault, number == fault.number))
    })
}

pub(crate) fn at<T>(
    name: &'static str,
    operation: impl FnOnce() -> io::Result<T>,
) -> io::Result<T> {
    match count(name, 0) {
        Some((fault, _)) => Err(fault.errno.into()),
        None => operation(),
    }
}

pub(crate) fn write(
    name: &'static str,
    bytes: &[u8],
    mut operation: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let Some((fault, first)) = count(name, bytes.len()) else { return operation(bytes) };
    if first {
        match fault.part {
            Part::Bytes(kept) => operation(&bytes[..kept.min(bytes.len())])?,
            Part::Zeroes(kept) => {
                let mut torn = bytes.to_vec();
                torn[kept.min(bytes.len())..].fill(0);
                operation(&torn)?;
            }
        }
    }
    Err(fault.errno.into())
}
