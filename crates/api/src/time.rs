//! Times of the wire: ISO-8601 in UTC with milliseconds, from epoch milliseconds (controller contract 0.2).

const DAY_MS: i64 = 86_400_000;

/// `2026-11-23T10:36:19.786Z`. Strings of times order as the times do.
#[must_use]
pub fn iso(epoch_ms: i64) -> String {
    let days = epoch_ms.div_euclid(DAY_MS);
    let in_day = epoch_ms.rem_euclid(DAY_MS);
    let (year, month, day) = civil(days);
    let (seconds, millis) = (in_day / 1000, in_day % 1000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    // Lists hold thousands of times: digits by hand cost a tenth of what the formatter asks for.
    let mut text = String::with_capacity(24);
    match year {
        0..=9999 => digits(&mut text, year, 4),
        _ => text.push_str(&format!("{year:04}")),
    }
    text.push('-');
    let date = [(month, 2, '-'), (day, 2, 'T')];
    let clock = [(hour, 2, ':'), (minute, 2, ':'), (second, 2, '.'), (millis, 3, 'Z')];
    for (number, width, after) in date.into_iter().chain(clock) {
        digits(&mut text, number, width);
        text.push(after);
    }
    text
}

/// The last `width` decimal digits of a number that is not negative.
fn digits(text: &mut String, number: i64, width: u32) {
    for place in (0..width).rev() {
        let digit = number / 10_i64.pow(place) % 10;
        text.push(char::from(b'0' + u8::try_from(digit).unwrap_or(0)));
    }
}

/// Proleptic Gregorian date of a day count from 1970-01-01: year, month and day.
#[must_use]
pub fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_instants() {
        assert_eq!(iso(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(iso(951_782_399_999), "2000-02-28T23:59:59.999Z");
        assert_eq!(iso(951_782_400_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(iso(1_795_430_179_786), "2026-11-23T10:36:19.786Z");
        assert_eq!(iso(-1), "1969-12-31T23:59:59.999Z");
        assert_eq!(iso(253_402_300_800_000), "10000-01-01T00:00:00.000Z");
    }

    #[test]
    fn known_days() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(19_782), (2024, 2, 29));
        assert_eq!(civil(20_780), (2026, 11, 23));
    }
}
