//! Passwords as Controller 3.0.4 keeps them: encrypted with a key made from the address, so anyone with the file can
//! read them (controller contract 1).

use aes::Aes256;
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit, StreamCipher};
use md5::{Digest, Md5};

/// The password in `stored`, which is `<iv>:<text>` in hex, of the account with this address.
pub(super) fn decrypt(stored: &str, email: &str) -> Option<String> {
    let (iv, text) = stored.split_once(':')?;
    let (iv, mut text) = (unhex(iv)?, unhex(text)?);
    let key: String =
        Md5::digest(email.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    let mut cipher = Ctr128BE::<Aes256>::new_from_slices(key.as_bytes(), &iv).ok()?;
    cipher.apply_keystream(&mut text);
    String::from_utf8(text).ok()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|value| u8::try_from(value).ok()))
        .collect::<Option<_>>()?;
    let pairs = digits.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    Some(pairs.map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect())
}

#[cfg(test)]
mod tests {
    use super::decrypt;

    #[test]
    fn a_text_that_is_no_password_is_refused() {
        for bad in ["", "00", "00:00", "zz:zz", "000102030405060708090a0b0c0d0e0f:0"] {
            assert_eq!(decrypt(bad, "a@b.c"), None, "{bad}");
        }
    }

    #[test]
    fn a_password_made_by_the_real_one_is_read() {
        assert_eq!(decrypt(KNOWN, "ada@example.org").as_deref(), Some("correct horse"));
    }

    const KNOWN: &str = "000102030405060708090a0b0c0dffff:74fcb8895296c505619f5afbe5";
}
