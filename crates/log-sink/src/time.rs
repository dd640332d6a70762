//! UTC time stamps without a calendar library.

use std::time::{SystemTime, UNIX_EPOCH};

/// `2026-11-23T10:36:19.786Z` for milliseconds since the epoch.
#[must_use]
pub fn format_utc(epoch_ms: u64) -> String {
    format(epoch_ms, "Z")
}

/// The current time; `numeric_zone` writes `+0000` as the Agent's JSON log does.
pub(crate) fn format_now(numeric_zone: bool) -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
    format(ms, if numeric_zone { "+0000" } else { "Z" })
}

fn format(epoch_ms: u64, zone: &str) -> String {
    let (days, in_day) = (epoch_ms / 86_400_000, epoch_ms % 86_400_000);
    let (year, month, day) = civil(days);
    let (hour, minute) = (in_day / 3_600_000, in_day / 60_000 % 60);
    let (second, ms) = (in_day / 1000 % 60, in_day % 1000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}{zone}")
}

/// Gregorian date of a day count since 1970-01-01, by counting in 400-year eras that start in March.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_dates() {
        assert_eq!(format_utc(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(format_utc(951_782_400_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(format_utc(1_795_430_179_786), "2026-11-23T10:36:19.786Z");
        assert_eq!(format_utc(4_107_542_399_999), "2100-02-28T23:59:59.999Z");
        assert_eq!(format_utc(4_107_542_400_000), "2100-03-01T00:00:00.000Z");
    }
}
