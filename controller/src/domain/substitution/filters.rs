//! Filters that the contract adds to the standard ones, and `map` as liquidjs has it.

use std::fmt;

use liquid_core::parser::{FilterArguments, ParameterReflection};
use liquid_core::{
    Error, Expression, Filter, FilterReflection, ParseFilter, Result, Runtime, Value, ValueView,
};

use super::language::{json_of, text_of};
use super::runtime::State;
use super::{Lookup, liquid, lists};

/// A filter of ours.
#[derive(Clone, Copy, Debug)]
pub(super) enum Own {
    FindAgent,
    FindMicroserviceAgent,
    FindApplication,
    FindEdgeResource,
    ToNumber,
    ToBoolean,
    ToText,
    Map,
    Plus,
    Minus,
    Times,
    DividedBy,
    Modulo,
    Sort,
    Uniq,
    Join,
    Replace,
    Slice,
}

/// All of them.
pub(super) const ALL: [Own; 18] = [
    Own::FindAgent,
    Own::FindMicroserviceAgent,
    Own::FindApplication,
    Own::FindEdgeResource,
    Own::ToNumber,
    Own::ToBoolean,
    Own::ToText,
    Own::Map,
    Own::Plus,
    Own::Minus,
    Own::Times,
    Own::DividedBy,
    Own::Modulo,
    Own::Sort,
    Own::Uniq,
    Own::Join,
    Own::Replace,
    Own::Slice,
];

impl FilterReflection for Own {
    fn name(&self) -> &str {
        match self {
            Self::FindAgent => "findAgent",
            Self::FindMicroserviceAgent => "findMicroserviceAgent",
            Self::FindApplication => "findApplication",
            Self::FindEdgeResource => "findEdgeResource",
            Self::ToNumber => "toNumber",
            Self::ToBoolean => "toBoolean",
            Self::ToText => "toString",
            Self::Map => "map",
            Self::Plus => "plus",
            Self::Minus => "minus",
            Self::Times => "times",
            Self::DividedBy => "divided_by",
            Self::Modulo => "modulo",
            Self::Sort => "sort",
            Self::Uniq => "uniq",
            Self::Join => "join",
            Self::Replace => "replace",
            Self::Slice => "slice",
        }
    }

    fn description(&self) -> &str {
        self.name()
    }

    fn positional_parameters(&self) -> &'static [ParameterReflection] {
        &[]
    }

    fn keyword_parameters(&self) -> &'static [ParameterReflection] {
        &[]
    }
}

impl ParseFilter for Own {
    fn parse(&self, mut arguments: FilterArguments<'_>) -> Result<Box<dyn Filter>> {
        Ok(Box::new(Parsed {
            own: *self,
            argument: arguments.positional.next(),
            second: arguments.positional.next(),
        }))
    }

    fn reflection(&self) -> &dyn FilterReflection {
        self
    }
}

#[derive(Debug)]
struct Parsed {
    own: Own,
    argument: Option<Expression>,
    second: Option<Expression>,
}

impl fmt::Display for Parsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.own.name())
    }
}

impl Filter for Parsed {
    fn evaluate(&self, input: &dyn ValueView, runtime: &dyn Runtime) -> Result<Value> {
        let text = || input.to_kstr().into_string();
        let evaluated = |expression: &Option<Expression>| match expression {
            Some(argument) => Ok(Some(argument.evaluate(runtime)?.into_owned())),
            None => Ok(None),
        };
        let argument: Option<Value> = evaluated(&self.argument)?;
        match self.own {
            Own::FindAgent if input.is_nil() => Ok(Value::Nil),
            Own::FindAgent if text().is_empty() => ask(runtime, Lookup::Agents),
            Own::FindAgent => ask(runtime, Lookup::Agent(text())),
            Own::FindMicroserviceAgent => {
                let uuid = input.as_object().and_then(|object| object.get("iofogUuid"));
                match uuid.filter(|uuid| !uuid.is_nil()) {
                    Some(uuid) => ask(runtime, Lookup::AgentByUuid(uuid.to_kstr().into_string())),
                    None => Ok(Value::Nil),
                }
            }
            Own::FindApplication => ask(runtime, Lookup::Application(text())),
            Own::FindEdgeResource => {
                let version = argument.map(|version| version.to_kstr().into_string());
                ask(runtime, Lookup::EdgeResource(text(), version))
            }
            Own::ToNumber | Own::ToBoolean => Ok(parsed(input)),
            Own::ToText => Ok(Value::scalar(text_of(&json_of(input)))),
            Own::Map => {
                let key = argument.ok_or_else(|| Error::with_msg("map needs a property"))?;
                Ok(map(input, &key.to_kstr()))
            }
            Own::Plus | Own::Minus | Own::Times | Own::DividedBy | Own::Modulo => {
                let argument = argument.unwrap_or(Value::Nil);
                arithmetic(self.own, input, argument.as_view())
            }
            Own::Sort => {
                let key = argument.map(|key| key.to_kstr().into_string());
                Ok(lists::sorted(input, key.as_deref()))
            }
            Own::Uniq => lists::uniq(input),
            Own::Join => lists::join(input, argument.as_ref()),
            Own::Replace => {
                let by = evaluated(&self.second)?;
                lists::replace(input, argument.as_ref(), by.as_ref())
            }
            Own::Slice => {
                let length = evaluated(&self.second)?;
                lists::slice(input, argument.as_ref(), length.as_ref())
            }
        }
    }
}

fn ask(runtime: &dyn Runtime, lookup: Lookup) -> Result<Value> {
    let mut state = runtime.registers().get_mut::<State>();
    if let Some(answer) = state.found.get(&lookup) {
        return Ok(answer.clone());
    }
    state.missing.get_or_insert(lookup);
    Err(Error::with_msg("not looked up yet"))
}

/// A text that is JSON becomes its value, everything else stays.
fn parsed(input: &dyn ValueView) -> Value {
    let text = input.to_kstr();
    match serde_json::from_str::<serde_json::Value>(&text) {
        Ok(value) if input.is_scalar() => liquid(&value),
        _ => input.to_value(),
    }
}

/// A single object counts as a list of one.
fn map(input: &dyn ValueView, key: &str) -> Value {
    let of = |item: &dyn ValueView| {
        item.as_object()
            .and_then(|object| object.get(key))
            .map_or(Value::Nil, |value| value.to_value())
    };
    match input.as_array() {
        Some(array) => Value::array(array.values().map(of)),
        None => Value::array([of(input)]),
    }
}

/// Arithmetic on floats, as JavaScript has it.
fn arithmetic(own: Own, left: &dyn ValueView, right: &dyn ValueView) -> Result<Value> {
    let number = |view: &dyn ValueView| view.as_scalar().and_then(|scalar| scalar.to_float());
    let (Some(left), Some(right)) = (number(left), number(right)) else {
        return Err(Error::with_msg("number expected"));
    };
    let result = match own {
        Own::Plus => left + right,
        Own::Minus => left - right,
        Own::Times => left * right,
        Own::DividedBy => left / right,
        _ => left % right,
    };
    if result.is_finite() {
        return Ok(liquid(&iofog_api::number::json(result)));
    }
    Err(Error::with_msg("result is no number"))
}
