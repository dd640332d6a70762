//! Timestamps of the config files (`Mon Nov 23 10:42:23 UTC 2026`), of the REST API (RFC 3339),
//! and the two-unit durations of the tables.

use std::time::{SystemTime, UNIX_EPOCH};

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A moment, whole seconds since 1970 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub i64);

impl Moment {
    /// The wall clock's present.
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
    }

    /// Writes the form of the Unix `date` command, in UTC.
    pub fn unix_date(self) -> String {
        let days = self.0.div_euclid(86_400);
        let seconds = self.0.rem_euclid(86_400);
        let (year, month, day) = civil_from_days(days);
        let weekday = DAYS.get(usize::try_from(days.rem_euclid(7)).unwrap_or(0)).unwrap_or(&"");
        let month = MONTHS.get(usize::try_from(month - 1).unwrap_or(0)).unwrap_or(&"");
        format!(
            "{weekday} {month} {day:2} {:02}:{:02}:{:02} UTC {year}",
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60
        )
    }

    /// Reads the form of the Unix `date` command. The zone name is ignored: abbreviations have no offset.
    pub fn parse_unix_date(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let [_, month, day, clock, _, year] = words.as_slice() else { return None };
        let month = MONTHS.iter().position(|name| name == month)?;
        let month = i64::try_from(month).ok()? + 1;
        Self::from_parts(year.parse().ok()?, month, day.parse().ok()?, clock)
    }

    /// Reads RFC 3339 (`2026-11-23T10:36:19.786Z`, offsets allowed); fractions are dropped.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let (date, rest) = text.split_once(['T', 't'])?;
        let mut date = date.split('-').map(|part| part.parse::<i64>().ok());
        let (year, month, day) = (date.next()??, date.next()??, date.next()??);
        let zone_at = rest.find(['Z', 'z', '+', '-'])?;
        let (clock, zone) = rest.split_at(zone_at);
        let clock = clock.split('.').next()?;
        let moment = Self::from_parts(year, month, day, clock)?;
        let offset = match zone.as_bytes() {
            [b'Z' | b'z'] => 0,
            [sign, ..] => {
                let (hours, minutes) = zone.get(1..)?.split_once(':')?;
                let offset = hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().ok()? * 60;
                if *sign == b'-' { -offset } else { offset }
            }
            [] => return None,
        };
        Some(Self(moment.0 - offset))
    }

    fn from_parts(year: i64, month: i64, day: i64, clock: &str) -> Option<Self> {
        let mut clock = clock.split(':').map(|part| part.parse::<i64>().ok());
        let (hours, minutes, seconds) = (clock.next()??, clock.next()??, clock.next()??);
        let valid = (1..=12).contains(&month)
            && (1..=31).contains(&day)
            && (0..24).contains(&hours)
            && (0..60).contains(&minutes)
            && (0..61).contains(&seconds)
            && (0..10_000).contains(&year);
        let days = days_from_civil(year, month, day);
        valid.then_some(Self(days * 86_400 + hours * 3600 + minutes * 60 + seconds))
    }
}

/// Two largest units of a duration in seconds: `3d4h`, `5h6m`, `7m8s`, `9s`.
pub fn duration(seconds: i64) -> String {
    let (days, hours) = (seconds / 86_400, seconds / 3600 % 24);
    let (minutes, rest) = (seconds / 60 % 60, seconds % 60);
    if days > 0 {
        format!("{days}d{hours}h")
    } else if hours > 0 {
        format!("{hours}h{minutes}m")
    } else if minutes > 0 {
        format!("{minutes}m{rest}s")
    } else {
        format!("{rest}s")
    }
}

/// Time since a moment in the two-unit form.
pub fn age(since: Moment, now: Moment) -> String {
    duration(now.0.saturating_sub(since.0))
}

/// Days since 1970-01-01 of a Gregorian date.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Gregorian date of a day number; the inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unix_date_round_trip() {
        for text in [
            "Mon Nov 23 10:42:23 UTC 2026",
            "Thu Jan  1 00:00:00 UTC 1970",
            "Sat Feb 29 23:59:59 UTC 2020",
        ] {
            assert_eq!(Moment::parse_unix_date(text).unwrap().unix_date(), text);
        }
        assert_eq!(Moment::parse_unix_date("yesterday"), None);
    }

    #[test]
    fn rfc3339_forms() {
        let utc = Moment::parse_rfc3339("2026-11-23T10:36:19.786Z").unwrap();
        assert_eq!(utc.unix_date(), "Mon Nov 23 10:36:19 UTC 2026");
        assert_eq!(Moment::parse_rfc3339("2026-11-23T12:36:19+02:00"), Some(utc));
        assert_eq!(Moment::parse_rfc3339("2026-13-23T12:36:19Z"), None);
        assert_eq!(Moment::parse_rfc3339(""), None);
    }

    #[test]
    fn duration_shows_two_units() {
        assert_eq!(duration(9), "9s");
        assert_eq!(duration(7 * 60 + 8), "7m8s");
        assert_eq!(duration(5 * 3600 + 6 * 60 + 59), "5h6m");
        assert_eq!(duration(3 * 86_400 + 4 * 3600), "3d4h");
    }
}
