//! Volumes: directories pushed to Agents; records are local.

use super::{Context, Target, device};
use crate::config::AgentRecord;
use crate::config::records::Volume;
use crate::output::{Column, Listing, notice, progress};
use crate::text::{Error, Result, names};

const COLUMNS: &[Column] = &[
    Column { heading: "VOLUME", field: "name", wide: false },
    Column { heading: "SOURCE", field: "source", wide: false },
    Column { heading: "DESTINATION", field: "destination", wide: false },
    Column { heading: "PERMISSIONS", field: "permissions", wide: false },
    Column { heading: "AGENTS", field: "agents", wide: false },
];

/// All volumes.
///
/// # Errors
/// The namespace does not exist.
pub fn list(context: &mut Context) -> Result<Listing> {
    let rows = context.record()?.volumes.iter().map(|volume| {
        vec![
            volume.name.clone(),
            volume.source.clone(),
            volume.destination.clone(),
            volume.permissions.clone(),
            volume.agents.join(", "),
        ]
    });
    Ok(Listing { field: "volumes", columns: COLUMNS, rows: rows.collect() })
}

/// Prints one volume.
///
/// # Errors
/// There is none of that name.
pub fn describe(context: &mut Context, name: &str, target: &Target) -> Result<()> {
    let volume = context.record()?.volume(name)?.clone();
    context.print("Volume", name, None, volume, target)
}

/// Checks a Volume document; the metadata name wins.
///
/// # Errors
/// An invalid name, or the source is not a directory.
pub fn check(name: &str, mut volume: Volume) -> Result<Volume> {
    if !name.is_empty() {
        name.clone_into(&mut volume.name);
    }
    names::check("Volume", &volume.name)?;
    let source = std::path::Path::new(&volume.source);
    let data = std::fs::metadata(source).map_err(|cause| Error::io("stat", source, &cause))?;
    if data.is_dir() { Ok(volume) } else { Err(Error::input("Source must be a directory")) }
}

/// Pushes a volume to its Agents and records it.
///
/// # Errors
/// An unknown Agent, missing SSH details, or a failed copy.
pub fn deploy(context: &mut Context, volume: &Volume) -> Result<()> {
    let mut remote = Vec::new();
    let mut local = false;
    for name in &volume.agents {
        match context.record()?.agent(name)? {
            AgentRecord::Local(_) => local = true,
            AgentRecord::Remote(agent) => {
                if !device::has_ssh(&agent.host, &agent.ssh) {
                    return Err(Error::NoSsh("Agent"));
                }
                if names::is_local_host(&agent.host) {
                    return Err(Error::plain(
                        "Volume deployment is not supported for local Agents",
                    ));
                }
                remote.push(agent);
            }
        }
    }
    progress("Pushing volumes to Agents");
    if local {
        notice(
            "Local Agent uses the host filesystem when mounting/binding volumes to the Microservices. Therefore deploying a Volume to a Local Agent is unecessary.",
        );
        if volume.source != volume.destination {
            notice(&format!(
                "Source '{}' is different from destination '{}'\nThis may result cause issues, as the Microservices running on the Local Agent will use the host filesystem to bind/mount volumes.",
                volume.source, volume.destination
            ));
        }
    }
    device::push_volume(&remote, volume)?;
    if local || !remote.is_empty() {
        context.record()?.update_volume(volume.clone());
    }
    context.store.flush()
}
