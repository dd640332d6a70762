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
    let noise = f64::from(u8::try_from(seq.wrapping_mul(2_654_435_761) >> 7 & 0x1f).unwrap_or(0));
    let value = 21.5 + 3.2 * (t / 17.0).sin() + 1.1 * (t / 3.7).sin() + (noise - 15.5) / 60.0;
    (value * 100.0).round() / 100.0
}
