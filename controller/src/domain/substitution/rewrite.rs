//! Turns outputs of a template into a tag of ours, which keeps their type, and refuses what could cost too much.

/// Name of our tag for an output.
pub(super) const OUTPUT: &str = "output";
/// Name of our tag at the start of the body of a loop: it counts the turns.
pub(super) const TURN: &str = "turn";
/// Name of our tag before a loop over a range, which is built as a whole first.
pub(super) const RANGE: &str = "range";
/// Blocks within blocks, and indexes within indexes, at most: the parser recurses.
const DEPTH: usize = 32;
/// Digits of a bound of a range at most.
const RANGE_DIGITS: usize = 4;

/// Digits of a number at most.
const NUMBER_DIGITS: usize = 15;

const BLOCKS: [&str; 6] = ["if", "unless", "for", "case", "capture", "ifchanged"];

/// The template with `{% output x %}` for each `{{ x }}`.
pub(super) fn rewrite(text: &str) -> Result<String, &'static str> {
    let mut result = String::with_capacity(text.len() + 32);
    let mut rest = text;
    let mut depth = 0_usize;
    while let Some(start) = rest.find('{') {
        let (before, at) = rest.split_at(start);
        result.push_str(before);
        if at.starts_with("{{") {
            let (inner, after) = delimited(at, "}}").ok_or("output is not closed")?;
            check(inner)?;
            push_output(&mut result, inner);
            rest = after;
        } else if at.starts_with("{%") {
            let (inner, after) = delimited(at, "%}").ok_or("tag is not closed")?;
            check(inner)?;
            let word = first_word(inner);
            if BLOCKS.contains(&word) {
                depth += 1;
            } else if word.strip_prefix("end").is_some_and(|block| BLOCKS.contains(&block)) {
                depth = depth.saturating_sub(1);
            }
            if depth > DEPTH {
                return Err("blocks are nested too deeply");
            }
            rest = match word {
                "raw" | "comment" => verbatim(&mut result, at, word)?,
                _ => {
                    let length = at.len() - after.len();
                    let tag = at.get(..length).unwrap_or_default();
                    if word == "for" {
                        push_loop(&mut result, tag, inner);
                    } else {
                        result.push_str(tag);
                    }
                    after
                }
            };
        } else {
            result.push('{');
            rest = at.get(1..).unwrap_or_default();
        }
    }
    result.push_str(rest);
    Ok(result)
}

/// What stands between two braces and `close`, outside of quotes, and what follows.
fn delimited<'a>(at: &'a str, close: &str) -> Option<(&'a str, &'a str)> {
    let body = at.get(2..)?;
    let mut quote = None;
    for (index, c) in body.char_indices() {
        match (quote, c) {
            (Some(open), c) if open == c => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, _) if body.get(index..)?.starts_with(close) => {
                return Some((body.get(..index)?, body.get(index + close.len()..)?));
            }
            _ => {}
        }
    }
    None
}

/// A loop's tag with ours around it; they trim spaces where it does.
fn push_loop(result: &mut String, tag: &str, inner: &str) {
    let left = if inner.starts_with('-') { "-" } else { "" };
    let right = if inner.ends_with('-') { "-" } else { "" };
    if inner.contains("..") {
        result.push_str(&format!("{{%{left} {RANGE} %}}"));
    }
    result.push_str(&format!("{tag}{{% {TURN} {right}%}}"));
}

fn push_output(result: &mut String, inner: &str) {
    let (left, inner) = inner.strip_prefix('-').map_or(("", inner), |inner| ("-", inner));
    let (right, inner) = inner.strip_suffix('-').map_or(("", inner), |inner| ("-", inner));
    result.push_str(&format!("{{%{left} {OUTPUT} {inner} {right}%}}"));
}

fn first_word(inner: &str) -> &str {
    inner
        .trim_start_matches('-')
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .trim_end_matches('-')
}

/// Copies a block whose content is no template; gives what follows it.
fn verbatim<'a>(result: &mut String, at: &'a str, word: &str) -> Result<&'a str, &'static str> {
    let mut rest = at;
    let mut from = 2;
    while let Some(found) = rest.get(from..).and_then(|tail| tail.find("{%")) {
        let start = from + found;
        let tail = rest.get(start..).unwrap_or_default();
        if let Some((inner, after)) = delimited(tail, "%}")
            && first_word(inner).strip_prefix("end") == Some(word)
        {
            let length = rest.len() - after.len();
            result.push_str(rest.get(..length).unwrap_or_default());
            rest = after;
            return Ok(rest);
        }
        from = start + 2;
    }
    Err("block is not closed")
}

fn check(inner: &str) -> Result<(), &'static str> {
    let bare = unquoted(inner);
    // An output would end our tag early, and what it has in quotes would be a template that nobody has checked.
    if ["%}", "{{", "{%"].iter().any(|brace| bare.contains(brace)) {
        return Err("braces stand within braces");
    }
    // The parser takes a number that does not fit for a defect of its own.
    if bare.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() > NUMBER_DIGITS) {
        return Err("a number has too many digits");
    }
    if inner.matches('[').count() > DEPTH {
        return Err("indexes are nested too deeply");
    }
    let mut rest = bare.as_str();
    while let Some((low, high)) = rest.split_once("..") {
        let low = low.rsplit('(').next().unwrap_or_default();
        let small = |bound: &str| {
            let bound = bound.trim();
            !bound.is_empty()
                && bound.len() <= RANGE_DIGITS
                && bound.bytes().all(|digit| digit.is_ascii_digit())
        };
        if !small(low) || !high.split(')').next().is_some_and(small) {
            return Err("bounds of a range must be small numbers");
        }
        rest = high;
    }
    Ok(())
}

/// Without what stands in quotes.
fn unquoted(inner: &str) -> String {
    let mut quote = None;
    let outside = |c: &char| match (quote, *c) {
        (Some(open), c) if open == c => {
            quote = None;
            false
        }
        (None, '"' | '\'') => {
            quote = Some(*c);
            false
        }
        (quote, _) => quote.is_none(),
    };
    inner.chars().filter(outside).collect()
}
