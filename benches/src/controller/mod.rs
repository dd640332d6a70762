//! Load for a Controller, ours or any other that keeps the contract: one module per row of the table in
//! SPECIFICATION.md, over a small HTTP client that counts its own processor time apart from the server's.

pub mod client;
pub mod deploy;
pub mod estate;
pub mod fleet;
pub mod load;
pub mod provision;
pub mod report;
pub mod requests;
pub mod server;
pub mod start;
