//! The two programs that are installed on machines.

/// A program that runs as a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Component {
    /// Name of the program and of its service.
    pub(super) name: &'static str,
    /// What messages call it.
    pub(super) word: &'static str,
    /// Arguments that make it serve.
    pub(super) arguments: &'static str,
}

/// Runs on devices.
pub(super) const AGENT: Component =
    Component { name: "iofog-agent", word: "Agent", arguments: "--log file daemon" };

/// Runs on a server.
pub(super) const CONTROLLER: Component =
    Component { name: "iofog-controller", word: "Controller", arguments: "start" };

impl Component {
    /// Where the program is.
    pub(super) fn program(&self) -> String {
        format!("/usr/bin/{}", self.name)
    }

    /// A text written for the Agent, for this component.
    pub(super) fn text(&self, text: &str) -> String {
        if *self == AGENT {
            return text.to_owned();
        }
        text.replace(AGENT.arguments, self.arguments)
            .replace(AGENT.name, self.name)
            .replace("ioFog Agent", &format!("ioFog {}", self.word))
            .replace("    prune) $PROGRAM prune ;;\n", "")
            .replace("|prune\"", "\"")
    }
}
