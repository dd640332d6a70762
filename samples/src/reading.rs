//! What the sensor sends: one reading as JSON, the content of an ioMessage.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// `infotype` of a reading's message.
pub const INFO_TYPE: &str = "temperature";
/// `infoformat` of a reading's message.
pub const INFO_FORMAT: &str = "application/json";

/// One reading.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// Which start of the sensor made it; sequence numbers begin again with each.
    pub run: u64,
    /// Sequence number from 1, without gaps.
    pub seq: u64,
    /// When it was made, microseconds since 1970.
    pub time_us: u64,
    /// Degrees Celsius.
    pub value: f64,
}

/// Microseconds since 1970.
pub fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// A made-up temperature that is pleasant to look at: a slow wave, a quick one and some noise.
pub fn temperature(seq: u64, step_s: f64) -> f64 {
    // Precise up to 2^52 readings.
    let t = f64::from(u32::try_from(seq).unwrap_or(u32::MAX)) * step_s;
    let noise = f64::from(scramble(seq)) / f64::from(u16::MAX) - 0.5;
    let value = 21.5 + 3.2 * (t / 17.0).sin() + 1.1 * (t / 3.7).sin() + noise * 0.25;
    (value * 100.0).round() / 100.0
}

/// Numbers that look random but are the same for the same `seq` (the finaliser of MurmurHash3).
fn scramble(seq: u64) -> u16 {
    let mut x = seq.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let [low, high, ..] = (x ^ (x >> 33)).to_le_bytes();
    u16::from_le_bytes([low, high])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temperature_is_smooth_and_plausible() {
        let values: Vec<f64> = (1..2000).map(|seq| temperature(seq, 0.2)).collect();
        assert!(values.iter().all(|v| (16.0..27.0).contains(v)));
        assert!(values.windows(2).all(|pair| (pair[0] - pair[1]).abs() < 0.5));
    }
}
