//! Writes a value as block-style YAML exactly as the standard program's library does: two-space
//! indents, lists not indented under their key, long text folded after column 80.

use super::scalar;
use super::value::Value;

const BEST_WIDTH: usize = 80;

/// One document, ending in a line break.
pub fn document(value: &Value) -> String {
    let mut emitter = Emitter { out: String::new(), column: 0 };
    match value {
        Value::Map(entries) if !entries.is_empty() => emitter.mapping(entries, 0, true),
        Value::Seq(items) if !items.is_empty() => emitter.sequence(items, 0, true),
        other => emitter.scalar(other, 0, false),
    }
    emitter.out.push('\n');
    // A block literal at the end of the document has written its own line break.
    if emitter.out.ends_with("\n\n") && emitter.column == 0 {
        emitter.out.pop();
    }
    emitter.out
}

struct Emitter {
    out: String,
    column: usize,
}

impl Emitter {
    fn put(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
    }

    fn put_char(&mut self, letter: char) {
        self.out.push(letter);
        if letter == '\n' { self.column = 0 } else { self.column += 1 }
    }

    fn new_line(&mut self, indent: usize) {
        if self.column > 0 {
            self.put_char('\n');
        }
        for _ in 0..indent {
            self.put_char(' ');
        }
    }

    /// Entries at an indent; `inline` when the first one continues the current line.
    fn mapping(&mut self, entries: &[(Value, Value)], indent: usize, inline: bool) {
        for (number, (key, value)) in entries.iter().enumerate() {
            if number > 0 || !inline {
                self.new_line(indent);
            }
            self.scalar(key, indent, true);
            self.put(":");
            match value {
                Value::Map(inner) if !inner.is_empty() => self.mapping(inner, indent + 2, false),
                Value::Seq(items) if !items.is_empty() => self.sequence(items, indent, false),
                other => {
                    self.put(" ");
                    self.scalar(other, indent + 2, false);
                }
            }
        }
    }

    fn sequence(&mut self, items: &[Value], indent: usize, inline: bool) {
        for (number, item) in items.iter().enumerate() {
            if number > 0 || !inline {
                self.new_line(indent);
            }
            self.put("- ");
            match item {
                Value::Map(entries) if !entries.is_empty() => {
                    self.mapping(entries, indent + 2, true)
                }
                Value::Seq(inner) if !inner.is_empty() => self.sequence(inner, indent + 2, true),
                other => self.scalar(other, indent + 2, false),
            }
        }
    }

    fn scalar(&mut self, value: &Value, indent: usize, key: bool) {
        match value {
            Value::Null => self.put("null"),
            Value::Bool(flag) => self.put(if *flag { "true" } else { "false" }),
            Value::Int(number) => self.put(&number.to_string()),
            Value::Float(number) => self.put(&float(*number)),
            Value::Str(text) => self.text(text, indent, key),
            Value::Seq(_) => self.put("[]"),
            Value::Map(_) => self.put("{}"),
        }
    }

    fn text(&mut self, text: &str, indent: usize, key: bool) {
        let traits = Traits::of(text);
        let wanted = if text.contains('\n') {
            Style::Literal
        } else if scalar::is_plain_text(text) {
            Style::Plain
        } else {
            Style::Double
        };
        match traits.style(wanted, key) {
            Style::Plain => {
                self.folded(text, indent, !key, |emitter, letter| emitter.put_char(letter))
            }
            Style::Single => {
                self.put("'");
                self.folded(text, indent, !key, |emitter, letter| {
                    if letter == '\'' {
                        emitter.put_char('\'');
                    }
                    emitter.put_char(letter);
                });
                self.put("'");
            }
            Style::Double => self.double_quoted(text, indent, !key),
            Style::Literal => self.literal(text, indent),
        }
    }

    /// Text that may break at single spaces once the line is full.
    fn folded(&mut self, text: &str, indent: usize, breaks: bool, put: fn(&mut Self, char)) {
        let letters: Vec<char> = text.chars().collect();
        let mut after_space = false;
        for (index, &letter) in letters.iter().enumerate() {
            if letter == ' ' {
                let next = letters.get(index + 1);
                if breaks
                    && !after_space
                    && self.column > BEST_WIDTH
                    && index > 0
                    && next.is_some_and(|&next| next != ' ')
                {
                    self.new_line(indent);
                } else {
                    self.put_char(' ');
                }
                after_space = true;
            } else {
                put(self, letter);
                after_space = false;
            }
        }
    }

    fn double_quoted(&mut self, text: &str, indent: usize, breaks: bool) {
        let letters: Vec<char> = text.chars().collect();
        let mut after_space = false;
        self.put("\"");
        for (index, &letter) in letters.iter().enumerate() {
            let last = index + 1 == letters.len();
            if letter == ' ' {
                if breaks && !after_space && self.column > BEST_WIDTH && index > 0 && !last {
                    self.new_line(indent);
                    if letters.get(index + 1) == Some(&' ') {
                        self.put("\\");
                    }
                } else {
                    self.put_char(' ');
                }
                after_space = true;
                continue;
            }
            after_space = false;
            if is_printable(letter) && !is_break(letter) && !matches!(letter, '"' | '\\') {
                self.put_char(letter);
            } else {
                self.put(&escape(letter));
            }
        }
        self.put("\"");
    }

    fn literal(&mut self, text: &str, indent: usize) {
        self.put("|");
        if text.starts_with([' ', '\n']) {
            self.put("2");
        }
        if !text.ends_with('\n') {
            self.put("-");
        } else if text == "\n" || text.ends_with("\n\n") {
            self.put("+");
        }
        self.put_char('\n');
        let mut at_start = true;
        for letter in text.chars() {
            if letter == '\n' {
                self.put_char('\n');
                at_start = true;
            } else {
                if at_start {
                    self.new_line(indent);
                    at_start = false;
                }
                self.put_char(letter);
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

/// Which styles can carry a text.
struct Traits {
    plain: bool,
    single: bool,
    block: bool,
    multiline: bool,
}

impl Traits {
    fn of(text: &str) -> Self {
        let letters: Vec<char> = text.chars().collect();
        let mut traits =
            Self { plain: true, single: true, block: !text.is_empty(), multiline: false };
        if text.starts_with("---") || text.starts_with("...") {
            traits.plain = false;
        }
        let mut before = None;
        for (index, &letter) in letters.iter().enumerate() {
            let next = letters.get(index + 1).copied();
            let blank_next = next.is_none_or(|next| matches!(next, ' ' | '\t'));
            let blank_before =
                before.is_none_or(|letter| matches!(letter, ' ' | '\t') || is_break(letter));
            let indicator = match letter {
                ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%'
                | '@' | '`' => index == 0,
                '?' | '-' => index == 0 && blank_next,
                ':' => blank_next,
                '#' => index == 0 || blank_before,
                _ => false,
            };
            if indicator || is_break(letter) {
                traits.plain = false;
            }
            traits.multiline |= is_break(letter);
            if !is_printable(letter) || (is_break(letter) && before == Some(' ')) {
                (traits.plain, traits.single, traits.block) = (false, false, false);
            }
            if letter == ' ' && before.is_some_and(is_break) {
                (traits.plain, traits.single) = (false, false);
            }
            before = Some(letter);
        }
        let edge =
            |letter: Option<&char>| letter.is_some_and(|&letter| letter == ' ' || is_break(letter));
        if edge(letters.first()) || edge(letters.last()) {
            traits.plain = false;
        }
        if letters.last() == Some(&' ') {
            traits.block = false;
        }
        traits
    }

    fn style(&self, wanted: Style, key: bool) -> Style {
        let mut style = if key && self.multiline { Style::Double } else { wanted };
        if style == Style::Plain && !self.plain {
            style = Style::Single;
        }
        if style == Style::Single && !self.single {
            style = Style::Double;
        }
        if style == Style::Literal && (!self.block || key) {
            style = Style::Double;
        }
        style
    }
}

/// Letters written as they are; those above the basic plane are escaped, as the library does.
fn is_printable(letter: char) -> bool {
    matches!(letter, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
        && letter != '\u{feff}'
}

fn is_break(letter: char) -> bool {
    matches!(letter, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn escape(letter: char) -> String {
    let short = match letter {
        '\0' => '0',
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{b}' => 'v',
        '\u{c}' => 'f',
        '\r' => 'r',
        '\u{1b}' => 'e',
        '"' => '"',
        '\\' => '\\',
        '\u{85}' => 'N',
        '\u{a0}' => '_',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        other => {
            let code = u32::from(other);
            return match code {
                0..=0xff => format!("\\x{code:02X}"),
                0x100..=0xffff => format!("\\u{code:04X}"),
                _ => format!("\\U{code:08X}"),
            };
        }
    };
    format!("\\{short}")
}

/// Shortest form that reads back, with an exponent outside of 1e-4 to 1e6: whole numbers too, when they came as floating point.
fn float(number: f64) -> String {
    if number.is_nan() {
        return ".nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let scientific = format!("{number:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if number == 0.0 || (-4..6).contains(&exponent) {
        return format!("{number}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
#[path = "emit_tests.rs"]
mod tests;
