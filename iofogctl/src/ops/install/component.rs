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
    /// Lines of its own in a unit of systemd.
    systemd: &'static str,
    /// Words of its command line that its service script passes on.
    orders: &'static [&'static str],
}

/// Runs on devices.
pub(super) const AGENT: Component = Component {
    name: "iofog-agent",
    word: "Agent",
    arguments: "--log file daemon",
    systemd: "# Only the Agent itself is stopped: microservices outlive it.\nKillMode=process\n",
    orders: &["prune"],
};

/// Runs on a server.
pub(super) const CONTROLLER: Component = Component {
    name: "iofog-controller",
    word: "Controller",
    arguments: "start",
    systemd: "LimitNOFILE=65536\n",
    orders: &[],
};

impl Component {
    /// Where the program is.
    pub(super) fn program(&self) -> String {
        format!("/usr/bin/{}", self.name)
    }

    /// A template with this component in its places. `@NAME@`, `@WORD@` and `@ARGUMENTS@` are the fields of these names;
    /// `@SYSTEMD@` is lines of a unit's service; `@ORDERS@` and `@ORDER_NAMES@` are what a script takes beside starting and
    /// stopping, as cases and as the end of a list of words.
    pub(super) fn fill(&self, template: &str) -> String {
        let cases: String =
            self.orders.iter().map(|one| format!("    {one}) $PROGRAM {one} ;;\n")).collect();
        let names: String = self.orders.iter().map(|one| format!("|{one}")).collect();
        template
            .replace("@NAME@", self.name)
            .replace("@WORD@", self.word)
            .replace("@ARGUMENTS@", self.arguments)
            .replace("@SYSTEMD@", self.systemd)
            .replace("@ORDERS@", &cases)
            .replace("@ORDER_NAMES@", &names)
    }
}
