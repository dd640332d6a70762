//! Seeded schedules: see `crate::engine` for the simulated engine they use.
