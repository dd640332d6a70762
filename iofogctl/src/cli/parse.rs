//! Reads a command line against the command tree. Flags may stand anywhere, as `--flag=value`,
//! `--flag value`, `-fvalue` or combined letters; the error texts are those scripts know.

use std::collections::BTreeMap;
use std::ffi::OsString;

use lexopt::Arg;

use super::spec::{Args, Command, Flag, GLOBAL, HELP, Value};
use crate::text::{Error, Result};

/// A command to run, with its arguments and flags.
#[derive(Debug, Clone, Default)]
pub struct Invocation {
    /// Words after the command.
    pub args: Vec<String>,
    flags: BTreeMap<&'static str, String>,
}

impl Invocation {
    /// Argument by position; empty when absent.
    pub fn arg(&self, index: usize) -> &str {
        self.args.get(index).map_or("", String::as_str)
    }

    /// Whether a switch is on.
    pub fn is_on(&self, flag: &str) -> bool {
        self.flags.get(flag).is_some_and(|value| value == "true")
    }

    /// Text of a flag; empty when absent.
    pub fn text(&self, flag: &str) -> &str {
        self.flags.get(flag).map_or("", String::as_str)
    }

    /// Whether a flag was given.
    pub fn is_given(&self, flag: &str) -> bool {
        self.flags.contains_key(flag)
    }
}

/// What a command line asks for.
#[derive(Debug)]
pub enum Parsed {
    /// Run a command.
    Run(fn(&Invocation) -> Result<()>, Invocation),
    /// Print the help of a command, given by its path.
    Help(Vec<&'static Command>),
}

/// Reads a command line without the program name.
///
/// # Errors
/// [`Error::Plain`] with the reason: unknown command or flag, missing value, wrong number of arguments.
pub fn parse(root: &'static Command, words: Vec<OsString>) -> Result<Parsed> {
    let mut path: Vec<&'static Command> = vec![root];
    let mut invocation = Invocation::default();
    let mut help = false;
    let shown: Vec<String> = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let mut parser = lexopt::Parser::from_args(words);
    loop {
        let argument = parser.next().map_err(|error| Error::Plain(error.to_string()))?;
        let Some(argument) = argument else { break };
        let command = path[path.len() - 1];
        match argument {
            Arg::Value(word) => {
                let word = word.to_string_lossy().into_owned();
                match command.child(&word).filter(|_| invocation.args.is_empty()) {
                    Some(child) => path.push(child),
                    None => invocation.args.push(word),
                }
            }
            Arg::Short(letter) => {
                let found = flags(command).find(|flag| flag.short == Some(letter));
                let Some(flag) = found else {
                    let word = shown.iter().find(|word| {
                        !word.starts_with("--") && word.starts_with('-') && word.contains(letter)
                    });
                    let group = word
                        .map_or(letter.to_string(), |word| word.trim_start_matches('-').to_owned());
                    return Err(Error::Plain(format!(
                        "unknown shorthand flag: '{letter}' in -{group}"
                    )));
                };
                let label = format!("'{letter}' in -{letter}");
                help |= take(&mut parser, flag, &label, &mut invocation)?;
            }
            Arg::Long(name) => {
                let found = flags(command).find(|flag| flag.long == name);
                let Some(flag) = found else {
                    return Err(Error::Plain(format!("unknown flag: --{name}")));
                };
                help |= take(&mut parser, flag, &format!("--{}", flag.long), &mut invocation)?;
            }
        }
    }
    let command = path[path.len() - 1];
    if help {
        return Ok(Parsed::Help(path));
    }
    let Some(run) = command.run else {
        return match invocation.args.first() {
            Some(word) if path.len() == 1 => Err(unknown_command(root, word)),
            _ => Ok(Parsed::Help(path)),
        };
    };
    check_args(&path, &invocation.args)?;
    Ok(Parsed::Run(run, invocation))
}

fn flags(command: &Command) -> impl Iterator<Item = &'static Flag> {
    let own: &'static [Flag] = command.flags;
    own.iter().chain(GLOBAL).chain(std::iter::once(&HELP))
}

/// Stores a flag; tells whether it asks for help.
fn take(
    parser: &mut lexopt::Parser,
    flag: &'static Flag,
    label: &str,
    invocation: &mut Invocation,
) -> Result<bool> {
    let wrong = |text: &str, function: &str| {
        let name = flag.long;
        Error::Plain(format!(
            "invalid argument \"{text}\" for \"--{name}\" flag: strconv.{function}: parsing \"{text}\": invalid syntax"
        ))
    };
    let text = if flag.value == Value::Switch {
        // Only `--flag=value` gives a switch a value: `-vn` are two letters.
        let given = if label.starts_with("--") { parser.optional_value() } else { None };
        match given.map(|text| text.to_string_lossy().into_owned()) {
            None => "true".to_owned(),
            Some(text) => match text.as_str() {
                "1" | "t" | "T" | "true" | "TRUE" | "True" => "true".to_owned(),
                "0" | "f" | "F" | "false" | "FALSE" | "False" => "false".to_owned(),
                _ => return Err(wrong(&text, "ParseBool")),
            },
        }
    } else {
        let text =
            parser.value().map_err(|_| Error::Plain(format!("flag needs an argument: {label}")))?;
        text.to_string_lossy().into_owned()
    };
    if flag.value == Value::Int && text.parse::<i64>().is_err() {
        return Err(wrong(&text, "ParseInt"));
    }
    let help = *flag == HELP && text == "true";
    invocation.flags.insert(flag.long, text);
    Ok(help)
}

fn check_args(path: &[&'static Command], args: &[String]) -> Result<()> {
    let command = path[path.len() - 1];
    let received = args.len();
    let problem = match command.args {
        Args::Any => None,
        Args::Exactly(wanted) => {
            (received != wanted).then(|| format!("accepts {wanted} arg(s), received {received}"))
        }
        Args::AtLeast(wanted) => (received < wanted)
            .then(|| format!("requires at least {wanted} arg(s), only received {received}")),
        Args::Between(low, high) => (!(low..=high).contains(&received))
            .then(|| format!("accepts between {low} and {high} arg(s), received {received}")),
        Args::OneOf(words) => {
            if received != 1 {
                Some(format!("accepts 1 arg(s), received {received}"))
            } else {
                let word = &args[0];
                let names: Vec<&str> = path.iter().map(|command| command.name).collect();
                (!words.contains(&word.as_str()))
                    .then(|| format!("invalid argument \"{word}\" for \"{}\"", names.join(" ")))
            }
        }
    };
    problem.map_or(Ok(()), |text| Err(Error::Plain(text)))
}

fn unknown_command(root: &'static Command, word: &str) -> Error {
    let near: Vec<&str> = root
        .listed()
        .iter()
        .map(|command| command.name)
        .filter(|name| {
            distance(name, word) <= 2 || name.to_lowercase().starts_with(&word.to_lowercase())
        })
        .collect();
    let mut text = format!("unknown command \"{word}\" for \"{}\"", root.name);
    if !near.is_empty() {
        text.push_str("\n\nDid you mean this?\n");
        for name in near {
            text.push_str(&format!("\t{name}\n"));
        }
    }
    Error::Plain(text)
}

/// How many letters must be changed, added or removed to get from one word to the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, &wanted) in other.iter().enumerate() {
            let substituted = diagonal + usize::from(letter != wanted);
            diagonal = row[column + 1];
            row[column + 1] = substituted.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::super::spec::{flag, short_option};
    use super::*;

    static ROOT: Command = Command {
        name: "tool",
        children: &[
            Command {
                name: "get",
                args: Args::OneOf(&["all", "some"]),
                flags: &[flag("deep", "")],
                run: Some(|_| Ok(())),
                ..Command::EMPTY
            },
            Command {
                name: "delete",
                flags: &[short_option("file", 'f', "")],
                args: Args::Any,
                run: Some(|_| Ok(())),
                children: &[Command {
                    name: "thing",
                    args: Args::Exactly(1),
                    run: Some(|_| Ok(())),
                    ..Command::EMPTY
                }],
                ..Command::EMPTY
            },
            Command {
                name: "group",
                children: &[Command { name: "x", ..Command::EMPTY }],
                ..Command::EMPTY
            },
        ],
        ..Command::EMPTY
    };

    fn read(line: &str) -> Result<Parsed> {
        parse(&ROOT, line.split_whitespace().map(Into::into).collect())
    }

    fn run(line: &str) -> Invocation {
        match read(line).unwrap() {
            Parsed::Run(_, invocation) => invocation,
            Parsed::Help(_) => panic!("help"),
        }
    }

    fn text(line: &str) -> String {
        read(line).unwrap_err().to_string()
    }

    #[test]
    fn parse_flags_anywhere() {
        for line in [
            "get all -n ns --deep",
            "-n ns get --deep all",
            "--namespace=ns get all --deep=true",
            "get -nns --deep all",
            "get -vn ns all --deep",
        ] {
            let invocation = run(line);
            assert_eq!(invocation.args, ["all"], "{line}");
            assert_eq!(invocation.text("namespace"), "ns", "{line}");
            assert!(invocation.is_on("deep"), "{line}");
        }
        assert!(!run("get all --deep=false").is_on("deep"));
        assert_eq!(run("delete thing -- -x").args, ["-x"]);
    }

    #[test]
    fn parse_error_texts() {
        assert_eq!(
            text("gett"),
            "unknown command \"gett\" for \"tool\"\n\nDid you mean this?\n\tget\n"
        );
        assert_eq!(text("zzz"), "unknown command \"zzz\" for \"tool\"");
        assert_eq!(text("get all --foo"), "unknown flag: --foo");
        assert_eq!(text("get all -x"), "unknown shorthand flag: 'x' in -x");
        assert_eq!(text("delete --file"), "flag needs an argument: --file");
        assert_eq!(text("delete -f"), "flag needs an argument: 'f' in -f");
        assert_eq!(text("get"), "accepts 1 arg(s), received 0");
        assert_eq!(text("get nonsense"), "invalid argument \"nonsense\" for \"tool get\"");
        assert_eq!(text("delete thing"), "accepts 1 arg(s), received 0");
        assert!(text("get all --deep=maybe").contains("strconv.ParseBool"));
    }

    #[test]
    fn parse_groups_print_help() {
        assert!(matches!(read("group"), Ok(Parsed::Help(path)) if path.len() == 2));
        assert!(matches!(read("group nonsense"), Ok(Parsed::Help(_))));
        assert!(matches!(read("get --help"), Ok(Parsed::Help(path)) if path[1].name == "get"));
        assert!(matches!(read(""), Ok(Parsed::Help(path)) if path.len() == 1));
    }
}
