//! The one entry point: brings up an ECN, builds, tests, measures.

fn main() {}
