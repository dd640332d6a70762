//! How a command is declared.

use super::Invocation;
use crate::text::Result;

/// What a flag takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    /// Nothing: on or off.
    Switch,
    /// Text.
    Text,
    /// A whole number.
    Int,
}

/// A flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flag {
    /// Long name.
    pub long: &'static str,
    /// One-letter name.
    pub short: Option<char>,
    /// What it takes.
    pub value: Value,
    /// One line of help.
    pub help: &'static str,
}

/// A switch.
pub const fn flag(long: &'static str, help: &'static str) -> Flag {
    Flag { long, short: None, value: Value::Switch, help }
}

/// A switch with a letter.
pub const fn short_flag(long: &'static str, short: char, help: &'static str) -> Flag {
    Flag { long, short: Some(short), value: Value::Switch, help }
}

/// A flag with text.
pub const fn option(long: &'static str, help: &'static str) -> Flag {
    Flag { long, short: None, value: Value::Text, help }
}

/// A flag with text and a letter.
pub const fn short_option(long: &'static str, short: char, help: &'static str) -> Flag {
    Flag { long, short: Some(short), value: Value::Text, help }
}

/// How many words a command takes after its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Args {
    /// Any number; surplus ones are ignored.
    Any,
    /// So many.
    Exactly(usize),
    /// So many or more.
    AtLeast(usize),
    /// Between two numbers.
    Between(usize, usize),
    /// One of these words.
    OneOf(&'static [&'static str]),
}

/// What an argument names, for completions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// Nothing that can be looked up.
    None,
    /// A namespace of the config files.
    Namespace,
    /// An Agent of the config files.
    Agent,
    /// A controller of the config files.
    Controller,
    /// A volume of the config files.
    Volume,
}

/// A command or a group of them.
#[derive(Debug, Clone, Copy)]
pub struct Command {
    /// Word that selects it.
    pub name: &'static str,
    /// Name with placeholders of its arguments.
    pub usage: &'static str,
    /// One line.
    pub short: &'static str,
    /// More than one line; empty to use the short one.
    pub long: &'static str,
    /// Examples; may be empty.
    pub example: &'static str,
    /// Arguments.
    pub args: Args,
    /// What the first argument names.
    pub completes: Resource,
    /// Its own flags.
    pub flags: &'static [Flag],
    /// What it does; groups without an action print their help.
    pub run: Option<fn(&Invocation) -> Result<()>>,
    /// Commands below it.
    pub children: &'static [Command],
    /// Left out of help and completions.
    pub hidden: bool,
}

impl Command {
    /// Defaults for declarations.
    pub const EMPTY: Self = Self {
        name: "",
        usage: "",
        short: "",
        long: "",
        example: "",
        args: Args::Any,
        completes: Resource::None,
        flags: &[],
        run: None,
        children: &[],
        hidden: false,
    };

    /// The command below this one with a name.
    pub fn child(&self, name: &str) -> Option<&'static Self> {
        let children: &'static [Self] = self.children;
        children.iter().find(|child| child.name == name)
    }

    /// Visible commands below this one, by name.
    pub fn listed(&self) -> Vec<&'static Self> {
        let children: &'static [Self] = self.children;
        let mut listed: Vec<&Self> = children.iter().filter(|child| !child.hidden).collect();
        listed.sort_by_key(|child| child.name);
        listed
    }
}

/// Flags of every command.
pub(super) const GLOBAL: &[Flag] = &[
    flag("debug", "Show HTTP and SSH traffic"),
    short_option("namespace", 'n', "Namespace to work in"),
    short_flag("verbose", 'v', "Show each step as a line"),
];

/// Flag of every command that prints its help.
pub(super) const HELP: Flag = short_flag("help", 'h', "Print help");
