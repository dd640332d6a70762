//! Makes lines of a users file: the hash of a password that comes by standard input, so that it stands in
//! no list of processes and no shell history.

use std::io::{self, BufRead, Write};

use ring::rand::{SecureRandom, SystemRandom};

use crate::identity::hash_password;

/// Reads one line and writes its hash.
pub(super) fn hash(mut from: impl BufRead, mut to: impl Write) -> io::Result<()> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    let mut salt = [0; 16];
    SystemRandom::new().fill(&mut salt).map_err(|_| io::Error::other("no random numbers"))?;
    writeln!(to, "{}", hash_password(line.trim_end_matches(['\r', '\n']), salt))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Users;

    #[test]
    fn the_line_lets_the_user_in() {
        let mut out = Vec::new();
        hash(&b"sesame\n"[..], &mut out).unwrap();
        let users = Users::parse(&format!("ann:{}", String::from_utf8(out).unwrap())).unwrap();
        assert!(users.check("ann", "sesame"));
    }
}
