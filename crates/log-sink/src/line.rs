//! Turns a record into one line of text or JSON; control characters are escaped so that a
//! message never spans lines.

use std::fmt::{self, Write as _};

use log::kv::{Key, Value, VisitSource};
use log::{Level, Record};

/// Appends `time LEVEL target message key=value...` and a line end.
pub(crate) fn text(out: &mut Vec<u8>, now: &str, record: &Record<'_>) {
    let mut writer = Escaped { out, quotes: false };
    let _ = write!(writer, "{now} {} {} {}", record.level(), record.target(), record.args());
    let _ = record.key_values().visit(&mut Pairs(&mut writer));
    out.push(b'\n');
}

/// Appends the Agent's JSON object (agent contract, section 4.1) and a line end.
pub(crate) fn json(
    out: &mut Vec<u8>,
    now: &str,
    record: &Record<'_>,
    agent_id: &str,
    hostname: &str,
) {
    let thread = std::thread::current();
    field(out, b"{\"timestamp\":\"", format_args!("{now}"));
    field(out, b"\",\"level\":\"", format_args!("{}", level_name(record.level())));
    field(out, b"\",\"agent_id\":\"", format_args!("{agent_id}"));
    field(out, b"\",\"pid\":\"", format_args!("{}", std::process::id()));
    field(out, b"\",\"hostname\":\"", format_args!("{hostname}"));
    field(out, b"\",\"thread\":\"", format_args!("{}", thread.name().unwrap_or("-")));
    field(out, b"\",\"module\":\"", format_args!("{}", record.target()));
    field(out, b"\",\"message\":\"", format_args!("{}", record.args()));
    let mut writer = Escaped { out, quotes: true };
    let _ = record.key_values().visit(&mut Pairs(&mut writer));
    out.extend_from_slice(b"\"}\n");
}

fn field(out: &mut Vec<u8>, prefix: &[u8], value: fmt::Arguments<'_>) {
    out.extend_from_slice(prefix);
    let _ = Escaped { out, quotes: true }.write_fmt(value);
}

/// The upstream Agent writes `java.util.logging` level names.
fn level_name(level: Level) -> &'static str {
    match level {
        Level::Error => "SEVERE",
        Level::Warn => "WARNING",
        Level::Info => "INFO",
        Level::Debug => "FINE",
        Level::Trace => "FINEST",
    }
}

struct Escaped<'a> {
    out: &'a mut Vec<u8>,
    quotes: bool,
}

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            match character {
                '\n' => self.out.extend_from_slice(b"\\n"),
                '\r' => self.out.extend_from_slice(b"\\r"),
                '\t' => self.out.extend_from_slice(b"\\t"),
                '"' | '\\' if self.quotes => {
                    self.out.push(b'\\');
                    self.out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                }
                other if other.is_control() => {
                    self.out.extend_from_slice(format!("\\u{:04x}", u32::from(other)).as_bytes());
                }
                other => {
                    self.out.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes());
                }
            }
        }
        Ok(())
    }
}

struct Pairs<'a, 'b>(&'a mut Escaped<'b>);

impl<'kvs> VisitSource<'kvs> for Pairs<'_, '_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), log::kv::Error> {
        write!(self.0, " {key}={value}")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record<'a>(level: Level, args: fmt::Arguments<'a>) -> Record<'a> {
        Record::builder().level(level).target("bus").args(args).build()
    }

    #[test]
    fn text_line_has_time_level_target_message() {
        let mut out = Vec::new();
        text(&mut out, "2026-11-23T10:36:19.786Z", &record(Level::Info, format_args!("up n=3")));
        assert_eq!(out, b"2026-11-23T10:36:19.786Z INFO bus up n=3\n");
    }

    #[test]
    fn text_line_appends_key_values() {
        let pairs = [("count", 3)];
        let record = Record::builder()
            .level(Level::Warn)
            .target("bus")
            .args(format_args!("dropped"))
            .key_values(&pairs)
            .build();
        let mut out = Vec::new();
        text(&mut out, "T", &record);
        assert_eq!(out, b"T WARN bus dropped count=3\n");
    }

    #[test]
    fn line_breaks_cannot_forge_a_record() {
        let mut out = Vec::new();
        text(&mut out, "T", &record(Level::Error, format_args!("a\nb\u{1b}c")));
        assert_eq!(out, b"T ERROR bus a\\nb\\u001bc\n");
    }

    #[test]
    fn json_line_uses_upstream_levels_and_escapes() {
        let mut out = Vec::new();
        json(&mut out, "T", &record(Level::Error, format_args!("say \"no\"\n")), "u-1", "h");
        let line = String::from_utf8(out).unwrap();
        assert!(line.starts_with("{\"timestamp\":\"T\",\"level\":\"SEVERE\",\"agent_id\":\"u-1\""));
        assert!(line.ends_with("\"message\":\"say \\\"no\\\"\\n\"}\n"), "{line}");
    }
}
