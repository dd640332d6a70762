//! An administration that refuses everything, for nodes that have none.

use iofog_agent::commandline::{Administration, CommandReply, Granted, LocalFuture, Refused};

/// Nobody administers this node.
pub(crate) struct Nobody;

impl Administration for Nobody {
    fn command<'a>(&'a self, _: &'a str) -> LocalFuture<'a, CommandReply> {
        Box::pin(std::future::ready(CommandReply { text: String::new(), succeeded: false }))
    }

    fn status(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    fn info(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    fn explain(&self, _: &str) -> Result<iofog_agent::domain::explain::Explanation, String> {
        Err("nothing to explain".to_owned())
    }

    fn provision<'a>(&'a self, _: &'a str) -> LocalFuture<'a, Result<Granted, String>> {
        Box::pin(std::future::ready(Err(String::new())))
    }

    fn deprovision(&self) -> LocalFuture<'_, Result<(), String>> {
        Box::pin(std::future::ready(Err(String::new())))
    }

    fn configure<'a>(&'a self, _: &'a [(String, String)]) -> LocalFuture<'a, Option<Vec<Refused>>> {
        Box::pin(std::future::ready(None))
    }

    fn set_position(&self, _: &str, _: &str) -> Result<(), String> {
        Err(String::new())
    }
}
