//! The way of an order: over the socket to the Controller that works on the folder, or into a database opened here.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use serde_json::Value;

use crate::admin::{Order, Who, execute, socket};
use crate::app::App;
use crate::stop;

/// A Controller in this process: its runtime, itself, and the lock on its folder.
pub struct Opened {
    /// What runs it.
    pub runtime: tokio::runtime::Runtime,
    /// It.
    pub app: Arc<App>,
    /// Kept for as long as the database is open.
    pub lock: Option<File>,
}

/// Opens the database that the settings name.
pub type Opener<'a> = &'a dyn Fn() -> Result<Opened>;

/// Where orders go.
pub(super) struct Way<'a> {
    data_dir: PathBuf,
    open: Opener<'a>,
    opened: Option<Opened>,
}

impl<'a> Way<'a> {
    pub(super) fn new(data_dir: &Path, open: Opener<'a>) -> Self {
        Self { data_dir: data_dir.to_owned(), open, opened: None }
    }

    /// True when a Controller works on the folder.
    pub(super) fn is_running(&self) -> bool {
        connect(&self.data_dir).is_some()
    }

    /// Has an order carried out.
    pub(super) fn carry_out(&mut self, order: &Order) -> Result<Value> {
        if self.opened.is_none()
            && let Some(stream) = connect(&self.data_dir)
        {
            return socket::send(&stream, order);
        }
        let opened = match self.opened.take() {
            Some(opened) => opened,
            None => (self.open)()?,
        };
        let (_stopper, stop) = stop::channel();
        let result = opened.runtime.block_on(execute(&opened.app, order.clone(), &stop));
        self.opened = Some(opened);
        result.map_err(|error| anyhow::Error::msg(error.message))
    }
}

fn connect(data_dir: &Path) -> Option<UnixStream> {
    socket::connect(data_dir)
}

/// Ends the Controller that works on a folder and waits until it is gone; false when there is none.
pub(super) fn stop(data_dir: &Path) -> Result<bool> {
    // A second connection, which nobody reads, closes when the process ends.
    let (Some(stream), Some(mut end)) = (connect(data_dir), connect(data_dir)) else {
        return Ok(false);
    };
    socket::send(&stream, &Order::new("cli.stop", Who::Nobody))?;
    let mut rest = [0; 1];
    // Closed or reset, both mean that it went.
    let _ = end.read(&mut rest);
    Ok(true)
}
