//! Options of the sub-commands, as data and as given (controller contract 23, decision 0071).

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};
use serde_json::{Map, Value, json};

/// What an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A text.
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// Nothing; it sets this.
    Flag(bool),
    /// One or more texts.
    Texts,
}

/// An option of a noun's sub-commands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opt {
    /// `--long`.
    pub(super) long: &'static str,
    /// `-s`.
    pub(super) short: Option<char>,
    /// What it takes.
    pub(super) kind: Kind,
    /// Field of the body that it fills; none = the sub-command reads it.
    pub(super) field: Option<&'static str>,
}

/// An option that fills a field of the body.
pub(super) const fn sets(long: &'static str, short: char, kind: Kind, field: &'static str) -> Opt {
    Opt { long, short: Some(short), kind, field: Some(field) }
}

/// An option that the sub-command reads.
pub(super) const fn takes(long: &'static str, short: char, kind: Kind) -> Opt {
    Opt { long, short: Some(short), kind, field: None }
}

/// Options as given.
#[derive(Debug, Default)]
pub(super) struct Given {
    values: BTreeMap<&'static str, Vec<Value>>,
    body: Map<String, Value>,
}

impl Given {
    /// Reads arguments by a noun's options.
    ///
    /// # Errors
    /// Naming the option that is unknown or has a value that makes no sense.
    pub(super) fn read(arguments: &[String], options: &[Opt]) -> Result<Self> {
        let mut given = Self::default();
        let mut parser = lexopt::Parser::from_args(arguments);
        while let Some(argument) = parser.next()? {
            let found = match argument {
                lexopt::Arg::Long(name) => options.iter().find(|option| option.long == name),
                lexopt::Arg::Short(name) => {
                    options.iter().find(|option| option.short == Some(name))
                }
                lexopt::Arg::Value(text) => bail!("unexpected argument {}", text.to_string_lossy()),
            };
            let Some(option) = found else { return Err(argument.unexpected().into()) };
            given.take(option, &mut parser)?;
        }
        Ok(given)
    }

    fn take(&mut self, option: &Opt, parser: &mut lexopt::Parser) -> Result<()> {
        let text = |parser: &mut lexopt::Parser| -> Result<String> {
            let value = parser.value()?;
            value.into_string().map_err(|_| anyhow::anyhow!("--{} is not UTF-8", option.long))
        };
        let values = match option.kind {
            Kind::Flag(value) => vec![Value::Bool(value)],
            Kind::Text => vec![json!(text(parser)?)],
            Kind::Integer => {
                let text = text(parser)?;
                let number: i64 = text
                    .parse()
                    .with_context(|| format!("--{}: {text} is no whole number", option.long))?;
                vec![json!(number)]
            }
            Kind::Number => {
                let text = text(parser)?;
                let number: f64 = text
                    .parse()
                    .with_context(|| format!("--{}: {text} is no number", option.long))?;
                vec![iofog_api::number::json(number)]
            }
            Kind::Texts => parser
                .values()?
                .map(|value| value.into_string().map(Value::from))
                .collect::<Result<_, _>>()
                .map_err(|_| anyhow::anyhow!("--{} is not UTF-8", option.long))?,
        };
        if let (Some(field), Some(value)) = (option.field, values.first()) {
            let value = match option.kind {
                Kind::Texts => Value::Array(values.clone()),
                _ => value.clone(),
            };
            self.body.insert(field.to_owned(), value);
        }
        self.values.entry(option.long).or_default().extend(values);
        Ok(())
    }

    /// True when an option is there.
    #[must_use]
    pub(super) fn has(&self, long: &str) -> bool {
        self.values.contains_key(long)
    }

    /// A text that was given.
    #[must_use]
    pub(super) fn text(&self, long: &str) -> Option<&str> {
        self.values.get(long)?.last()?.as_str()
    }

    /// A text that must be given.
    ///
    /// # Errors
    /// When it is not.
    pub(super) fn needed(&self, long: &str) -> Result<&str> {
        self.text(long).with_context(|| format!("--{long} is needed"))
    }

    /// A number that was given.
    #[must_use]
    pub(super) fn integer(&self, long: &str) -> Option<i64> {
        self.values.get(long)?.last()?.as_i64()
    }

    /// A number that must be given.
    ///
    /// # Errors
    /// When it is not.
    pub(super) fn needed_integer(&self, long: &str) -> Result<i64> {
        self.integer(long).with_context(|| format!("--{long} is needed"))
    }

    /// All texts of an option.
    pub(super) fn texts(&self, long: &str) -> impl Iterator<Item = &str> {
        self.values.get(long).into_iter().flatten().filter_map(Value::as_str)
    }

    /// The body that the options fill, over that of the file `--file` names.
    ///
    /// # Errors
    /// When the file cannot be read or is no JSON object.
    pub(super) fn body(&self) -> Result<Map<String, Value>> {
        let mut body = match self.text("file") {
            None => Map::new(),
            Some(path) => {
                let text =
                    std::fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
                serde_json::from_str(&text).with_context(|| format!("{path} is no JSON object"))?
            }
        };
        body.extend(self.body.clone());
        Ok(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: &[Opt] = &[
        sets("name", 'n', Kind::Text, "name"),
        sets("on", 'o', Kind::Flag(true), "enabled"),
        sets("limit", 'l', Kind::Number, "limit"),
        takes("ports", 'p', Kind::Texts),
    ];

    fn read(arguments: &[&str]) -> Result<Given> {
        let arguments: Vec<String> = arguments.iter().map(|one| (*one).to_owned()).collect();
        Given::read(&arguments, OPTIONS)
    }

    #[test]
    fn options_fill_bodies() {
        let given = read(&["-n", "a", "--on", "--limit=5", "--ports", "1:2", "3:4"]).unwrap();
        let body = Value::Object(given.body().unwrap());
        assert_eq!(body, json!({ "name": "a", "enabled": true, "limit": 5 }));
        assert_eq!(given.texts("ports").collect::<Vec<_>>(), ["1:2", "3:4"]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let error = |arguments: &[&str]| read(arguments).unwrap_err().to_string();
        assert!(error(&["--nam", "a"]).contains("--nam"));
        assert!(error(&["--limit", "x"]).contains("--limit: x is no number"));
        assert!(error(&["stray"]).contains("stray"));
        assert!(read(&[]).unwrap().needed("name").unwrap_err().to_string().contains("--name"));
    }
}
