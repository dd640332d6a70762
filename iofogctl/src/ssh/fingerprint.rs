//! Comparing a file on a device with content here, by whichever of `sha256sum`, `cksum` and `wc`
//! the device has.

use ring::digest::{SHA256, digest};

const POLYNOMIAL: u32 = 0x04c1_1db7;

/// Command that prints what [`matches`] reads; prints nothing when there is no such file.
pub fn command(path: &str) -> String {
    format!(
        "if [ -f {path} ]; then if command -v sha256sum >/dev/null 2>&1; then sha256sum < {path}; \
         elif command -v cksum >/dev/null 2>&1; then cksum < {path}; else echo size $(wc -c < {path}); fi; fi"
    )
}

/// Whether the answer of a device describes this content.
pub fn matches(answer: &str, content: &[u8]) -> bool {
    let mut words = answer.split_whitespace();
    let size = |word: Option<&str>| {
        word.and_then(|word| word.parse::<usize>().ok()) == Some(content.len())
    };
    match words.next() {
        None => false,
        Some("size") => size(words.next()),
        Some(sum) if sum.len() == 64 => sum == sha256(content),
        Some(sum) => sum.parse() == Ok(cksum(content)) && size(words.next()),
    }
}

/// SHA-256 in lower-case hex digits.
pub fn sha256(content: &[u8]) -> String {
    digest(&SHA256, content).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Checksum of the POSIX `cksum` utility, over content and length.
fn cksum(content: &[u8]) -> u32 {
    let mut crc = content.iter().fold(0, |crc, &byte| step(crc, byte));
    let mut length = content.len();
    while length > 0 {
        crc = step(crc, length.to_le_bytes()[0]);
        length >>= 8;
    }
    !crc
}

fn step(crc: u32, byte: u8) -> u32 {
    (0..8).fold(crc ^ u32::from(byte) << 24, |crc, _| {
        if crc & 0x8000_0000 == 0 { crc << 1 } else { crc << 1 ^ POLYNOMIAL }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprint_reads_each_utility() {
        let content = b"123456789";
        assert!(matches(
            "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225  -\n",
            content
        ));
        assert!(matches("930766865 9\n", content));
        assert!(matches("size 9\n", content));
        for wrong in ["", "930766865 8", "930766866 9", "size 8", "x"] {
            assert!(!matches(wrong, content), "{wrong}");
        }
    }

    #[test]
    fn cksum_as_the_utility_prints_it() {
        assert_eq!(cksum(b""), 4_294_967_295);
        assert_eq!(cksum(&[0; 300]), 351_385_237);
    }
}
