//! CRC-32 (IEEE 802.3), the checksum of log records.

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    let mut start: u32 = 0;
    while index < 256 {
        let mut value = start;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { value >> 1 ^ 0xedb8_8320 } else { value >> 1 };
            bit += 1;
        }
        table[index] = value;
        index += 1;
        start += 1;
    }
    table
};

/// Checksum of `bytes`.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    let folded = bytes.iter().fold(u32::MAX, |value, byte| {
        let [low, ..] = value.to_le_bytes();
        TABLE[usize::from(low ^ byte)] ^ value >> 8
    });
    !folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_value() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
    }
}
