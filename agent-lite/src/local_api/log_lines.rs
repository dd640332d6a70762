//! Lines that microservices log through the Agent, one set of rotating files each (agent contract, 4.1).

use std::path::{Path, PathBuf};

use hyper::StatusCode;
use iofog_log_sink::{RotatingFile, format_utc};
use iofog_sorted::SortedMap;
use serde_json::json;

use super::reply::{self, Answer, Refusal};
use super::server::{Peer, Shared};
use super::{identity, request};
use crate::clock::Clock;
use crate::ids::MicroserviceUuid;

/// Files that are kept open at once.
const MAX_OPEN: usize = 64;
const MEGABYTE: u64 = 1 << 20;

/// The open files.
pub(super) struct LogLines {
    folder: PathBuf,
    open: SortedMap<MicroserviceUuid, RotatingFile>,
}

/// `POST /v2/log`.
pub(super) async fn post(shared: &Shared, peer: &Peer, body: &[u8]) -> Result<Answer, Refusal> {
    let object = request::object(body)?;
    let id = request::id(&object)?;
    let (kind, message) = (request::text(&object, "type")?, request::text(&object, "message")?);
    identity::require(shared, peer.address, &id).await?;
    let found = shared.context.microservice(&id);
    let found = found.ok_or_else(|| Refusal::bad_request("id is not known"))?;
    let level = if kind == "info" { "INFO" } else { "WARNING" };
    let written = shared.log_lines.borrow_mut().write(&id, found.log_size_mb, level, message);
    written.map_err(|error| {
        log::warn!(target: "local_api", "log of {id} cannot be written: {error}");
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "log cannot be written")
    })?;
    Ok(reply::plain(json!({ "status": "okay" }).to_string()))
}

// === impl LogLines ===

impl LogLines {
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), open: SortedMap::new() }
    }

    fn write(
        &mut self,
        id: &MicroserviceUuid,
        size_mb: u32,
        level: &str,
        message: &str,
    ) -> std::io::Result<()> {
        if !self.open.contains_key(id) {
            if self.open.len() >= MAX_OPEN {
                self.open.pop_first();
            }
            // Only uuids of the node's own list come here, but a file name is no place to trust them.
            let stem: String = id.as_str().chars().filter(|c| is_name_character(*c)).collect();
            let file = RotatingFile::open(&self.folder, &stem, MEGABYTE, size_mb.max(1))?;
            self.open.insert(id.clone(), file);
        }
        let now = format_utc(Clock::new().epoch().0);
        let line = format!("{now} {level} {}\n", message.escape_debug());
        self.open.get_mut(id).map_or(Ok(()), |file| file.write_line(line.as_bytes()))
    }
}

fn is_name_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '-'
}
