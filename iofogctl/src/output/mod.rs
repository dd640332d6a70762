//! What goes to the terminal: messages, tables, documents, and the terminal itself.

mod console;
mod document;
mod listing;
mod table;
mod terminal;

pub use console::{
    failure, info, line, notice, pass_err, pass_out, progress, set_plain_progress, set_trace,
    stdout, success, trace,
};
pub use document::{Format, print_document};
pub use listing::{Column, Listing};
pub use table::tabulate;
pub use terminal::{Event, Size, Terminal};
