//! The flat XML of the configuration files: one root, elements with text, nothing nested.

use std::fmt::Write as _;

/// Why a file is not such XML.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum XmlError {
    /// No `<root>` element, or its end is missing.
    #[error("the root element <{0}> is missing or not closed")]
    Root(&'static str),
    /// An element is not closed by its own name.
    #[error("an element starting at byte {0} is not closed")]
    Open(usize),
}

/// Elements of `root`, in order: name and unescaped text. Unknown nesting is refused, comments are skipped.
pub(super) fn parse(text: &str, root: &'static str) -> Result<Vec<(String, String)>, XmlError> {
    let open = format!("<{root}>");
    let close = format!("</{root}>");
    let start = text.find(&open).ok_or(XmlError::Root(root))? + open.len();
    let end = text.rfind(&close).filter(|end| *end >= start).ok_or(XmlError::Root(root))?;
    let mut rest = &text[start..end];
    let mut elements = Vec::new();
    while let Some(at) = rest.find('<') {
        let offset = text.len() - rest.len() + at;
        rest = &rest[at + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            let end = comment.find("-->").ok_or(XmlError::Open(offset))?;
            rest = &comment[end + 3..];
            continue;
        }
        let tag_end = rest.find('>').ok_or(XmlError::Open(offset))?;
        let tag = &rest[..tag_end];
        rest = &rest[tag_end + 1..];
        if let Some(name) = tag.strip_suffix('/') {
            elements.push((element_name(name), String::new()));
            continue;
        }
        let name = element_name(tag);
        let closing = format!("</{name}>");
        let end = rest.find(&closing).ok_or(XmlError::Open(offset))?;
        elements.push((name, unescape(rest[..end].trim())));
        rest = &rest[end + closing.len()..];
    }
    Ok(elements)
}

/// Writes the file form: one element per line, so that line-wise editors keep working.
pub(super) fn write<'a>(root: &str, elements: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root}>\n");
    for (name, value) in elements {
        let _ = writeln!(text, "    <{name}>{}</{name}>", escape(value));
    }
    let _ = writeln!(text, "</{root}>");
    text
}

fn element_name(tag: &str) -> String {
    tag.split_whitespace().next().unwrap_or_default().to_owned()
}

fn escape(value: &str) -> String {
    value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn unescape(value: &str) -> String {
    let plain = value.strip_prefix("<![CDATA[").and_then(|inner| inner.strip_suffix("]]>"));
    if let Some(inner) = plain {
        return inner.to_owned();
    }
    value
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}
