//! HTTP: connections, requests and answers in the forms of controller contract 0.1. What a route does is not known here.

pub mod answer;
pub mod block;
pub mod body;
pub mod budget;
pub mod content;
pub mod limits;
pub mod metrics;
pub mod patience;
pub mod places;
mod probe;
pub mod query;
pub mod reply;
pub mod request;
pub mod server;
pub mod tls;
pub mod upload;

pub use reply::{Body, Reply};
pub use request::{Caller, Request, Upload};
pub use upload::Spooled;
