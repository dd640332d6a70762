//! One template: parsed, rendered, and its output turned back into a value of the right type.

use std::fmt::Write as _;
use std::io::Write;
use std::sync::OnceLock;

use liquid_core::model::Object;
use liquid_core::parser::{FilterChain, TagReflection, TagTokenIter};
use liquid_core::runtime::RuntimeBuilder;
use liquid_core::{
    Error, Language, ParseBlock, ParseFilter, ParseTag, Renderable, Result, Runtime, ValueView,
    parser,
};
use liquid_lib::stdlib;
use serde_json::Value;

use super::cycle::CycleTag;
use super::guard::{Count, Guarded};
use super::rewrite::{OUTPUT, RANGE, TURN, rewrite};
use super::runtime::{Lenient, SIZE, Spent, State, TOO_LARGE};
use super::{Found, Lookup, filters};

/// Stands around the number of an output that is no text.
const MARK: char = '\u{0}';

/// Result of a rendering.
pub(super) enum Rendered {
    /// The value, or the text of an error.
    Done(Value),
    /// To be tried again with an answer.
    Missing(Lookup),
}

pub(super) fn render(
    text: &str,
    globals: &Object,
    found: &mut Found,
    spent: &mut Spent,
) -> Rendered {
    let runtime = Lenient(RuntimeBuilder::new().set_globals(globals).build());
    {
        let mut state = runtime.registers().get_mut::<State>();
        state.found = std::mem::take(found);
        state.spent = *spent;
    }
    let result = run(text, &runtime);
    let mut state = runtime.registers().get_mut::<State>();
    *found = std::mem::take(&mut state.found);
    *spent = state.spent;
    if let Some(missing) = state.missing.take() {
        return Rendered::Missing(missing);
    }
    Rendered::Done(match result {
        Ok(output) => value_of(&output, &state.values),
        Err(message) => failed(&message),
    })
}

/// What stands in the place of a value that cannot be rendered.
pub(super) fn failed(message: &str) -> Value {
    Value::from(format!("RenderError: {message}"))
}

fn run(text: &str, runtime: &dyn Runtime) -> std::result::Result<String, String> {
    // Nobody's text may look like one of our marks.
    let text = rewrite(&text.replace(MARK, ""))?;
    let elements = parser::parse(&text, language()).map_err(|error| told(&error))?;
    let template = liquid_core::runtime::Template::new(elements);
    let mut output = Bounded(Vec::new());
    template.render_to(&mut output, runtime).map_err(|error| told(&error))?;
    String::from_utf8(output.0).map_err(|_| "output is no text".to_owned())
}

/// Longest value of an error's details that is told.
const DETAIL: usize = 80;

/// What an error says, on one line: the library draws errors of syntax below a copy of the template, and lists all it knows beside
/// what it does not.
fn told(error: &Error) -> String {
    let text = error.to_string();
    let mut lines = text.trim_start_matches("liquid: ").lines().map(str::trim);
    let first = lines.find(|line| !line.is_empty()).unwrap_or_default();
    if let Some(place) = first.strip_prefix("--> ") {
        // Outputs are rewritten before: the place in a line, and a line with one, are not the author's.
        let line = place.split(':').next().unwrap_or_default();
        let drawn =
            lines.by_ref().find_map(|drawn| drawn.strip_prefix(line)?.trim().strip_prefix("| "));
        let drawn = drawn.filter(|drawn| !drawn.contains(OUTPUT)).unwrap_or_default();
        let expected = lines.find_map(|line| line.strip_prefix("= ")).unwrap_or("syntax error");
        let shown: String = drawn.chars().take(DETAIL).collect();
        let text = format!("{} in line {line}: {shown}", expected.trim_end_matches('.'));
        return text.trim_end_matches(": ").to_owned();
    }
    let details = lines.filter(|line| line.starts_with("requested"));
    let details: Vec<String> = details.map(|line| line.chars().take(DETAIL).collect()).collect();
    if details.is_empty() { first.to_owned() } else { format!("{first}: {}", details.join(", ")) }
}

/// A lone output keeps its type; several, or one with text around, become text.
fn value_of(output: &str, values: &[Value]) -> Value {
    let mut parts = output.split(MARK);
    let mut text = parts.next().unwrap_or_default().to_owned();
    let marked = |number: &str| number.parse::<usize>().ok().and_then(|index| values.get(index));
    while let (Some(number), Some(after)) = (parts.next(), parts.next()) {
        let Some(value) = marked(number) else { continue };
        if output.len() == number.len() + 2 * MARK.len_utf8() {
            return value.clone();
        }
        text.push_str(&text_of(value));
        text.push_str(after);
    }
    Value::from(text)
}

/// Text of a value as JavaScript makes it.
pub(super) fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text_of).collect::<Vec<_>>().join(","),
        Value::Object(_) => "[object Object]".to_owned(),
        other => other.to_string(),
    }
}

/// A writer that refuses to grow beyond a limit.
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len() + bytes.len() > SIZE {
            return Err(std::io::Error::other("output is too large"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The tag that outputs are rewritten to.
#[derive(Clone, Copy, Debug)]
struct OutputTag;

impl TagReflection for OutputTag {
    fn tag(&self) -> &str {
        OUTPUT
    }

    fn description(&self) -> &str {
        "writes a value and keeps its type"
    }
}

impl ParseTag for OutputTag {
    fn parse(
        &self,
        mut arguments: TagTokenIter<'_>,
        options: &Language,
    ) -> Result<Box<dyn Renderable>> {
        let value = arguments.expect_next("value expected")?;
        let source = value.as_str().trim().to_owned();
        let chain = value.expect_filter_chain(options).into_result();
        let chain = chain.map_err(|_| unreadable(&source, options))?;
        arguments.expect_nothing()?;
        Ok(Box::new(Output(chain)))
    }

    fn reflection(&self) -> &dyn TagReflection {
        self
    }
}

/// Why a value with its filters cannot be read: the library does not say which filter it does not know.
fn unreadable(source: &str, options: &Language) -> Error {
    let is_name = |name: &&str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let names = source.split('|').skip(1).filter_map(|part| part.trim().split([':', ' ']).next());
    match names.filter(is_name).find(|name| options.filters.get(name).is_none()) {
        Some(name) => Error::with_msg(format!("undefined filter: {name}")),
        None => Error::with_msg(format!(
            "cannot read {}",
            source.chars().take(DETAIL).collect::<String>()
        )),
    }
}

#[derive(Debug)]
struct Output(FilterChain);

impl Renderable for Output {
    fn render_to(&self, writer: &mut dyn Write, runtime: &dyn Runtime) -> Result<()> {
        let lenient = Lenient(runtime);
        let evaluated = self.0.evaluate(&lenient)?;
        let value = json_of(evaluated.as_view());
        let mut state = runtime.registers().get_mut::<State>();
        if !state.take(evaluated.as_view()) {
            return Err(too_large());
        }
        let mut written = String::new();
        match value {
            Value::Null => {}
            Value::String(text) => written = text,
            value => {
                // Writing to a string does not fail.
                let _ = write!(written, "{MARK}{}{MARK}", state.values.len());
                state.values.push(value);
            }
        }
        drop(state);
        writer.write_all(written.as_bytes()).map_err(|error| Error::with_msg(error.to_string()))
    }
}

/// The value as JSON. A text stays one even if it looks like a number, and JavaScript shows no point in whole numbers.
pub(super) fn json_of(view: &dyn ValueView) -> Value {
    if let Some(scalar) = view.as_scalar() {
        let number = match scalar.type_name() {
            "whole number" => scalar.to_integer().map(Value::from),
            "fractional number" => scalar.to_float().map(iofog_api::number::json),
            "boolean" => scalar.to_bool().map(Value::from),
            _ => None,
        };
        return number.unwrap_or_else(|| Value::from(scalar.to_kstr().into_string()));
    }
    if let Some(array) = view.as_array() {
        return array.values().map(json_of).collect();
    }
    if let Some(object) = view.as_object() {
        let fields = object.iter().map(|(key, value)| (key.into_string(), json_of(value)));
        return Value::Object(fields.collect());
    }
    Value::Null
}

fn language() -> &'static Language {
    static LANGUAGE: OnceLock<Language> = OnceLock::new();
    LANGUAGE.get_or_init(|| {
        let mut language = Language::empty();
        blocks(&mut language);
        tags(&mut language);
        texts(&mut language);
        numbers_and_lists(&mut language);
        for own in filters::ALL {
            filter(&mut language, own);
        }
        tag(&mut language, Count { name: TURN, steps: 1 });
        tag(&mut language, Count { name: RANGE, steps: 10 });
        language
    })
}

fn block(language: &mut Language, block: impl Into<Box<dyn ParseBlock>>) {
    let block = block.into();
    language.blocks.register(block.reflection().start_tag().to_owned(), block);
}

fn tag(language: &mut Language, tag: impl Into<Box<dyn ParseTag>>) {
    let tag = tag.into();
    language.tags.register(tag.reflection().tag().to_owned(), tag);
}

fn filter(language: &mut Language, filter: impl Into<Box<dyn ParseFilter>>) {
    let filter = Guarded(filter.into());
    language.filters.register(filter.reflection().name().to_owned(), Box::new(filter));
}

/// The error of a template that costs too much.
pub(super) fn too_large() -> Error {
    Error::with_msg(TOO_LARGE)
}

/// Left out because they can panic on odd input: `tablerow`, `date`; `cycle`, arithmetic and `slice` are ours for the same
/// reason, `replace`, `join`, `sort` and `uniq` because they can cost too much.
fn blocks(to: &mut Language) {
    block(to, stdlib::RawBlock);
    block(to, stdlib::IfBlock);
    block(to, stdlib::UnlessBlock);
    block(to, stdlib::IfChangedBlock);
    block(to, stdlib::ForBlock);
    block(to, stdlib::CommentBlock);
    block(to, stdlib::CaptureBlock);
    block(to, stdlib::CaseBlock);
}

fn tags(to: &mut Language) {
    tag(to, OutputTag);
    tag(to, stdlib::AssignTag);
    tag(to, stdlib::BreakTag);
    tag(to, stdlib::ContinueTag);
    tag(to, CycleTag);
    tag(to, stdlib::IncrementTag);
    tag(to, stdlib::DecrementTag);
}

fn texts(to: &mut Language) {
    filter(to, stdlib::Append);
    filter(to, stdlib::Capitalize);
    filter(to, stdlib::Downcase);
    filter(to, stdlib::Escape);
    filter(to, stdlib::EscapeOnce);
    filter(to, stdlib::Lstrip);
    filter(to, stdlib::NewlineToBr);
    filter(to, stdlib::Prepend);
    filter(to, stdlib::Remove);
    filter(to, stdlib::RemoveFirst);
    filter(to, stdlib::ReplaceFirst);
    filter(to, stdlib::Rstrip);
    filter(to, stdlib::Split);
    filter(to, stdlib::Strip);
    filter(to, stdlib::StripHtml);
    filter(to, stdlib::StripNewlines);
    filter(to, stdlib::Truncate);
    filter(to, stdlib::TruncateWords);
    filter(to, stdlib::Upcase);
    filter(to, stdlib::UrlDecode);
    filter(to, stdlib::UrlEncode);
}

fn numbers_and_lists(to: &mut Language) {
    filter(to, stdlib::AtLeast);
    filter(to, stdlib::AtMost);
    filter(to, stdlib::Ceil);
    filter(to, stdlib::Floor);
    filter(to, stdlib::Round);
    filter(to, stdlib::Compact);
    filter(to, stdlib::Concat);
    filter(to, stdlib::Default);
    filter(to, stdlib::First);
    filter(to, stdlib::Last);
    filter(to, stdlib::Reverse);
    filter(to, stdlib::Size);
    filter(to, stdlib::Where);
}
