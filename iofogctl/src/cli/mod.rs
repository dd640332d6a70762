//! The command line frame: one declared tree of commands drives parsing, help, completions and
//! manual pages.

pub mod complete;
pub mod help;
pub mod man;
mod parse;
mod spec;

pub use parse::{Invocation, Parsed, parse};
pub use spec::{Args, Command, Flag, Resource, Value, flag, option, short_flag, short_option};
