//! Manual pages and markdown of every command, made from the command tree.

use std::fmt::Write;

use super::help::{path_names, placeholder, text};
use super::spec::{Command, Flag, GLOBAL, HELP};

/// Manual pages: file name and roff text.
pub fn pages(root: &'static Command) -> Vec<(String, String)> {
    let mut pages = Vec::new();
    walk(&mut vec![root], &mut |path| {
        let name = path_names(path).replace(' ', "-");
        pages.push((format!("{name}.1"), page(path)));
    });
    pages
}

/// Markdown: file name and text.
pub fn markdown(root: &'static Command) -> Vec<(String, String)> {
    let mut pages = Vec::new();
    walk(&mut vec![root], &mut |path| {
        let name = path_names(path);
        let body = text(path, "default");
        pages.push((
            format!("{}.md", name.replace(' ', "_")),
            format!("## {name}\n\n```\n{body}```\n"),
        ));
    });
    pages
}

fn walk(path: &mut Vec<&'static Command>, visit: &mut dyn FnMut(&[&'static Command])) {
    visit(path);
    let Some(command) = path.last().copied() else { return };
    for child in command.listed() {
        path.push(child);
        walk(path, visit);
        path.pop();
    }
}

fn page(path: &[&Command]) -> String {
    let Some(command) = path.last() else { return String::new() };
    let name = path_names(path);
    let dashed = name.replace(' ', "-");
    let short = if command.short.is_empty() {
        "tool for ioFog edge compute networks"
    } else {
        command.short
    };
    let mut out = String::new();
    let _ = writeln!(
        out,
        ".TH {} 1\n.SH NAME\n{} \\- {}",
        dashed.to_uppercase(),
        roff(&dashed),
        roff(short)
    );
    let arguments = command.usage.split_once(' ').map_or("", |(_, arguments)| arguments);
    let _ = writeln!(out, ".SH SYNOPSIS\n.B {}\n{} [flags]", roff(&name), roff(arguments));
    let long = if command.long.is_empty() { short } else { command.long };
    let _ = writeln!(out, ".SH DESCRIPTION\n{}", roff(long));
    let _ = writeln!(out, ".SH OPTIONS");
    for flag in command.flags.iter().chain(GLOBAL).chain([&HELP]) {
        let _ = writeln!(out, ".TP\n.B {}\n{}", roff(&label(flag)), roff(flag.help));
    }
    if !command.example.is_empty() {
        let _ = writeln!(out, ".SH EXAMPLES\n.nf\n{}\n.fi", roff(command.example));
    }
    let listed = command.listed();
    if !listed.is_empty() {
        let names: Vec<String> = listed
            .iter()
            .map(|child| format!("{}(1)", roff(&format!("{dashed}-{}", child.name))))
            .collect();
        let _ = writeln!(out, ".SH SEE ALSO\n{}", names.join(", "));
    }
    out
}

fn label(flag: &Flag) -> String {
    let short = flag.short.map_or_else(String::new, |letter| format!("-{letter}, "));
    format!("{short}--{}{}", flag.long, placeholder(flag.value))
}

/// Escapes what roff would interpret.
fn roff(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    text.lines()
        .map(
            |line| {
                if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line.to_owned() }
            },
        )
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::ROOT;

    #[test]
    fn man_has_a_page_for_every_command() {
        let pages = pages(&ROOT);
        let page = &pages.iter().find(|(name, _)| name == "iofogctl-delete-agent.1").unwrap().1;
        assert!(page.starts_with(".TH IOFOGCTL-DELETE-AGENT 1\n"));
        assert!(page.contains("\\-\\-force"));
        assert_eq!(pages.len(), markdown(&ROOT).len());
    }
}
