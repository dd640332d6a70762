//! Users, their tokens and the shared configuration values.

use anyhow::{Context, Result};

use super::{Import, password};
use crate::domain::password::{hash_password, token_hash};
use crate::store::{self, config::Entry, user::User};

/// Stored in place of the hash of a user who may not log in; no password has it.
const NO_LOGIN: &str = "suspended";

pub(super) fn import(import: &mut Import<'_, '_>) -> Result<()> {
    let mut suspended = Vec::new();
    let mut unreadable = Vec::new();
    let rows = import.source.rows("Users", "id")?;
    for row in &rows {
        let id = row.needed_int("id")?;
        let email = row.needed_text("email")?;
        let stored = row.text_or_empty("password")?;
        let password = if !row.flag("email_activated")? {
            suspended.push(email.clone());
            NO_LOGIN.to_owned()
        } else if let Some(password) = password::decrypt(&stored, &email) {
            hash_password(&password).with_context(|| format!("password of {email}"))?
        } else {
            unreadable.push(email.clone());
            NO_LOGIN.to_owned()
        };
        let new = User {
            id,
            first_name: row.text_or_empty("first_name")?,
            last_name: row.text_or_empty("last_name")?,
            password,
            email,
            is_activated: true,
        };
        store::given::user(import.work.tx, &new).with_context(|| format!("user {}", new.email))?;
    }
    import.count("users", rows.len());
    for (names, what) in [
        (&suspended, "suspended or not activated: they keep what is theirs and cannot log in"),
        (&unreadable, "with a password that cannot be read: they cannot log in"),
    ] {
        if !names.is_empty() {
            import.note(format!("users {what}: {}", names.join(", ")));
        }
    }
    import_tokens(import, &suspended)?;
    import_config(import)
}

fn import_tokens(import: &mut Import<'_, '_>, suspended: &[String]) -> Result<()> {
    let mut kept = 0;
    for row in import.source.rows("AccessTokens", "id")? {
        let (Some(user), Some(expires)) = (row.int("user_id")?, row.int("expiration_time")?) else {
            continue;
        };
        let owner = store::user::by_id(import.work.tx, user)?;
        let valid = owner.is_some_and(|owner| !suspended.contains(&owner.email));
        if valid && expires >= import.work.now {
            let hash = token_hash(&row.needed_text("token")?);
            store::token::insert_user(import.work.tx, &hash, user, expires)?;
            kept += 1;
        }
    }
    import.count("user tokens", kept);
    Ok(())
}

fn import_config(import: &mut Import<'_, '_>) -> Result<()> {
    let rows = import.source.rows("Config", "id")?;
    for row in &rows {
        let entry = Entry {
            id: row.needed_int("id")?,
            key: row.needed_text("key")?,
            value: row.needed_text("value")?,
            created: row.time("created_at")?,
            updated: row.time("updated_at")?,
        };
        store::given::config(import.work.tx, &entry)
            .with_context(|| format!("configuration value {}", entry.key))?;
    }
    import.count("configuration values", rows.len());
    Ok(())
}
