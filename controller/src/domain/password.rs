//! Secrets: random texts, token hashes, password hashes. Nothing here is ever logged.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use iofog_api::id::ALPHABET;
use ring::digest;
use ring::rand::{SecureRandom, SystemRandom};

/// The system's random generator failed, or a hash could not be made.
#[derive(Debug, thiserror::Error)]
#[error("no secure random numbers or hash: {0}")]
pub struct SecretError(String);

/// Random text of the contract's alphabet.
///
/// # Errors
/// When the system gives no random bytes.
pub fn random_text(length: usize) -> Result<String, SecretError> {
    loop {
        // A tenth of the bytes is skipped on average: twice the length is enough but for rare cases.
        let mut random = vec![0; length * 2];
        fill(&mut random)?;
        if let Some(text) = text_from_random(&random, length) {
            return Ok(text);
        }
    }
}

/// Maps random bytes to the alphabet without bias: bytes at or above the largest multiple of its size are
/// skipped. None when too few were usable.
fn text_from_random(random: &[u8], length: usize) -> Option<String> {
    let text: String = random
        .iter()
        .filter(|byte| **byte < 230)
        .take(length)
        .filter_map(|byte| ALPHABET.get(usize::from(*byte) % ALPHABET.len()))
        .map(|letter| char::from(*letter))
        .collect();
    (text.len() == length).then_some(text)
}

/// A user's access token: 64 lower-case hex digits.
///
/// # Errors
/// When the system gives no random bytes.
pub fn user_token() -> Result<String, SecretError> {
    let mut random = [0; 32];
    fill(&mut random)?;
    Ok(hex(&random))
}

fn fill(random: &mut [u8]) -> Result<(), SecretError> {
    SystemRandom::new().fill(random).map_err(|_| SecretError("system random".to_owned()))
}

/// What is stored of a token or key: tokens are random, so a plain digest suffices.
#[must_use]
pub fn token_hash(token: &str) -> String {
    hex(digest::digest(&digest::SHA256, token.as_bytes()).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is stored of a password (Argon2id, own salt).
///
/// # Errors
/// When no salt can be had.
pub fn hash_password(password: &str) -> Result<String, SecretError> {
    let mut salt = [0; 16];
    fill(&mut salt)?;
    Argon2::default()
        .hash_password_with_salt(password.as_bytes(), &salt)
        .map(|hash| hash.to_string())
        .map_err(|error| SecretError(error.to_string()))
}

/// True when the password is the one that was hashed.
#[must_use]
pub fn password_matches(password: &str, stored: &str) -> bool {
    PasswordHash::new(stored)
        .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_salted_and_verified() {
        let one = hash_password("correct horse").unwrap();
        assert_ne!(one, hash_password("correct horse").unwrap());
        assert!(one.starts_with("$argon2id$"));
        assert!(password_matches("correct horse", &one));
        assert!(!password_matches("correct house", &one));
        assert!(!password_matches("correct horse", "not a hash"));
    }

    #[test]
    fn texts_have_their_length() {
        assert_eq!(random_text(32).unwrap().len(), 32);
        assert_eq!(user_token().unwrap().len(), 64);
        assert_ne!(random_text(8).unwrap(), random_text(8).unwrap());
    }
}
