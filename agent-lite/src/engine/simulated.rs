//! A container engine in memory, for tests.
