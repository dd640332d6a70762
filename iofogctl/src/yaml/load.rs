//! Reads a stream of YAML documents into nodes, with bounds on depth and size: alias expansion
//! counts, so that a small file cannot grow without limit.

use std::collections::HashMap;

use granit_parser::{Event, Options, Parser, ScalarStyle, Span};

use super::node::{Content, Node, Position};

/// Deepest nesting.
pub const MAX_DEPTH: usize = 64;
/// Most nodes in one stream, aliases expanded.
pub const MAX_NODES: usize = 200_000;

/// A stream that is not YAML, or not YAML this program takes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {}: {reason}", position.line)]
pub struct LoadError {
    /// Where.
    pub position: Position,
    /// Why.
    pub reason: String,
}

/// Reads all documents of a stream; empty documents are left out.
///
/// # Errors
/// [`LoadError`] for the first place that is not YAML, has a duplicate key, or breaks a bound.
pub fn documents(text: &str) -> Result<Vec<Node>, LoadError> {
    let mut options = Options::default();
    options.emit_comments = false;
    let parser = Parser::new_from_str_with_options(text, options);
    let mut loader = Loader { parser, anchors: HashMap::new(), nodes: 0 };
    let mut documents = Vec::new();
    while let Some((event, span)) = loader.next()? {
        match event {
            Event::StreamEnd => break,
            Event::DocumentStart(..) => {
                loader.anchors.clear();
                let node = loader.node(0)?;
                if !node.is_null() {
                    documents.push(node);
                }
            }
            Event::StreamStart | Event::DocumentEnd => {}
            _ => return Err(error(span, "content outside of a document")),
        }
    }
    Ok(documents)
}

/// Reads a stream of exactly one document.
///
/// # Errors
/// As [`documents`], and when the stream holds no document or several.
pub fn document(text: &str) -> Result<Node, LoadError> {
    let mut all = documents(text)?;
    match (all.pop(), all.is_empty()) {
        (Some(node), true) => Ok(node),
        (Some(node), false) => {
            Err(LoadError { position: node.position, reason: "more than one document".into() })
        }
        (None, _) => Err(LoadError {
            position: Position { line: 1, column: 1 },
            reason: "no document".into(),
        }),
    }
}

struct Loader<'a> {
    parser: Parser<'a, granit_parser::StrInput<'a>>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
}

impl<'a> Loader<'a> {
    /// Next event that carries data.
    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, LoadError> {
        loop {
            match self.parser.next_event() {
                None => return Ok(None),
                Some(Ok((Event::Anchor(..), _))) => {}
                Some(Ok(pair)) => return Ok(Some(pair)),
                Some(Err(cause)) => {
                    let marker = cause.marker();
                    return Err(LoadError {
                        position: Position { line: marker.line(), column: marker.col() + 1 },
                        reason: cause.info().to_string(),
                    });
                }
            }
        }
    }

    fn required(&mut self) -> Result<(Event<'a>, Span), LoadError> {
        self.next()?.ok_or_else(|| LoadError {
            position: Position::default(),
            reason: "the document ends too early".into(),
        })
    }

    fn node(&mut self, depth: usize) -> Result<Node, LoadError> {
        let (event, span) = self.required()?;
        self.node_from(event, span, depth)
    }

    fn node_from(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, LoadError> {
        if depth > MAX_DEPTH {
            return Err(error(span, "nested too deeply"));
        }
        self.count(1, span)?;
        let position = position(span);
        let anchor = event.anchor_id();
        let node = match event {
            Event::Scalar(text, style, ..) => Node {
                content: Content::Scalar {
                    text: text.into_owned(),
                    plain: style == ScalarStyle::Plain,
                },
                position,
            },
            Event::Alias(id) => {
                let Some(target) = self.anchors.get(&id).cloned() else {
                    return Err(error(span, "alias of an unknown anchor"));
                };
                self.count(size(&target), span)?;
                return Ok(Node { content: target.content, position });
            }
            Event::SequenceStart(..) => {
                let mut items = Vec::new();
                loop {
                    let (event, span) = self.required()?;
                    if matches!(event, Event::SequenceEnd) {
                        break;
                    }
                    items.push(self.node_from(event, span, depth + 1)?);
                }
                Node { content: Content::Sequence(items), position }
            }
            Event::MappingStart(..) => {
                Node { content: Content::Mapping(self.mapping(depth)?), position }
            }
            _ => return Ok(Node::null(position)),
        };
        if let Some(id) = anchor {
            self.anchors.insert(id, node.clone());
        }
        Ok(node)
    }

    fn mapping(&mut self, depth: usize) -> Result<Vec<(Node, Node)>, LoadError> {
        let mut entries: Vec<(Node, Node)> = Vec::new();
        let mut merged: Vec<(Node, Node)> = Vec::new();
        loop {
            let (event, span) = self.required()?;
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let key = self.node_from(event, span, depth + 1)?;
            let value = self.node(depth + 1)?;
            if matches!(&key.content, Content::Scalar { text, plain: true } if text == "<<") {
                merge(&mut merged, value)?;
                continue;
            }
            if entries.iter().any(|(known, _)| known.content == key.content) {
                let name = key.text().unwrap_or("?");
                return Err(error(span, &format!("key \"{name}\" is already set in this mapping")));
            }
            entries.push((key, value));
        }
        for (key, value) in merged {
            if !entries.iter().any(|(known, _)| known.content == key.content) {
                entries.push((key, value));
            }
        }
        Ok(entries)
    }

    fn count(&mut self, nodes: usize, span: Span) -> Result<(), LoadError> {
        self.nodes += nodes;
        if self.nodes > MAX_NODES {
            return Err(error(span, "the file holds too much"));
        }
        Ok(())
    }
}

/// Collects the entries a merge key brings in; the first one to set a key wins.
fn merge(merged: &mut Vec<(Node, Node)>, value: Node) -> Result<(), LoadError> {
    match value.content {
        Content::Mapping(entries) => {
            merged.extend(entries);
            Ok(())
        }
        Content::Sequence(items) => items.into_iter().try_for_each(|item| merge(merged, item)),
        Content::Scalar { .. } => Err(LoadError {
            position: value.position,
            reason: "map merge requires map or sequence of maps as the value".into(),
        }),
    }
}

fn size(node: &Node) -> usize {
    match &node.content {
        Content::Scalar { .. } => 1,
        Content::Sequence(items) => 1 + items.iter().map(size).sum::<usize>(),
        Content::Mapping(entries) => {
            1 + entries.iter().map(|(key, value)| size(key) + size(value)).sum::<usize>()
        }
    }
}

fn position(span: Span) -> Position {
    Position { line: span.start.line(), column: span.start.col() + 1 }
}

fn error(span: Span, reason: &str) -> LoadError {
    LoadError { position: position(span), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_stream_with_positions() {
        let all = documents("a: 1\n---\nb:\n  - x\n  - \"1\"\n---\n").unwrap();
        assert_eq!(all.len(), 2);
        assert_eq!(all[1].get("b").unwrap().position.line, 4);
        assert_eq!(
            all[1].to_value().get("b"),
            Some(&crate::yaml::Value::Seq(vec![
                crate::yaml::Value::text("x"),
                crate::yaml::Value::text("1"),
            ]))
        );
    }

    #[test]
    fn load_refuses_duplicate_keys() {
        let error = documents("a: 1\nb: 2\na: 3\n").unwrap_err();
        assert_eq!(error.to_string(), "line 3: key \"a\" is already set in this mapping");
    }

    #[test]
    fn load_merges_and_aliases() {
        let node = document("base: &b {x: 1, y: 2}\nuse:\n  <<: *b\n  y: 3\n").unwrap();
        let used = node.get("use").unwrap();
        assert_eq!(used.get("x").unwrap().text(), Some("1"));
        assert_eq!(used.get("y").unwrap().text(), Some("3"));
    }

    #[test]
    fn load_is_bounded() {
        let deep = "[".repeat(500) + &"]".repeat(500);
        assert!(documents(&deep).is_err());
        let mut bomb = String::from("a: &a [x,x,x,x,x,x,x,x,x,x]\n");
        for (letter, before) in
            ["b", "c", "d", "e", "f", "g"].iter().zip(["a", "b", "c", "d", "e", "f"])
        {
            bomb +=
                &format!("{letter}: &{letter} [{}]\n", vec![format!("*{before}"); 10].join(","));
        }
        assert!(documents(&bomb).unwrap_err().reason.contains("too much"));
    }

    #[test]
    fn load_reports_the_line() {
        assert_eq!(documents("a: 1\nb: [1\nc: 2\n").unwrap_err().position.line, 3);
    }
}
