//! CRC-32 (IEEE 802.3), the checksum of log records and of gzip.

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

/// A checksum of what comes piece by piece.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crc(u32);

/// Checksum of `bytes`.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    let mut sum = Crc::default();
    sum.add(bytes);
    sum.value()
}

// === impl Crc ===

impl Crc {
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |value, byte| {
            let [low, ..] = value.to_le_bytes();
            TABLE[usize::from(low ^ byte)] ^ value >> 8
        });
    }

    pub(crate) fn value(self) -> u32 {
        !self.0
    }
}

impl Default for Crc {
    fn default() -> Self {
        Self(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_value() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
        let mut sum = Crc::default();
        sum.add(b"12345");
        sum.add(b"6789");
        assert_eq!(sum.value(), 0xcbf4_3926);
    }
}
