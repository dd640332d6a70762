//! What keeps a template from costing too much: tags that count the turns of loops, and a guard around each filter.

use std::fmt;
use std::io::Write;

use liquid_core::parser::{FilterArguments, TagReflection, TagTokenIter};
use liquid_core::{
    Filter, FilterReflection, Language, ParseFilter, ParseTag, Renderable, Result, Runtime, Value,
    ValueView,
};

use super::language::too_large;
use super::runtime::State;

/// A tag that writes nothing and counts steps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Count {
    pub name: &'static str,
    pub steps: usize,
}

impl TagReflection for Count {
    fn tag(&self) -> &str {
        self.name
    }

    fn description(&self) -> &str {
        "counts a turn of a loop"
    }
}

impl ParseTag for Count {
    fn parse(
        &self,
        mut arguments: TagTokenIter<'_>,
        _options: &Language,
    ) -> Result<Box<dyn Renderable>> {
        arguments.expect_nothing()?;
        Ok(Box::new(*self))
    }

    fn reflection(&self) -> &dyn TagReflection {
        self
    }
}

impl Renderable for Count {
    fn render_to(&self, _writer: &mut dyn Write, runtime: &dyn Runtime) -> Result<()> {
        if runtime.registers().get_mut::<State>().step(self.steps) {
            Ok(())
        } else {
            Err(too_large())
        }
    }
}

/// A filter whose input and output are weighed.
#[derive(Clone)]
pub(super) struct Guarded(pub(super) Box<dyn ParseFilter>);

impl ParseFilter for Guarded {
    fn parse(&self, arguments: FilterArguments<'_>) -> Result<Box<dyn Filter>> {
        Ok(Box::new(GuardedFilter(self.0.parse(arguments)?)))
    }

    fn reflection(&self) -> &dyn FilterReflection {
        self.0.reflection()
    }
}

#[derive(Debug)]
struct GuardedFilter(Box<dyn Filter>);

impl fmt::Display for GuardedFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Filter for GuardedFilter {
    fn evaluate(&self, input: &dyn ValueView, runtime: &dyn Runtime) -> Result<Value> {
        let fits = |value: &dyn ValueView| runtime.registers().get_mut::<State>().take(value);
        if !fits(input) {
            return Err(too_large());
        }
        let output = self.0.evaluate(input, runtime)?;
        if fits(output.as_view()) { Ok(output) } else { Err(too_large()) }
    }
}
