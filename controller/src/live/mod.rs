//! State that every request needs and none may wait a disk for: sessions, change flags, newest statuses. All of it is
//! read from the store at start; changes of intent reach it only after their commit.

pub mod behind;
pub mod board;
pub mod links;
pub mod owners;
pub mod sessions;
pub mod statuses;

use iofog_api::{FogUuid, MicroserviceUuid};
use serde::{Deserialize, Serialize};

use crate::domain::change::Flags;
use crate::domain::status::{FogStatus, MicroserviceStatus};
use crate::store::{self, Stored, Tx};

/// What a transaction changes here once it is committed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Effect {
    /// Flags for an agent, with their stamp (epoch ms, strictly increasing).
    Flags(FogUuid, i64, Flags),
    /// A microservice's status was set, or goes with the microservice.
    Microservice(MicroserviceUuid, Option<MicroserviceStatus>),
    /// A microservice is on this agent now, or on none.
    Placed(MicroserviceUuid, Option<FogUuid>),
    /// An agent's status was set.
    Fog(FogUuid, Box<FogStatus>),
    /// A user logged in: token hash, user, expiry.
    UserToken(String, i64, i64),
    /// All of a user's tokens are gone.
    DropUser(i64),
    /// An agent was provisioned: token hash, agent, expiry.
    FogToken(String, FogUuid, i64),
    /// An agent is gone, with token, flags and status.
    DropFog(FogUuid),
    /// An agent has taken its flags up to this stamp.
    Acknowledged(FogUuid, String),
    /// Tokens are good for longer.
    Extended(Vec<sessions::Extended>),
    /// These statuses were written behind.
    Written(Vec<FogUuid>, Vec<MicroserviceUuid>),
}

/// The live state.
#[derive(Debug, Default)]
pub struct Live {
    /// Access tokens.
    pub sessions: sessions::Sessions,
    /// Change flags and who waits for them.
    pub board: board::Board,
    /// Newest statuses.
    pub statuses: statuses::Statuses,
    /// Open device links.
    pub links: links::Links,
    /// Where microservices are.
    pub owners: owners::Owners,
}

impl Live {
    /// Reads everything from the store, in place of what is here.
    ///
    /// # Errors
    /// When the database fails.
    pub fn load(&self, tx: &mut dyn Tx, now: i64) -> Stored<()> {
        self.sessions.clear();
        self.owners.clear();
        for (hash, user, expires) in store::token::all_user(tx)? {
            self.sessions.add_user(hash, user, expires);
        }
        for (hash, fog, expires) in store::token::all_fog(tx)? {
            self.sessions.add_fog(hash, fog, expires);
        }
        self.board.load(store::change::all(tx)?, now);
        for (uuid, fog) in store::microservice::placements(tx)? {
            self.owners.set(uuid, Some(fog));
        }
        self.statuses.load(store::fog::all_status(tx)?, store::microservice::all_status(tx)?);
        Ok(())
    }

    /// Takes over what a committed transaction changed.
    pub fn apply(&self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Flags(fog, stamp, flags) => self.board.post(&fog, stamp, flags),
                Effect::Microservice(uuid, status) => self.statuses.set_microservice(uuid, status),
                Effect::Placed(uuid, fog) => self.owners.set(uuid, fog),
                Effect::Fog(uuid, status) => self.statuses.set_fog(&uuid, *status),
                Effect::UserToken(hash, user, expires) => {
                    self.sessions.add_user(hash, user, expires);
                }
                Effect::DropUser(user) => self.sessions.drop_user(user),
                Effect::FogToken(hash, fog, expires) => self.sessions.add_fog(hash, fog, expires),
                Effect::DropFog(fog) => {
                    self.sessions.drop_fog(&fog);
                    self.board.drop_fog(&fog);
                    self.statuses.drop_fog(&fog);
                }
                Effect::Acknowledged(fog, stamp) => {
                    self.board.acknowledge(&fog, &stamp);
                }
                // Known here already.
                Effect::Extended(_) | Effect::Written(..) => {}
            }
        }
    }

    /// Takes over what another Controller committed. Statuses that it wrote behind are read with `tx`.
    ///
    /// # Errors
    /// When the database fails.
    pub fn hear(&self, tx: &mut dyn Tx, effects: Vec<Effect>) -> Stored<()> {
        for effect in effects {
            match effect {
                Effect::Microservice(uuid, Some(status)) => {
                    self.statuses.hear_microservice(uuid, status);
                }
                Effect::Fog(uuid, status) => self.statuses.hear_fog(uuid, *status),
                Effect::Extended(tokens) => self.sessions.hear_extended(tokens),
                Effect::Written(fogs, microservices) => {
                    for uuid in fogs {
                        if let Some(status) = store::fog::status(tx, &uuid)? {
                            self.statuses.hear_fog(uuid, status);
                        }
                    }
                    for uuid in microservices {
                        if let Some(status) = store::microservice::status(tx, &uuid)? {
                            self.statuses.hear_microservice(uuid, status);
                        }
                    }
                }
                other => self.apply(vec![other]),
            }
        }
        Ok(())
    }
}

/// Locks a mutex; a panic elsewhere while it was held leaves values that are still whole.
fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
