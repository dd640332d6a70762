//! What templates see while they are rendered: unknown names are nothing, and every step counts against a budget.

use liquid_core::model::{KString, KStringCow, KStringRef, ScalarCow};
use liquid_core::runtime::{PartialStore, Registers};
use liquid_core::{Error, Result, Runtime, Value, ValueCow, ValueView};

use super::{Found, Lookup};

/// Steps of one template at most: names read, outputs, turns of a loop, and each kilobyte that one of them copies.
const STEPS: u32 = 20_000;
/// Steps of all templates of one request at most: about a tenth of a second, for which other writes wait.
const STEPS_OF_REQUEST: u32 = 200_000;
/// Steps that a lookup costs: it asks the database.
const LOOKUP: u32 = 200;
/// Bytes of a template that cost a step to be parsed.
const PARSED: usize = 64;
/// Bytes of all that the templates of one request become at most.
const SIZE_OF_REQUEST: usize = 4 * 1024 * 1024;
/// Bytes of a text at most.
pub(super) const SIZE: usize = 256 * 1024;
/// Bytes of a list or an object with all that is in it at most.
const WHOLE: usize = 8 * 1024 * 1024;

/// Why a template that exceeds a bound has no value.
pub(super) const TOO_LARGE: &str = "template is too large";

/// What the output tag, the filters and the caller share during one rendering.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    /// Answers of lookups.
    pub found: Found,
    /// The first lookup without an answer.
    pub missing: Option<Lookup>,
    /// Outputs that are no text, in order.
    pub values: Vec<serde_json::Value>,
    /// What the request has spent.
    pub spent: Spent,
    steps: u32,
}

/// What the templates of one request have cost so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spent {
    steps: u32,
    bytes: usize,
}

impl Spent {
    /// Before a text is parsed; false when the request has nothing left for it.
    pub(super) fn parse(&mut self, text: &str) -> bool {
        self.step(u32::try_from(1 + text.len() / PARSED).unwrap_or(u32::MAX))
    }

    /// Before a lookup.
    pub(super) fn look_up(&mut self) -> bool {
        self.step(LOOKUP)
    }

    /// A value that the body keeps; false when it would hold too much with it.
    pub(super) fn keep(&mut self, value: &liquid_core::Value) -> bool {
        let left = SIZE_OF_REQUEST.saturating_sub(self.bytes);
        let weight = weight(value, left);
        if weight <= left {
            self.bytes += weight;
        }
        weight <= left
    }

    fn step(&mut self, count: u32) -> bool {
        self.steps = self.steps.saturating_add(count);
        self.steps <= STEPS_OF_REQUEST
    }
}

impl State {
    /// Counts steps; false when there were too many.
    pub(super) fn step(&mut self, count: usize) -> bool {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        self.steps = self.steps.saturating_add(count);
        self.spent.step(count) && self.steps <= STEPS
    }

    /// Counts a step and what it costs to copy a value; false when that is too much, or the value too large.
    pub(super) fn take(&mut self, value: &dyn ValueView) -> bool {
        let limit = if value.is_scalar() { SIZE } else { WHOLE };
        let weight = weight(value, limit);
        self.step(1 + weight / 1024) && weight <= limit
    }
}

/// A runtime in which a name that is not there is nil.
pub(super) struct Lenient<R>(pub(super) R);

/// Bytes that a value holds, about; looks no further than a little beyond the limit.
fn weight(value: &dyn ValueView, limit: usize) -> usize {
    const ITEM: usize = 16;
    let mut sum = ITEM;
    if let Some(scalar) = value.as_scalar() {
        return scalar.to_kstr().len();
    } else if let Some(array) = value.as_array() {
        for item in array.values() {
            sum += ITEM + weight(item, limit.saturating_sub(sum));
            if sum > limit {
                break;
            }
        }
    } else if let Some(object) = value.as_object() {
        for (key, item) in object.iter() {
            sum += key.len() + weight(item, limit.saturating_sub(sum));
            if sum > limit {
                break;
            }
        }
    }
    sum
}

impl<R: Runtime> Runtime for Lenient<R> {
    fn partials(&self) -> &dyn PartialStore {
        self.0.partials()
    }

    fn name(&self) -> Option<KStringRef<'_>> {
        self.0.name()
    }

    fn roots(&self) -> std::collections::BTreeSet<KStringCow<'_>> {
        self.0.roots()
    }

    fn try_get(&self, path: &[ScalarCow<'_>]) -> Option<ValueCow<'_>> {
        let found = self.0.try_get(path).unwrap_or(ValueCow::Owned(Value::Nil));
        let fits = self.registers().get_mut::<State>().take(found.as_view());
        fits.then_some(found)
    }

    fn get(&self, path: &[ScalarCow<'_>]) -> Result<ValueCow<'_>> {
        self.try_get(path).ok_or_else(|| Error::with_msg(TOO_LARGE))
    }

    fn set_global(&self, name: KString, value: Value) -> Option<Value> {
        self.0.set_global(name, value)
    }

    fn set_index(&self, name: KString, value: Value) -> Option<Value> {
        self.0.set_index(name, value)
    }

    fn get_index<'a>(&'a self, name: &str) -> Option<ValueCow<'a>> {
        self.0.get_index(name)
    }

    fn registers(&self) -> &Registers {
        self.0.registers()
    }
}
