//! Number rules of the contract (spec section 0.3): a number with zero fraction is an integer on input,
//! and integral values are written without a decimal point.

use core::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::Serializer;
use serde_json::{Number, Value};

/// Two to the 63rd: an integral `f64` of a smaller magnitude is an `i64`. Clients read these fields as such, and JavaScript
/// writes no exponent for them either.
const EXACT: f64 = 9_223_372_036_854_775_808.0;

/// The integer that `value` stands for, if it has no fraction and is exactly representable.
pub fn integral(value: f64) -> Option<i64> {
    #[allow(clippy::cast_possible_truncation, reason = "whole and exact within the range")]
    let whole = || value as i64;
    (value.fract() == 0.0 && value.abs() < EXACT).then(whole)
}

/// A JSON number, integral where the value is; null for what JSON cannot hold.
pub fn json(value: f64) -> Value {
    match integral(value) {
        Some(whole) => Value::from(whole),
        None => Number::from_f64(value).map_or(Value::Null, Value::Number),
    }
}

/// The integer that a JSON value stands for; `50.0` counts as 50.
pub fn integer_of(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().and_then(integral)),
        _ => None,
    }
}

/// Rewrites every `50.0` in `value` to `50`, at any depth.
pub fn normalise(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            if let Some(whole) = number.as_f64().and_then(integral) {
                *number = Number::from(whole);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(normalise),
        Value::Object(map) => map.values_mut().for_each(normalise),
        _ => {}
    }
}

/// Serialises an `f64` the way JavaScript prints it: `2`, not `2.0`.
pub fn plain<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    match integral(*value) {
        Some(whole) => serializer.serialize_i64(whole),
        None => serializer.serialize_f64(*value),
    }
}

/// [`plain`] for optional numbers.
pub fn plain_opt<S: Serializer>(value: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(number) => plain(number, serializer),
        None => serializer.serialize_none(),
    }
}

/// Reads an optional integer; `50.0` counts as `50`, a fraction is an error, null is `None`.
pub fn int_opt<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    match loose(deserializer)? {
        None => Ok(None),
        Some(Loose::Int(whole)) => Ok(Some(whole)),
        Some(Loose::Float(number)) => integral(number)
            .map(Some)
            .ok_or_else(|| de::Error::custom(format_args!("{number} is not an integer"))),
    }
}

/// Reads an integer, with null or absence as 0 (use with `#[serde(default)]`).
pub fn int<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    Ok(int_opt(deserializer)?.unwrap_or(0))
}

/// Reads an optional number that may arrive as text with thousands separators (`"1,234.5"`), as the
/// Java Agent writes microservice usage. Unreadable text and infinities are `None`.
pub fn text_opt<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    Ok(match loose(deserializer)? {
        Some(Loose::Int(whole)) => whole.to_string().parse().ok(),
        Some(Loose::Float(number)) => Some(number).filter(|n| n.is_finite()),
        None => None,
    })
}

/// Reads any value, with null as its default (use with `#[serde(default)]`).
pub fn null_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

enum Loose {
    Int(i64),
    Float(f64),
}

fn loose<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Loose>, D::Error> {
    struct LooseVisitor;
    impl<'de> Visitor<'de> for LooseVisitor {
        type Value = Option<Loose>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a number, a number as text, or null")
        }
        fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
            Ok(Some(Loose::Int(value)))
        }
        fn visit_u64<E: de::Error>(self, value: u64) -> Result<Self::Value, E> {
            i64::try_from(value).map(|v| Some(Loose::Int(v))).map_err(E::custom)
        }
        fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
            Ok(Some(Loose::Float(value)))
        }
        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            let plain: String = text.chars().filter(|c| *c != ',').collect();
            Ok(plain.trim().parse::<f64>().ok().filter(|n| n.is_finite()).map(Loose::Float))
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
        fn visit_none<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
        fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<Self::Value, D::Error> {
            inner.deserialize_any(self)
        }
    }
    deserializer.deserialize_any(LooseVisitor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_whole_numbers_have_no_exponent() {
        for (value, text) in [
            (1e16, "10000000000000000"),
            (9_007_199_254_740_991.0, "9007199254740991"),
            (-9.2e18, "-9200000000000000000"),
        ] {
            assert_eq!(json(value).to_string(), text);
        }
        assert_eq!(integer_of(&Value::from(1e18)), Some(1_000_000_000_000_000_000));
        assert_eq!(integral(9_223_372_036_854_775_808.0), None);
    }

    #[test]
    fn zero_fraction_is_an_integer() {
        let mut value: Value =
            serde_json::from_str(r#"{"a":50.0,"b":[1.5,4096.0],"c":"x"}"#).unwrap();
        normalise(&mut value);
        assert_eq!(value.to_string(), r#"{"a":50,"b":[1.5,4096],"c":"x"}"#);
    }

    #[test]
    fn text_numbers_with_thousands_commas() {
        #[derive(serde::Deserialize)]
        struct Usage {
            #[serde(default, deserialize_with = "text_opt")]
            cpu: Option<f64>,
        }
        let read = |text: &str| serde_json::from_str::<Usage>(text).unwrap().cpu;
        assert_eq!(read(r#"{"cpu":"1,234.5"}"#), Some(1234.5));
        assert_eq!(read(r#"{"cpu":77}"#), Some(77.0));
        assert_eq!(read(r#"{"cpu":"∞"}"#), None);
        assert_eq!(read(r#"{"cpu":null}"#), None);
        assert_eq!(read("{}"), None);
    }

    #[test]
    fn integers_refuse_fractions() {
        #[derive(serde::Deserialize, Debug)]
        struct Limit {
            #[serde(default, deserialize_with = "int_opt")]
            disk: Option<i64>,
        }
        let whole: Limit = serde_json::from_str(r#"{"disk":10.0}"#).unwrap();
        assert_eq!(whole.disk, Some(10));
        let error = serde_json::from_str::<Limit>(r#"{"disk":0.5}"#).unwrap_err();
        assert!(error.to_string().contains("not an integer"), "{error}");
    }
}
