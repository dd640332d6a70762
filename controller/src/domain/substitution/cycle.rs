//! The tag `cycle`. The library's divides by the number of its values, which may be none, and mixes up groups of one name with other
//! values; LiquidJS, which wrote the templates' contract, refuses the one and keeps the other apart.

use std::collections::HashMap;
use std::io::Write;

use liquid_core::parser::{TagReflection, TagTokenIter, TryMatchToken};
use liquid_core::runtime::Expression;
use liquid_core::{Error, Language, ParseTag, Renderable, Result, Runtime, ValueView};

/// Parses `cycle a, b` and `cycle group: a, b`.
#[derive(Clone, Copy, Debug)]
pub(super) struct CycleTag;

impl TagReflection for CycleTag {
    fn tag(&self) -> &'static str {
        "cycle"
    }

    fn description(&self) -> &'static str {
        "writes one of its values, the next one each time"
    }
}

impl ParseTag for CycleTag {
    fn parse(
        &self,
        mut arguments: TagTokenIter<'_>,
        _options: &Language,
    ) -> Result<Box<dyn Renderable>> {
        let mut values = Vec::new();
        let mut group = String::new();
        let first = arguments.expect_next("a value or a group expected")?;
        let mut separator = arguments.next();
        if separator.as_ref().is_some_and(|token| token.as_str() == ":") {
            group = match first.expect_identifier() {
                TryMatchToken::Matches(name) => name.to_owned(),
                TryMatchToken::Fails(literal) => {
                    literal.expect_literal().into_result()?.to_kstr().into_string()
                }
            };
            values.push(arguments.expect_next("a value expected")?.expect_value().into_result()?);
            separator = arguments.next();
        } else {
            values.push(first.expect_value().into_result()?);
        }
        while let Some(token) = separator {
            token.expect_str(",").into_result_custom_msg("\",\" expected")?;
            // One at the end is none.
            let Some(value) = arguments.next() else { break };
            values.push(value.expect_value().into_result()?);
            separator = arguments.next();
        }
        let written: Vec<String> = values.iter().map(ToString::to_string).collect();
        Ok(Box::new(Cycle { key: format!("{group}:{}", written.join(",")), values }))
    }

    fn reflection(&self) -> &dyn TagReflection {
        self
    }
}

/// A `cycle` of a template; never without a value.
#[derive(Debug)]
struct Cycle {
    /// Those with the same group and values go on together.
    key: String,
    values: Vec<Expression>,
}

/// How often each was rendered.
#[derive(Debug, Default)]
struct Turns(HashMap<String, usize>);

impl Renderable for Cycle {
    fn render_to(&self, writer: &mut dyn Write, runtime: &dyn Runtime) -> Result<()> {
        let turn = {
            let mut turns = runtime.registers().get_mut::<Turns>();
            let next = turns.0.entry(self.key.clone()).or_default();
            let turn = *next;
            *next = turn.wrapping_add(1);
            turn
        };
        let value = turn.checked_rem(self.values.len()).and_then(|at| self.values.get(at));
        let Some(value) = value else { return Ok(()) };
        let value = value.evaluate(runtime)?;
        write!(writer, "{}", value.render()).map_err(|error| Error::with_msg(error.to_string()))
    }
}
