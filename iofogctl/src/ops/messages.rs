//! `messages`: what travels on a route, read from the archive of the publishing Agent. Nothing is taken
//! from the consumer.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::Context;
use super::local_api::LocalApi;
use crate::output::stdout;
use crate::text::names::QualifiedName;
use crate::text::time::Moment;
use crate::text::{Error, Result, base64};

const PATH: &str = "/v2/messages/query";
/// Pause between two looks.
const PAUSE: Duration = Duration::from_secs(1);
/// Characters of content in a line.
const SHOWN: usize = 120;

/// What is watched, and how it is shown.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Seconds of the past to begin with.
    pub since: u64,
    /// One look, and the end.
    pub once: bool,
    /// Whole messages as JSON, one a line.
    pub json: bool,
    /// Which messages are shown.
    pub filter: Filter,
}

/// Which messages are shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Filter {
    /// All.
    #[default]
    All,
    /// Those whose field, by its lower-case name, is this text.
    Field(String, String),
    /// Those with this text in their content.
    Content(String),
}

impl Filter {
    /// Reads `FIELD=TEXT`, or a text looked for in the content.
    ///
    /// # Errors
    /// [`Error::Input`] for a field that ioMessages do not have.
    pub fn parse(text: &str) -> Result<Self> {
        const FIELDS: &[&str] = &[
            "id",
            "tag",
            "groupid",
            "priority",
            "publisher",
            "authid",
            "authgroup",
            "infotype",
            "infoformat",
        ];
        match text.split_once('=') {
            None if text.is_empty() => Ok(Self::All),
            None => Ok(Self::Content(text.to_owned())),
            Some((field, value)) if FIELDS.contains(&field.to_lowercase().as_str()) => {
                Ok(Self::Field(field.to_lowercase(), value.to_owned()))
            }
            Some((field, _)) => Err(Error::Input(format!(
                "--filter: messages have no field {field}; known fields are {}",
                FIELDS.join(", ")
            ))),
        }
    }

    fn takes(&self, message: &Value) -> bool {
        match self {
            Self::All => true,
            Self::Field(field, wanted) => match message.get(field) {
                Some(Value::String(text)) => text == wanted,
                Some(other) => wanted.as_str() == other.to_string().as_str(),
                None => wanted.is_empty(),
            },
            Self::Content(wanted) => String::from_utf8_lossy(&content(message)).contains(wanted),
        }
    }
}

fn content(message: &Value) -> Vec<u8> {
    let text = message.get("contentdata").and_then(Value::as_str).unwrap_or_default();
    base64::decode(text).unwrap_or_default()
}

fn line(message: &Value) -> String {
    let text =
        |field: &str| message.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let at = message.get("timestamp").and_then(Value::as_i64).unwrap_or_default();
    let content = content(message);
    let shown = match std::str::from_utf8(&content) {
        Ok(words) if !words.chars().any(char::is_control) => {
            words.chars().take(SHOWN).collect::<String>()
        }
        _ => "(binary)".to_owned(),
    };
    format!(
        "{}.{:03}  {}/{}  {} bytes  {shown}\n",
        Moment(at / 1000).unix_date(),
        at % 1000,
        text("infotype"),
        text("infoformat"),
        content.len()
    )
}

/// Prints the messages of a route as they are published.
///
/// # Errors
/// There is no such route, its publisher has no Agent that can be reached, or that Agent refuses.
pub fn watch(context: &mut Context, name: &str, options: &Options) -> Result<()> {
    let client = context.client()?;
    let qualified = QualifiedName::parse("Route", name)?;
    let route = client.route(&qualified.application, &qualified.name)?;
    let publisher = client.microservice(&route.source_microservice_uuid)?;
    context.sync_agents()?;
    let agents = context.record()?.agents();
    let agent = agents.into_iter().find(|agent| agent.uuid() == publisher.iofog_uuid);
    let agent = agent
        .ok_or_else(|| Error::NotFound(format!("Agent of microservice {}", publisher.name)))?;
    let ask = Ask {
        api: LocalApi::open(&agent)?,
        consumer: route.dest_microservice_uuid,
        publisher: publisher.uuid,
    };
    // Messages carry the time of the device.
    let now = ask.api.now()?;
    let mut from = now.saturating_sub(options.since) * 1000;
    let mut seen = HashSet::new();
    loop {
        for message in ask.messages(from)? {
            let at = message.get("timestamp").and_then(Value::as_u64).unwrap_or_default();
            let id = message.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
            if at > from {
                (from, seen) = (at, HashSet::new());
            }
            // The last moment is asked for again: more may have been published in it.
            if seen.insert(id) && options.filter.takes(&message) {
                stdout(&if options.json { format!("{message}\n") } else { line(&message) });
            }
        }
        if options.once {
            return Ok(());
        }
        std::thread::sleep(PAUSE);
    }
}

/// Who is asked, and about whom.
struct Ask {
    api: LocalApi,
    consumer: String,
    publisher: String,
}

impl Ask {
    /// Published messages from a moment on, oldest first.
    fn messages(&self, from: u64) -> Result<Vec<Value>> {
        let body = json!({
            "id": self.consumer,
            "timeframestart": from,
            "timeframeend": i64::MAX,
            "publishers": [self.publisher],
        });
        let answer = self.api.post(PATH, &body.to_string())?;
        let told = String::from_utf8_lossy(&answer.body);
        if answer.status != 200 {
            return Err(Error::Plain(format!(
                "the Agent does not show its messages ({}): {}",
                answer.status,
                told.trim()
            )));
        }
        let mut answer: Value = serde_json::from_str(&told).map_err(|error| {
            Error::Plain(format!("the answer of the Agent cannot be used: {error}"))
        })?;
        match answer.get_mut("messages").map(Value::take) {
            Some(Value::Array(messages)) => Ok(messages),
            _ => Ok(Vec::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_look_at_fields_or_content() {
        let message = json!({"infotype": "temperature", "priority": 3, "contentdata": "aGVsbG8=", "timestamp": 1500});
        let takes = |filter: &str| Filter::parse(filter).unwrap().takes(&message);
        for filter in ["", "infotype=temperature", "Priority=3", "ell", "tag="] {
            assert!(takes(filter), "{filter}");
        }
        for filter in ["infotype=light", "priority=4", "world"] {
            assert!(!takes(filter), "{filter}");
        }
        assert!(Filter::parse("colour=red").unwrap_err().to_string().contains("no field colour"));
        assert!(
            line(&message).ends_with(".500  temperature/  5 bytes  hello\n"),
            "{}",
            line(&message)
        );
    }
}
