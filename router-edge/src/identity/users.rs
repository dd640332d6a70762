//! Users that authenticate by SASL PLAIN: a text file of names and password hashes (decision 0020).

use std::collections::HashMap;
use std::fmt::Write as _;
use std::num::NonZeroU32;

use ring::pbkdf2;
use thiserror::Error;

/// Rounds of new hashes: little enough for a router that has one slow processor and other work.
const ROUNDS: NonZeroU32 = NonZeroU32::new(4_096).expect("is not zero");
/// Rounds that a file may ask for: more would stall the router.
const MOST_ROUNDS: u32 = 1_000_000;
const SCHEME: &str = "pbkdf2-sha256";
const HASH_LEN: usize = 32;
/// Longest name and password looked at, bytes.
const LONGEST: usize = 1_024;

/// The users of a file.
#[derive(Clone, Default)]
pub struct Users(HashMap<String, Hash>);

#[derive(Clone)]
struct Hash {
    rounds: NonZeroU32,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

/// A line of a users file that makes no sense; the line itself is not shown.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}: {rule}")]
pub struct UsersError {
    /// Line number, from 1.
    pub line: usize,
    /// What was expected.
    pub rule: &'static str,
}

impl std::fmt::Debug for Users {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Users").field(&self.0.len()).finish()
    }
}

impl Users {
    /// Reads lines `name:pbkdf2-sha256$rounds$salt$hash` (salt and hash in hexadecimal); empty lines and
    /// lines that begin with `#` are passed over.
    ///
    /// # Errors
    /// [`UsersError`] for the first line that is something else.
    pub fn parse(text: &str) -> Result<Self, UsersError> {
        let mut users = HashMap::new();
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let fail = |rule| UsersError { line: at + 1, rule };
            let (name, rest) = line.split_once(':').ok_or(fail("must be `name:hash`"))?;
            let hash = Hash::parse(rest)
                .ok_or(fail("hash must be `pbkdf2-sha256$rounds$salt$hash`, in hexadecimal"))?;
            if users.insert(name.to_owned(), hash).is_some() {
                return Err(fail("names a user for the second time"));
            }
        }
        Ok(Self(users))
    }

    /// Whether the password is the user's. Takes as long for names that are not there.
    #[must_use]
    pub fn check(&self, name: &str, password: &str) -> bool {
        if name.len() > LONGEST || password.len() > LONGEST {
            return false;
        }
        let nobody = Hash { rounds: ROUNDS, salt: vec![0; 16], hash: vec![0; HASH_LEN] };
        let known = self.0.get(name);
        let Hash { rounds, salt, hash } = known.unwrap_or(&nobody);
        let algorithm = pbkdf2::PBKDF2_HMAC_SHA256;
        let same = pbkdf2::verify(algorithm, *rounds, salt, password.as_bytes(), hash).is_ok();
        same && known.is_some()
    }
}

impl Hash {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().split('$');
        if parts.next()? != SCHEME {
            return None;
        }
        let rounds: u32 = parts.next()?.parse().ok()?;
        let (salt, hash) = (unhex(parts.next()?)?, unhex(parts.next()?)?);
        let fits = rounds <= MOST_ROUNDS && hash.len() == HASH_LEN && parts.next().is_none();
        fits.then_some(Self { rounds: NonZeroU32::new(rounds)?, salt, hash })
    }
}

/// What stands behind the name in a users file, for a password and a random salt.
#[must_use]
pub fn hash_password(password: &str, salt: [u8; 16]) -> String {
    let mut hash = [0; HASH_LEN];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ROUNDS, &salt, password.as_bytes(), &mut hash);
    format!("{SCHEME}${ROUNDS}${}${}", hex(&salt), hex(&hash))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .chars()
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    let pairs = digits.chunks_exact(2);
    pairs
        .remainder()
        .is_empty()
        .then(|| pairs.map(|pair| pair.iter().fold(0, |value, digit| value << 4 | digit)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_right_password_of_a_known_user_passes() {
        let text = format!("# people\n\nann:{}\n", hash_password("sesame", [7; 16]));
        let users = Users::parse(&text).unwrap();
        assert!(users.check("ann", "sesame"));
        assert!(!users.check("ann", "Sesame") && !users.check("bob", "sesame"));
        assert!(!users.check("ann", "") && !users.check("ann", &"x".repeat(2_000)));
        assert_eq!(format!("{users:?}"), "Users(1)");
    }

    #[test]
    fn odd_lines_are_named_by_number() {
        let line = |text: &str| Users::parse(text).unwrap_err();
        assert_eq!(line("\nann"), UsersError { line: 2, rule: "must be `name:hash`" });
        let good = hash_password("x", [1; 16]);
        assert_eq!(line(&format!("a:{good}\na:{good}")).line, 2);
        for bad in [
            "secret",
            "pbkdf2-sha256$0$00$00",
            "pbkdf2-sha256$4096$0$00",
            "pbkdf2-sha256$4096$zz$00",
            "pbkdf2-sha256$99999999$00$00",
        ] {
            assert!(line(&format!("a:{bad}")).rule.starts_with("hash must"), "{bad}");
        }
        assert!(line(&format!("a:{good}$1")).rule.starts_with("hash must"));
    }
}
