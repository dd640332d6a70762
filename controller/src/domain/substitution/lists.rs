//! Filters of ours on lists and texts, where those of the library can cost too much or overflow.

use std::collections::HashSet;

use liquid_core::{Error, Result, Value, ValueView};

use super::language::{json_of, text_of, too_large};
use super::runtime::SIZE;

/// Numbers by value, then everything else by its text; by a property of the items if one is named.
pub(super) fn sorted(input: &dyn ValueView, key: Option<&str>) -> Value {
    let Some(array) = input.as_array() else { return input.to_value() };
    let mut keyed: Vec<(f64, String, Value)> = array
        .values()
        .map(|item| {
            let by = match key {
                Some(key) => item.as_object().and_then(|object| object.get(key)).map(json_of),
                None => Some(json_of(item)),
            };
            let by = by.unwrap_or_default();
            (by.as_f64().unwrap_or(f64::INFINITY), text_of(&by), item.to_value())
        })
        .collect();
    keyed.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.cmp(&b.1)));
    Value::array(keyed.into_iter().map(|(_, _, item)| item))
}

/// The first of each value.
pub(super) fn uniq(input: &dyn ValueView) -> Result<Value> {
    let array = input.as_array().ok_or_else(|| Error::with_msg("Array expected"))?;
    let mut seen = HashSet::new();
    let first = array.values().filter(|item| seen.insert(json_of(*item).to_string()));
    Ok(Value::array(first.map(|item| item.to_value())))
}

/// The texts of a list, with another between them.
pub(super) fn join(input: &dyn ValueView, between: Option<&Value>) -> Result<Value> {
    let array = input.as_array().ok_or_else(|| Error::with_msg("Array of strings expected"))?;
    let between = between.map_or_else(|| " ".to_owned(), |text| text.to_kstr().into_string());
    let mut joined = String::new();
    for (index, item) in array.values().enumerate() {
        if index > 0 {
            joined.push_str(&between);
        }
        joined.push_str(&item.to_kstr());
        if joined.len() > SIZE {
            return Err(too_large());
        }
    }
    Ok(Value::scalar(joined))
}

/// A text with each `what` replaced.
pub(super) fn replace(
    input: &dyn ValueView,
    what: Option<&Value>,
    by: Option<&Value>,
) -> Result<Value> {
    let what = what.ok_or_else(|| Error::with_msg("replace needs a text"))?.to_kstr().into_string();
    let by = by.map(|text| text.to_kstr().into_string()).unwrap_or_default();
    let text = input.to_kstr();
    let more = text.matches(what.as_str()).count().saturating_mul(by.len());
    if text.len().saturating_add(more) > SIZE {
        return Err(too_large());
    }
    Ok(Value::scalar(text.replace(what.as_str(), &by)))
}

/// Items of a list, or characters of a text, from a place on that counts from the end when it is negative.
pub(super) fn slice(
    input: &dyn ValueView,
    from: Option<&Value>,
    length: Option<&Value>,
) -> Result<Value> {
    let whole = |value: &Value| {
        value
            .as_scalar()
            .and_then(|scalar| scalar.to_integer())
            .ok_or_else(|| Error::with_msg("Whole number expected"))
    };
    let from = whole(from.ok_or_else(|| Error::with_msg("slice needs an offset"))?)?;
    let length = length.map_or(Ok(1), whole)?;
    let length = usize::try_from(length).unwrap_or_default();
    if length == 0 {
        return Err(Error::with_msg("Positive number expected"));
    }
    let skipped = |size: usize| match usize::try_from(from) {
        Ok(from) => from,
        Err(_) => {
            let back = usize::try_from(from.unsigned_abs()).unwrap_or(usize::MAX);
            // Before the start is nothing, as in the library.
            size.checked_sub(back).unwrap_or(usize::MAX)
        }
    };
    if let Some(array) = input.as_array() {
        let skip = skipped(usize::try_from(array.size()).unwrap_or_default());
        return Ok(Value::array(
            array.values().skip(skip).take(length).map(|item| item.to_value()),
        ));
    }
    let text = input.to_kstr();
    let skip = skipped(text.chars().count());
    Ok(Value::scalar(text.chars().skip(skip).take(length).collect::<String>()))
}
