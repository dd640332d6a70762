//! The two bits of the ioMessage forms that the samples need: content as base64 for JSON, publisher
//! and content out of the binary form.

use anyhow::{Context, Result};

/// Standard base64 with padding.
pub fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0_usize, |word, byte| word << 8 | usize::from(*byte));
        let word = word << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = word >> (18 - 6 * place) & 0x3f;
            text.push(if place <= chunk.len() { char::from(ALPHABET[digit]) } else { '=' });
        }
    }
    text
}

/// Publisher and content of a binary message, version 4.
///
/// # Errors
/// When the message is shorter than its header says.
pub fn publisher_and_content(message: &[u8]) -> Result<(String, &[u8])> {
    // Widths of the length fields after the version, in the order of the values.
    const WIDTHS: [usize; 20] = [1, 2, 1, 1, 1, 1, 1, 1, 2, 2, 1, 2, 2, 2, 1, 1, 1, 4, 4, 0];
    const PUBLISHER: usize = 7;
    const CONTENT: usize = 18;
    let (mut at, mut value_at) = (2, 33);
    let (mut publisher, mut content) = (None, None);
    for (field, width) in WIDTHS.iter().enumerate() {
        let length = message.get(at..at + width).context("message shorter than its header")?;
        let length = length.iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte));
        at += width;
        let value = value_at..value_at + length;
        value_at += length;
        let value = message.get(value).context("message shorter than its header says")?;
        match field {
            PUBLISHER => publisher = Some(String::from_utf8(value.to_vec())?),
            CONTENT => content = Some(value),
            _ => {}
        }
    }
    Ok((publisher.context("no publisher")?, content.context("no content")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_vectors() {
        let cases =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
        for (plain, coded) in cases {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
        assert_eq!(base64(&[0xff, 0xfe, 0xfd]), "//79");
    }

    #[test]
    fn binary_message() {
        // The worked example of the contract: id, tag, seq 7, priority 3, timestamp, publisher.
        let mut message = vec![
            0, 4, 32, 0, 4, 0, 4, 0, 1, 8, 36, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0,
            0, 0, 0, 0, 5,
        ];
        message.extend([b'a'; 32]);
        message.extend(b"tagg\0\0\0\x07\x03\0\0\0\0\0\0\0\x01");
        message.extend([b'p'; 36]);
        message.extend(b"tfhello");
        assert_eq!(message.len(), 125);
        let (publisher, content) = publisher_and_content(&message).unwrap();
        assert_eq!((publisher.len(), content), (36, &b"hello"[..]));
        for cut in 0..message.len() {
            assert!(publisher_and_content(&message[..cut]).is_err(), "cut at {cut}");
        }
    }
}
