//! The `iofogctl` program.
fn main() {}
