//! See `engine::simulated`.
