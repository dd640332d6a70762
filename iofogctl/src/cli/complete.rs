//! Shell completions. The scripts ask this program: `iofogctl __complete WORD...` prints what may
//! follow, one candidate a line with its description after a tab.

use super::spec::{Args, Command, Flag, GLOBAL, HELP, Resource, Value};
use crate::config::Store;

/// Shells with a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shell {
    /// Bash 4 or newer.
    Bash,
    /// Zsh.
    Zsh,
    /// Fish.
    Fish,
    /// PowerShell.
    PowerShell,
}

/// The script of a shell.
pub fn script(shell: Shell, root: &Command) -> String {
    let template = match shell {
        Shell::Bash => include_str!("completion/iofogctl.bash"),
        Shell::Zsh => include_str!("completion/iofogctl.zsh"),
        Shell::Fish => include_str!("completion/iofogctl.fish"),
        Shell::PowerShell => include_str!("completion/iofogctl.ps1"),
    };
    template.replace("@NAME@", root.name)
}

/// A candidate and its description.
pub type Candidate = (String, String);

/// What may follow some words; the last one is being typed and may be empty.
pub fn candidates(
    root: &'static Command,
    words: &[String],
    store: Option<&mut Store>,
) -> Vec<Candidate> {
    let (typed, before) =
        words.split_last().map_or(("", words), |(last, before)| (last.as_str(), before));
    let mut command = root;
    let mut arguments = 0;
    let mut pending: Option<Flag> = None;
    for word in before {
        if pending.take().is_some() {
            continue;
        }
        if word.starts_with('-') {
            pending = flags(command)
                .into_iter()
                .find(|flag| matches(flag, word) && flag.value != Value::Switch);
        } else if let Some(child) = command.child(word).filter(|_| arguments == 0) {
            command = child;
        } else {
            arguments += 1;
        }
    }
    let mut found: Vec<Candidate> = match pending {
        Some(flag) if flag.long == "namespace" => plain(stored(Resource::Namespace, store)),
        Some(_) => Vec::new(),
        None if typed.starts_with('-') => flags(command)
            .iter()
            .map(|flag| (format!("--{}", flag.long), flag.help.to_owned()))
            .collect(),
        None => {
            let mut found: Vec<Candidate> = command
                .listed()
                .iter()
                .map(|child| (child.name.to_owned(), child.short.to_owned()))
                .collect();
            if let (Args::OneOf(known), 0) = (command.args, arguments) {
                found.extend(plain(known.iter().map(|&word| word.to_owned()).collect()));
            }
            if arguments == 0 {
                found.extend(plain(stored(command.completes, store)));
            }
            found
        }
    };
    found.retain(|(word, _)| word.starts_with(typed));
    found
}

fn plain(words: Vec<String>) -> Vec<Candidate> {
    words.into_iter().map(|word| (word, String::new())).collect()
}

fn flags(command: &Command) -> Vec<Flag> {
    command.flags.iter().chain(GLOBAL).copied().chain([HELP]).collect()
}

fn matches(flag: &Flag, word: &str) -> bool {
    word.strip_prefix("--").is_some_and(|name| name == flag.long)
        || flag.short.is_some_and(|letter| word == format!("-{letter}"))
}

/// Names in the config files; the Controller is not asked.
fn stored(resource: Resource, store: Option<&mut Store>) -> Vec<String> {
    let Some(store) = store else { return Vec::new() };
    if resource == Resource::Namespace {
        return store.namespace_names().unwrap_or_default();
    }
    let current = store.default_namespace().to_owned();
    let Ok(record) = store.namespace(&current) else { return Vec::new() };
    match resource {
        Resource::None | Resource::Namespace => Vec::new(),
        Resource::Agent => record.agents().iter().map(|agent| agent.name().to_owned()).collect(),
        Resource::Volume => record.volumes.iter().map(|volume| volume.name.clone()).collect(),
        Resource::Controller => record.control_plane().map_or_else(
            |_| Vec::new(),
            |plane| {
                plane.controllers().iter().map(|controller| controller.name.to_owned()).collect()
            },
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::ROOT;

    fn words(line: &str) -> Vec<String> {
        let all: Vec<String> = line.split(' ').map(str::to_owned).collect();
        candidates(&ROOT, &all, None).into_iter().map(|(word, _)| word).collect()
    }

    #[test]
    fn complete_commands_flags_and_resources() {
        assert_eq!(words("desc"), ["describe"]);
        assert_eq!(
            words("get a"),
            ["all", "agents", "application-templates", "applications"].map(String::from).to_vec()
        );
        assert_eq!(words("get agents --det"), ["--detached"]);
        assert_eq!(words("-n x delete ed"), ["edge-resource"]);
        assert!(words("deploy -f ").is_empty());
        assert!(!words("").contains(&"autocomplete".to_owned()));
    }

    #[test]
    fn complete_scripts_name_the_program() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::PowerShell] {
            let script = script(shell, &ROOT);
            assert!(
                script.contains("iofogctl __complete") && !script.contains("@NAME@"),
                "{shell:?}"
            );
        }
    }
}
