//! The host's local time. Rules of zones are the host's, and its own program `date` knows how to read them in every form; a
//! reader of our own would weigh as much as the rest of the command line.

use std::process::{Command, Stdio};

/// Now, as `dd/MM/yyyy hh:mm a` in the host's zone (agent contract 11.2); UTC where the host tells none.
pub(super) fn now() -> String {
    let seconds = i64::try_from(crate::clock::Clock::new().epoch().0 / 1000).unwrap_or(i64::MAX);
    text(seconds, zone_offset().unwrap_or(0))
}

/// Minutes east of UTC.
fn zone_offset() -> Option<i64> {
    let told = Command::new("date").arg("+%z").stdin(Stdio::null()).stderr(Stdio::null()).output();
    offset(std::str::from_utf8(&told.ok()?.stdout).ok()?.trim())
}

/// Minutes of `+hhmm`.
fn offset(text: &str) -> Option<i64> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = digits.split_at_checked(2)?;
    let digits = |text: &str| text.parse::<u8>().ok().map(i64::from);
    let minutes = digits(hours)? * 60 + digits(minutes)?;
    (minutes < 24 * 60).then_some(sign * minutes)
}

fn text(epoch_seconds: i64, offset_minutes: i64) -> String {
    let seconds = epoch_seconds.saturating_add(offset_minutes * 60);
    let (days, minutes) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400) / 60);
    let (year, month, day) = iofog_api::time::civil(days);
    let (hour, minute) = (minutes / 60, minutes % 60);
    let half = if hour < 12 { "AM" } else { "PM" };
    format!("{day:02}/{month:02}/{year} {:02}:{minute:02} {half}", (hour + 11) % 12 + 1)
}

#[cfg(test)]
mod tests {
    use super::{offset, text};

    #[test]
    fn offsets_are_read_or_refused() {
        for (told, minutes) in [
            ("+0000", Some(0)),
            ("+0530", Some(330)),
            ("-0330", Some(-210)),
            ("+1400", Some(840)),
            ("", None),
            ("+", None),
            ("UTC", None),
            ("%z", None),
            ("+99", None),
            ("+9999", None),
            ("+1é", None),
        ] {
            assert_eq!(offset(told), minutes, "{told}");
        }
    }

    #[test]
    fn times_are_the_hosts() {
        assert_eq!(text(0, 0), "01/01/1970 12:00 AM");
        assert_eq!(text(0, -210), "31/12/1969 08:30 PM");
        assert_eq!(text(1_709_251_199, 60), "01/03/2024 12:59 AM");
        assert_eq!(text(1_709_251_199, 0), "29/02/2024 11:59 PM");
        assert_eq!(text(1_709_208_000, 0), "29/02/2024 12:00 PM");
    }
}
