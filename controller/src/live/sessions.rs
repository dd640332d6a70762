//! Access tokens by hash. Each authenticated call adds a full interval to the expiry (controller contract 1); expiries are
//! written behind: soon while the one that is written would end soon, else within a round ([`Behind`]).

use std::collections::HashMap;
use std::sync::Mutex;

use iofog_api::{ApiError, ErrorClass, FogUuid};

use super::behind::Behind;
use super::lock;

/// Known tokens.
#[derive(Debug, Default)]
pub struct Sessions(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    users: HashMap<String, Session<i64>>,
    fogs: HashMap<String, Session<FogUuid>>,
    /// The token of each agent: it has one.
    of_fogs: HashMap<FogUuid, String>,
    extended: Behind<String>,
}

#[derive(Debug)]
struct Session<T> {
    owner: T,
    expires: i64,
    /// Expiry that is written down.
    written: i64,
}

/// A written expiry nearer than this is written anew soon: a restart must not end a token that is in use.
const NEAR_MS: i64 = 120_000;

/// An expiry to write behind: token hash, whether an agent's, expiry.
pub type Extended = (String, bool, i64);

impl Sessions {
    /// Forgets everything.
    pub fn clear(&self) {
        *lock(&self.0) = Inner::default();
    }

    /// Adds a user's token.
    pub fn add_user(&self, hash: String, owner: i64, expires: i64) {
        lock(&self.0).users.insert(hash, Session { owner, expires, written: expires });
    }

    /// Adds an agent's token, which replaces its former one.
    pub fn add_fog(&self, hash: String, owner: FogUuid, expires: i64) {
        let mut inner = lock(&self.0);
        if let Some(former) = inner.of_fogs.insert(owner.clone(), hash.clone()) {
            inner.fogs.remove(&former);
        }
        inner.fogs.insert(hash, Session { owner, expires, written: expires });
    }

    /// Forgets a user's tokens.
    pub fn drop_user(&self, user: i64) {
        lock(&self.0).users.retain(|_, session| session.owner != user);
    }

    /// Forgets an agent's token.
    pub fn drop_fog(&self, fog: &FogUuid) {
        let mut inner = lock(&self.0);
        if let Some(hash) = inner.of_fogs.remove(fog) {
            inner.fogs.remove(&hash);
        }
    }

    /// The user of a token; extends it.
    ///
    /// # Errors
    /// `authorization failed` or `token expired`.
    pub fn user(&self, hash: &str, now: i64, interval: i64) -> Result<i64, ApiError> {
        let mut inner = lock(&self.0);
        let inner = &mut *inner;
        check(inner.users.get_mut(hash), &mut inner.extended, hash, now, interval)
    }

    /// The agent of a token; extends it.
    ///
    /// # Errors
    /// `authorization failed` or `token expired`.
    pub fn fog(&self, hash: &str, now: i64, interval: i64) -> Result<FogUuid, ApiError> {
        let mut inner = lock(&self.0);
        let inner = &mut *inner;
        check(inner.fogs.get_mut(hash), &mut inner.extended, hash, now, interval)
    }

    /// Another Controller extended these tokens.
    pub fn hear_extended(&self, tokens: Vec<Extended>) {
        let mut inner = lock(&self.0);
        for (hash, _, expires) in tokens {
            if let Some(session) = inner.users.get_mut(&hash) {
                session.expires = session.expires.max(expires);
            } else if let Some(session) = inner.fogs.get_mut(&hash) {
                session.expires = session.expires.max(expires);
            }
        }
    }

    /// Keeps an agent's token while its link is open: it lasts a full interval from now on. False when it is not valid.
    pub fn keep_fog(&self, hash: &str, now: i64, interval: i64) -> bool {
        let mut inner = lock(&self.0);
        let Some(session) = inner.fogs.get_mut(hash) else { return false };
        let expires = now.saturating_add(interval);
        // Written down now and then: a token is never extended by less than a tenth of its life.
        if session.expires < expires.saturating_sub(interval / 10) {
            session.expires = expires;
            inner.extended.soon(&hash.to_owned());
        }
        true
    }

    /// The clock jumped ahead: a token that it would end keeps what it had left. Agents cannot get another by
    /// themselves, and a device without a clock of its own starts in the past.
    pub fn jumped(&self, from: i64, to: i64) {
        let mut guard = lock(&self.0);
        let Inner { users, fogs, extended, .. } = &mut *guard;
        let users = users.iter_mut().map(|(hash, session)| (hash, &mut session.expires));
        let fogs = fogs.iter_mut().map(|(hash, session)| (hash, &mut session.expires));
        for (hash, expires) in users.chain(fogs) {
            if (from..to).contains(expires) {
                *expires = to.saturating_add(*expires - from);
                extended.soon(hash);
            }
        }
    }

    /// Changed expiries to be written at this turn, or all of them; expired user tokens are forgotten on the way.
    pub fn take_extended(&self, now: i64, all: bool) -> Vec<Extended> {
        let mut inner = lock(&self.0);
        let inner = &mut *inner;
        inner.users.retain(|_, session| session.expires >= now);
        let hashes = inner.extended.take(all);
        hashes
            .into_iter()
            .filter_map(|hash| match (inner.users.get_mut(&hash), inner.fogs.get_mut(&hash)) {
                (Some(session), _) => Some((session.taken(), false, hash)),
                (None, Some(session)) => Some((session.taken(), true, hash)),
                (None, None) => None,
            })
            .map(|(expires, is_agent, hash)| (hash, is_agent, expires))
            .collect()
    }
}

impl<T> Session<T> {
    /// The expiry, which is being written down.
    fn taken(&mut self) -> i64 {
        self.written = self.expires;
        self.expires
    }
}

fn check<T: Clone>(
    session: Option<&mut Session<T>>,
    extended: &mut Behind<String>,
    hash: &str,
    now: i64,
    interval: i64,
) -> Result<T, ApiError> {
    let session = session.ok_or_else(ApiError::unauthorised)?;
    if session.expires < now {
        return Err(ApiError::new(ErrorClass::Authentication, "token expired"));
    }
    session.expires = session.expires.saturating_add(interval);
    if session.written < now.saturating_add(NEAR_MS) {
        extended.soon(&hash.to_owned());
    } else {
        extended.later(&hash.to_owned());
    }
    Ok(session.owner.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_call_adds_a_full_interval() {
        let sessions = Sessions::default();
        sessions.add_user("h".to_owned(), 7, 1000);
        assert_eq!(sessions.user("h", 900, 1000).unwrap(), 7);
        assert_eq!(sessions.user("h", 1900, 1000).unwrap(), 7);
        assert_eq!(sessions.user("h", 4000, 1000).unwrap_err().message, "token expired");
        assert!(sessions.fog("h", 0, 1).is_err());
        assert_eq!(sessions.user("x", 0, 1).unwrap_err().message, "authorization failed");
    }

    #[test]
    fn a_clock_that_jumps_ahead_ends_no_token() {
        let sessions = Sessions::default();
        sessions.add_fog("a".to_owned(), "a".into(), 1000);
        sessions.add_fog("b".to_owned(), "b".into(), 90_000);
        sessions.add_user("gone".to_owned(), 7, 400);
        sessions.jumped(500, 50_000);
        assert!(sessions.fog("a", 50_500, 10).is_ok());
        assert_eq!(sessions.user("gone", 50_500, 10).unwrap_err().message, "token expired");
        let mut extended = sessions.take_extended(50_500, true);
        extended.sort();
        assert_eq!(extended, [("a".to_owned(), true, 50_510)], "b needs nothing");
        // Backwards it ends none either.
        sessions.jumped(50_500, 100);
        assert!(sessions.fog("a", 100, 10).is_ok());
    }

    #[test]
    fn a_new_agent_token_replaces_the_old() {
        let sessions = Sessions::default();
        sessions.add_fog("old".to_owned(), "a".into(), 10);
        sessions.add_fog("new".to_owned(), "a".into(), 10);
        assert!(sessions.fog("old", 0, 1).is_err());
        assert!(sessions.fog("new", 0, 1).is_ok());
    }
}
