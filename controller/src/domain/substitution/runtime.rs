//! What templates see while they are rendered: unknown names are nothing, and every step counts against a budget.

use liquid_core::model::{KString, KStringCow, KStringRef, ScalarCow};
use liquid_core::runtime::{PartialStore, Registers};
use liquid_core::{Error, Result, Runtime, Value, ValueCow, ValueView};

use super::{Found, Lookup};

/// Names read by one template at most.
const STEPS: u32 = 20_000;
/// Bytes of a text, and items of a list, that a template may hold at most.
pub(super) const SIZE: usize = 256 * 1024;

/// What the output tag, the filters and the caller share during one rendering.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    /// Answers of lookups.
    pub found: Found,
    /// The first lookup without an answer.
    pub missing: Option<Lookup>,
    /// Outputs that are no text, in order.
    pub values: Vec<serde_json::Value>,
    steps: u32,
}

impl State {
    /// Counts a step; false when there were too many.
    pub(super) fn step(&mut self) -> bool {
        self.steps += 1;
        self.steps <= STEPS
    }
}

/// A runtime in which a name that is not there is nil.
pub(super) struct Lenient<R>(pub(super) R);

impl<R: Runtime> Lenient<R> {
    fn fits(&self, value: &ValueCow<'_>) -> bool {
        let within = self.registers().get_mut::<State>().step();
        let view = value.as_view();
        let size = match (view.as_scalar(), view.as_array()) {
            (Some(scalar), _) => scalar.to_kstr().len(),
            (None, Some(array)) => usize::try_from(array.size()).unwrap_or(usize::MAX),
            _ => 0,
        };
        within && size <= SIZE
    }
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
        if self.fits(&found) { Some(found) } else { None }
    }

    fn get(&self, path: &[ScalarCow<'_>]) -> Result<ValueCow<'_>> {
        self.try_get(path).ok_or_else(|| Error::with_msg("template is too large"))
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
