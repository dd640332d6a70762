//! What a peer that breaks the rules is told. Each case is a state, the bytes sent in it, and the answer.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test code outside of test functions")]

#[path = "../common/mod.rs"]
mod common;
mod fields;
mod frames;
mod headers;
mod links;
mod peer;
mod sessions;
mod transfers;
