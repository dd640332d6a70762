//! Decoding of answers: a null counts as absent, whole numbers may come with a point.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Decodes an answer.
///
/// # Errors
/// The decoder's reason.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    let mut value: Value = serde_json::from_slice(bytes)?;
    drop_nulls(&mut value);
    serde_json::from_value(value)
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(entries) => {
            entries.retain(|_, value| !value.is_null());
            entries.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// Reads an integer also when it is written as `50.0`.
pub(super) fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Number(number) => {
            let text = number.to_string();
            let digits = text.strip_suffix(".0").unwrap_or(&text);
            digits
                .parse()
                .map_err(|_| serde::de::Error::custom(format!("{text} is not a whole number")))
        }
        other => Err(serde::de::Error::custom(format!("{other} is not a number"))),
    }
}

/// As [`whole`], for fields that may be absent.
pub(super) fn whole_option<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<i64>, D::Error> {
    whole(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Thing {
        name: String,
        #[serde(deserialize_with = "whole")]
        count: i64,
    }

    #[test]
    fn decode_is_lenient_on_nulls_and_points() {
        let thing: Thing = decode(br#"{"name": null, "count": 50.0, "other": [null]}"#).unwrap();
        assert_eq!(thing, Thing { name: String::new(), count: 50 });
        assert!(decode::<Thing>(br#"{"count": 1.5}"#).is_err());
        assert!(decode::<Thing>(b"<html>").is_err());
    }
}
