//! Which type an unquoted scalar has, by the YAML 1.1 rules of the standard program's library:
//! `yes` and `off` are booleans, `0755` is octal, dates are timestamps.

/// An interpreted scalar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Resolved<'a> {
    /// Nothing, `~` or `null`.
    Null,
    /// Boolean.
    Bool(bool),
    /// Integer; wide enough for signed and unsigned 64 bit.
    Int(i128),
    /// Number with a fraction or exponent.
    Float(f64),
    /// A date, kept as written.
    Timestamp(&'a str),
    /// Anything else.
    Text(&'a str),
}

/// Interprets an unquoted scalar.
pub fn resolve(text: &str) -> Resolved<'_> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Resolved::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Resolved::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Resolved::Bool(false);
        }
        ".nan" | ".NaN" | ".NAN" => return Resolved::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Resolved::Float(f64::INFINITY);
        }
        "-.inf" | "-.Inf" | "-.INF" => return Resolved::Float(f64::NEG_INFINITY),
        _ => {}
    }
    let Some(first) = text.bytes().next() else { return Resolved::Null };
    if !(first.is_ascii_digit() || matches!(first, b'+' | b'-' | b'.')) {
        return Resolved::Text(text);
    }
    if first == b'.' {
        return float(text).map_or(Resolved::Text(text), Resolved::Float);
    }
    if is_timestamp(text) {
        return Resolved::Timestamp(text);
    }
    let plain = text.replace('_', "");
    if let Some(number) = integer(&plain) {
        return Resolved::Int(number);
    }
    float(&plain).map_or(Resolved::Text(text), Resolved::Float)
}

/// Integers with the base prefixes of the library: `0x`, `0o`, `0b`, and a bare leading 0 for octal.
fn integer(text: &str) -> Option<i128> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = if let Some(rest) = lower.strip_prefix("0x") {
        (16, rest)
    } else if let Some(rest) = lower.strip_prefix("0o") {
        (8, rest)
    } else if let Some(rest) = lower.strip_prefix("0b") {
        (2, rest)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (8, lower.get(1..)?)
    } else {
        (10, lower.as_str())
    };
    if !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let magnitude = i128::from_str_radix(digits, radix).ok()?;
    let number = if negative { -magnitude } else { magnitude };
    (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&number).then_some(number)
}

/// Decimal fractions and exponents; words such as `infinity` are text.
fn float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mantissa_ok =
        all_digits(whole) && all_digits(fraction) && !(whole.is_empty() && fraction.is_empty());
    let exponent_ok = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !digits.is_empty() && all_digits(digits)
    });
    if mantissa_ok && exponent_ok { text.parse().ok() } else { None }
}

/// `2026-11-23` and date-times; only the shape matters, the text is kept.
fn is_timestamp(text: &str) -> bool {
    let bytes = text.as_bytes();
    let year = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if year != 4 || bytes.get(4) != Some(&b'-') {
        return false;
    }
    let (date, clock) = match text.find(['T', 't', ' ']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let parts: Vec<Option<u32>> = date.split('-').map(|part| part.parse().ok()).collect();
    let date_ok = matches!(parts.as_slice(),
        [Some(_), Some(month), Some(day)] if (1..=12).contains(month) && (1..=31).contains(day));
    date_ok
        && clock.is_none_or(|clock| {
            clock.starts_with(|first: char| first.is_ascii_digit())
                && clock.matches(':').count() >= 2
        })
}

/// Whether a plain reading of a text gives the same text back, so that it needs no quotes.
pub fn is_plain_text(text: &str) -> bool {
    text != "<<" && matches!(resolve(text), Resolved::Text(_)) && !is_base60(text)
}

/// `190:20:30`: a number in YAML 1.1, quoted for other parsers.
fn is_base60(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let Some((head, tail)) = unsigned.split_once(':') else { return false };
    let digits = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
    };
    let sixty = |part: &str| {
        matches!(part.as_bytes(), [low] if low.is_ascii_digit())
            || matches!(part.as_bytes(), [b'0'..=b'5', low] if low.is_ascii_digit())
    };
    let (tail, fraction) = tail.split_once('.').unwrap_or((tail, ""));
    head.starts_with(|first: char| first.is_ascii_digit())
        && digits(head)
        && tail.split(':').all(sixty)
        && fraction.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalar_types_of_yaml_1_1() {
        assert_eq!(resolve("yes"), Resolved::Bool(true));
        assert_eq!(resolve("Off"), Resolved::Bool(false));
        assert_eq!(resolve("~"), Resolved::Null);
        assert_eq!(resolve("0755"), Resolved::Int(493));
        assert_eq!(resolve("0x1F"), Resolved::Int(31));
        assert_eq!(resolve("-0b11"), Resolved::Int(-3));
        assert_eq!(resolve("1_000"), Resolved::Int(1000));
        assert_eq!(resolve("18446744073709551615"), Resolved::Int(i128::from(u64::MAX)));
        assert_eq!(resolve("1.5e3"), Resolved::Float(1500.0));
        assert_eq!(resolve(".5"), Resolved::Float(0.5));
        assert_eq!(resolve("2026-11-23"), Resolved::Timestamp("2026-11-23"));
        assert_eq!(resolve("0.0.1"), Resolved::Text("0.0.1"));
        assert_eq!(resolve("192.0.2.10"), Resolved::Text("192.0.2.10"));
        assert_eq!(resolve("v1"), Resolved::Text("v1"));
        assert_eq!(resolve("-"), Resolved::Text("-"));
        assert_eq!(resolve("08"), Resolved::Float(8.0));
    }

    #[test]
    fn scalar_needs_quotes() {
        for quoted in ["yes", "12", "1.5", "", "null", "2026-01-01", "1:20", "<<", "0x1"] {
            assert!(!is_plain_text(quoted), "{quoted}");
        }
        for plain in ["hello", "0.0.1", "http://a:1", "1:99", "10:42:23 UTC"] {
            assert!(is_plain_text(plain), "{plain}");
        }
    }
}
