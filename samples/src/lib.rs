//! Sample microservices: a sensor that sends ioMessages and a dashboard that draws them.
//!
//! Both talk to their Agent through the documented Local API only, as any microservice does.

pub mod ledger;
pub mod local_api;
pub mod page;
pub mod reading;
pub mod stop;
