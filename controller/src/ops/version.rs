//! Version commands: tells an agent to upgrade or to go back (controller contract 5.3).

use iofog_api::{ApiError, FogUuid};

use super::fog;
use crate::app::Work;
use crate::domain::change::Flags;
use crate::store::version::{self, Order};

/// What an agent can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionCommand {
    /// Install the newest version.
    Upgrade,
    /// Go back to the version before.
    Rollback,
}

impl VersionCommand {
    /// Reads the word of a path.
    ///
    /// # Errors
    /// When it is neither.
    pub fn parse(word: &str) -> Result<Self, ApiError> {
        match word {
            "upgrade" => Ok(Self::Upgrade),
            "rollback" => Ok(Self::Rollback),
            _ => Err(ApiError::validation(
                "Field versionCommand is not one of enum values: upgrade,rollback",
            )),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Upgrade => "upgrade",
            Self::Rollback => "rollback",
        }
    }
}

/// Orders an agent to change its version; it provisions itself with a new key afterwards.
///
/// # Errors
/// When the agent said that it cannot.
pub fn order(work: &mut Work<'_>, uuid: &FogUuid, command: VersionCommand) -> Result<(), ApiError> {
    let status = work.live.statuses.fog(uuid);
    match command {
        VersionCommand::Upgrade if !status.is_ready_to_upgrade => {
            return Err(ApiError::validation(
                "Can't upgrade version now. Latest is already installed",
            ));
        }
        VersionCommand::Rollback if !status.is_ready_to_rollback => {
            return Err(ApiError::validation(
                "Can't rollback version now. There are no backups on agent",
            ));
        }
        _ => {}
    }
    let (provision_key, expires) = fog::provisioning_key(work, uuid)?;
    version::put(
        work.tx,
        uuid,
        &Order { command: command.name().to_owned(), provision_key, expires },
    )?;
    work.flag(uuid, Flags::VERSION)
}
