//! TLS set-up in one place: server and client configurations from PEM, reload when files change, and a
//! clock that never runs before the program was made. ring is the only provider (decision 0002).

mod client;
mod clock;
mod error;
#[cfg(feature = "generate")]
mod generate;
mod identity;
mod reload;
mod server;
mod trust;

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

pub use client::{ClientOptions, ServerCheck};
pub use clock::FloorClock;
pub use error::TlsError;
#[cfg(feature = "generate")]
pub use generate::{Authority, Issued};
pub use identity::Identity;
pub use reload::Reloading;
pub use rustls;
pub use server::{ClientCheck, ServerOptions};
pub use trust::Trust;

/// The provider behind every configuration.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
