//! HTTP: connections, requests and answers in the forms of controller contract 0.1. What a route does is not known here.

pub mod body;
pub mod query;
pub mod reply;
pub mod request;
pub mod server;

pub use reply::Reply;
pub use request::{Caller, Request, Upload};
