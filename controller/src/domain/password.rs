//! Secrets: random texts, token hashes, password hashes. Nothing here is ever logged.

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
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
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| DIGITS.get(usize::from(value)).copied().map_or('0', char::from);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// What is stored of a password (Argon2id, own salt).
///
/// # Errors
/// When no salt can be had.
pub fn hash_password(password: &str) -> Result<String, SecretError> {
    let mut salt = [0; 16];
    fill(&mut salt)?;
    let failed = |error: &dyn std::fmt::Display| SecretError(error.to_string());
    let argon = Argon2::default();
    let salt = Salt::new(&salt).map_err(|error| failed(&error))?;
    let hash = digest_of(&argon, password, &salt, Params::DEFAULT_OUTPUT_LEN)
        .ok_or_else(|| SecretError("no hash".to_owned()))?;
    let params = ParamsString::try_from(argon.params()).map_err(|error| failed(&error))?;
    let stored = PasswordHash {
        algorithm: Algorithm::default().ident(),
        version: Some(Version::default().into()),
        params,
        salt: Some(salt),
        hash: Some(hash),
    };
    Ok(stored.to_string())
}

/// True when the password is the one that was hashed.
#[must_use]
pub fn password_matches(password: &str, stored: &str) -> bool {
    let matches = || {
        let stored = PasswordHash::new(stored).ok()?;
        let (salt, expected) = (stored.salt?, stored.hash?);
        let algorithm = Algorithm::try_from(stored.algorithm.as_str()).ok()?;
        let version = stored.version.map(Version::try_from).transpose().ok()?.unwrap_or_default();
        let argon = Argon2::new(algorithm, version, Params::try_from(&stored).ok()?);
        // Compared in constant time.
        Some(digest_of(&argon, password, &salt, expected.len())? == expected)
    };
    matches().unwrap_or(false)
}

/// Blocks of 1 KiB that are reserved for a hash, of which it uses 19 Mi.
const RESERVED: usize = 33 * 1024;

/// The hash itself, in memory that goes back to the system at once. The C library keeps a freed block below 32 MiB for the
/// next one, so the block is larger; what of it is never touched takes no memory.
fn digest_of(argon: &Argon2<'_>, password: &str, salt: &[u8], length: usize) -> Option<Output> {
    let count = argon.params().block_count();
    let mut blocks = Vec::with_capacity(count.max(RESERVED));
    blocks.resize(count, Block::new());
    let mut buffer = [0; Output::MAX_LENGTH];
    let out = buffer.get_mut(..length)?;
    argon.hash_password_into_with_memory(password.as_bytes(), salt, out, &mut blocks).ok()?;
    Output::new(out).ok()
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
    fn a_hash_of_the_library_is_known() {
        use argon2::PasswordHasher as _;
        let hash = Argon2::default().hash_password_with_salt(b"correct horse", &[7; 16]).unwrap();
        assert!(password_matches("correct horse", &hash.to_string()));
        assert!(!password_matches("correct house", &hash.to_string()));
    }

    #[test]
    fn texts_have_their_length() {
        assert_eq!(token_hash("")[..8], *"e3b0c442");
        assert_eq!(random_text(32).unwrap().len(), 32);
        assert_eq!(user_token().unwrap().len(), 64);
        assert_ne!(random_text(8).unwrap(), random_text(8).unwrap());
    }
}
