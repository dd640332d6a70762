//! Integers of the binary form: writers disagree on their width.

/// Reads 0 to 8 bytes, big-endian, into a field that holds at most `limit`.
///
/// Some releases of the Node SDK write eight bytes of an IEEE double: taken when the value cannot be meant
/// as an integer and is integral as a double.
pub(crate) fn read(bytes: &[u8], limit: u64) -> Option<u64> {
    if bytes.len() > 8 {
        return None;
    }
    let value = bytes.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    if value <= limit.min(MAX_SAFE) {
        return Some(value);
    }
    if bytes.len() == 8
        && let Some(meant) = integral(f64::from_bits(value))
        && meant <= limit
    {
        return Some(meant);
    }
    (value <= limit).then_some(value)
}

/// Largest integer that a double holds exactly; no time stamp or counter reaches it.
const MAX_SAFE: u64 = (1 << 53) - 1;

/// The integer that a double stands for, without a lossy cast: the mantissa shifted by the exponent.
fn integral(double: f64) -> Option<u64> {
    if !double.is_normal() || double < 1.0 || double.fract() != 0.0 {
        return None;
    }
    let bits = double.to_bits();
    let mantissa = bits & ((1 << 52) - 1) | 1 << 52;
    let exponent = u32::try_from(bits >> 52).ok()?.checked_sub(1023)?;
    (exponent <= 52).then(|| mantissa >> (52 - exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_of_all_writers() {
        assert_eq!(read(&[], 9), Some(0));
        assert_eq!(read(&[0], 9), Some(0));
        assert_eq!(read(&[7], 9), Some(7));
        assert_eq!(read(&[0, 0, 1, 2], 0xffff_ffff), Some(258));
        assert_eq!(read(&[0, 0, 0, 0, 0, 0, 1, 2], 0xffff_ffff), Some(258));
        assert_eq!(read(&[0; 9], 9), None);
        assert_eq!(read(&[10], 9), None);
    }

    #[test]
    fn doubles_of_the_node_sdk() {
        for value in [1.0_f64, 5.0, 255.0, 1_795_430_179_786.0] {
            let expected = format!("{value}").parse::<u64>().unwrap();
            assert_eq!(read(&value.to_be_bytes(), u64::MAX), Some(expected));
        }
        assert_eq!(read(&1.5_f64.to_be_bytes(), 255), None);
        assert_eq!(read(&256.0_f64.to_be_bytes(), 255), None);
        assert_eq!(read(&f64::NAN.to_be_bytes(), 255), None);
    }
}
