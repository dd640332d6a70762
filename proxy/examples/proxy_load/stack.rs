//! The reference as its users have it: its proxy at both ends of routers, which are ours or those it was made for.

use std::path::{Path as Folder, PathBuf};

use super::path::{Path, below, interior, router};
use super::process::{Process, free_port, wait_for};

/// Which routers stand between, one or two of them.
#[derive(Clone, Copy)]
pub(crate) enum Routers<'a> {
    /// Ours.
    Ours,
    /// `qdrouterd` or `skrouterd`, which read the same configuration.
    Dispatch(&'a str),
}

impl Path {
    /// The reference at both ends of one router, or of an edge router and an interior one; none where it is not given.
    pub(crate) fn reference(routers: Routers<'_>, two: bool, target: u16) -> Option<Self> {
        let folder = PathBuf::from(std::env::var_os("IOFOG_REFERENCE_PROXY")?);
        let [normal, edge, public] = [free_port(), free_port(), free_port()];
        let mut processes = vec![("interior router", routers.interior(normal, edge))];
        wait_for(normal);
        let mut far = normal;
        if two {
            wait_for(edge);
            far = free_port();
            processes.push(("edge router", routers.below(far, edge)));
            wait_for(far);
        }
        for (mapping, router) in
            [(format!("amqp:q=>http:{target}"), far), (format!("http:{public}=>amqp:q"), normal)]
        {
            let script = script(&folder, &mapping, router);
            processes.push(("reference", Process::start("node", &["-e", &script, "reference"])));
        }
        Some(Self::ready(public, processes))
    }
}

impl Routers<'_> {
    fn interior(self, normal: u16, edge: u16) -> Process {
        match self {
            Self::Ours => router(&interior(normal, edge)),
            Self::Dispatch(program) => dispatch(
                program,
                &format!(
                    "router {{\n mode: interior\n id: i\n}}\n{}{}",
                    listener("normal", normal),
                    listener("edge", edge)
                ),
            ),
        }
    }

    fn below(self, normal: u16, edge: u16) -> Process {
        match self {
            Self::Ours => router(&below(normal, edge)),
            Self::Dispatch(program) => dispatch(
                program,
                &format!(
                    "router {{\n mode: edge\n id: e\n}}\n{}connector {{\n name: up\n role: edge\n host: 127.0.0.1\n \
                     port: {edge}\n}}\n",
                    listener("normal", normal)
                ),
            ),
        }
    }
}

fn listener(role: &str, port: u16) -> String {
    format!(
        "listener {{\n role: {role}\n host: 127.0.0.1\n port: {port}\n authenticatePeer: no\n}}\n"
    )
}

/// A router of the kind that reads Dispatch's configuration.
pub(crate) fn dispatch(program: &str, config: &str) -> Process {
    let file = std::env::temp_dir().join(format!("iofog-load-{}.conf", free_port()));
    std::fs::write(&file, config).unwrap();
    Process::start(program, &["-c", file.to_str().unwrap()])
}

/// What Node is to run as one end: the ioFog proxy's library, or the program of the public repository of its
/// origin, which takes its router from a file.
fn script(folder: &Folder, mapping: &str, router: u16) -> String {
    let place = folder.display();
    if folder.join("lib/proxy.js").exists() {
        return format!(
            "require('{place}/lib/proxy').proxy('{mapping}', '127.0.0.1', \
             {{routerHost: '127.0.0.1', routerPort: {router}}})"
        );
    }
    let file = std::env::temp_dir().join(format!("iofog-load-{}.json", free_port()));
    let connect = r#"{"scheme":"amqp","sasl":{"enabled":false},"host":"127.0.0.1""#;
    std::fs::write(&file, format!("{connect},\"port\":{router}}}")).unwrap();
    format!(
        "process.env.MESSAGING_CONNECT_FILE = '{}'; process.env.ICPROXY_BRIDGE_HOST = '127.0.0.1'; \
         process.argv[2] = '{mapping}'; require('{place}/bin/simple.js')",
        file.display()
    )
}
