//! A reverse tunnel to a server of the user's, by the device's `ssh` (agent contract 12.2).

use std::cell::RefCell;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::rc::Rc;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::disk;

/// The variable with which `ssh` calls this program back for the password.
pub const PASSWORD: &str = "IOFOG_TUNNEL_PASSWORD";
/// What `ssh` says of itself: everything else may be why it ends.
const CHATTER: [&str; 5] =
    ["debug", "OpenSSH_", "Authenticated to", "Transferred: ", "Bytes per second: "];
/// What the contract has for ports that are not given.
const REMOTE_PORT: u16 = 9999;
const LOCAL_PORT: u16 = 22;

/// What a Controller wants.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct TunnelOrder {
    username: String,
    password: String,
    host: String,
    rport: Option<u16>,
    lport: Option<u16>,
    rsakey: String,
    closed: bool,
}

/// The tunnel of a node: one at most.
pub struct Tunnel {
    folder: PathBuf,
    shared: Rc<RefCell<State>>,
    task: RefCell<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct State {
    order: Option<TunnelOrder>,
    status: Status,
    error: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Status {
    #[default]
    Closed,
    Opening,
    Open,
    Failed,
}

// === impl Tunnel ===

impl Tunnel {
    /// A closed tunnel that keeps its files in `folder`.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), shared: Rc::default(), task: RefCell::default() }
    }

    /// Opens or closes it; `told` hears of every change of its status. Opening an open one changes nothing.
    pub fn follow(&self, order: TunnelOrder, told: impl Fn() + 'static) {
        let busy = matches!(self.shared.borrow().status, Status::Opening | Status::Open);
        if order.closed {
            if let Some(task) = self.task.take() {
                task.abort();
            }
            *self.shared.borrow_mut() = State::default();
        } else if !busy {
            let state =
                State { order: Some(order.clone()), status: Status::Opening, error: String::new() };
            *self.shared.borrow_mut() = state;
            let (shared, folder) = (self.shared.clone(), self.folder.clone());
            let task = iofog_task::spawn(async move {
                let error = run(&order, &folder, &shared, &told).await;
                log::warn!(target: "tunnel", "{error}");
                let mut state = shared.borrow_mut();
                (state.status, state.error) = (Status::Failed, error);
                drop(state);
                told();
            });
            self.task.replace(Some(task));
            return;
        }
        told();
    }

    /// `tunnelStatus` of the status body (agent contract 3.6).
    pub fn status(&self) -> Value {
        let state = self.shared.borrow();
        let or_dash = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
        let order = state.order.clone().unwrap_or_default();
        let ports = state.order.as_ref().map_or((0, 0), TunnelOrder::ports);
        json!({
            "username": or_dash(&order.username), "host": or_dash(&order.host),
            "rport": ports.0, "lport": ports.1,
            "status": match state.status {
                // The contract has no word for it: it is not open yet.
                Status::Closed | Status::Opening => "CLOSED",
                Status::Open => "OPEN",
                Status::Failed => "FAILED",
            },
            "errormessage": or_dash(&state.error),
        })
    }
}

// === impl TunnelOrder ===

impl TunnelOrder {
    fn ports(&self) -> (u16, u16) {
        let given = |port: Option<u16>, usual| port.filter(|port| *port > 0).unwrap_or(usual);
        (given(self.rport, REMOTE_PORT), given(self.lport, LOCAL_PORT))
    }

    /// Nothing in it may be taken for an option or a second argument.
    fn check(&self) -> Result<(), String> {
        let plain = |text: &str| {
            let letter = |one: char| one.is_ascii_alphanumeric() || "._-:%".contains(one);
            !text.is_empty() && !text.starts_with('-') && text.chars().all(letter)
        };
        match (plain(&self.host), plain(&self.username)) {
            (true, true) => Ok(()),
            (false, _) => Err("host of the tunnel is not valid".to_owned()),
            (_, false) => Err("username of the tunnel is not valid".to_owned()),
        }
    }

    /// Lines of a known-hosts file: the key may come with a host's name before it or alone, and a client names a host
    /// with a port in its own way.
    fn known_hosts(&self) -> String {
        let (_, port) = self.ports();
        let keys = self.rsakey.lines().filter_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let at = words.iter().position(|word| is_key_type(word))?;
            let key = format!("{} {}", words[at], words.get(at + 1)?);
            Some(format!("{host} {key}\n[{host}]:{port} {key}\n", host = self.host))
        });
        keys.collect()
    }

    fn arguments(&self, known_hosts: &Path) -> Vec<String> {
        let (remote, local) = self.ports();
        let options = [
            format!("UserKnownHostsFile={}", known_hosts.display()),
            "GlobalKnownHostsFile=/dev/null".to_owned(),
            "StrictHostKeyChecking=yes".to_owned(),
            "UpdateHostKeys=no".to_owned(),
            "ConnectTimeout=60".to_owned(),
            "ServerAliveInterval=30".to_owned(),
            "ExitOnForwardFailure=yes".to_owned(),
            "NumberOfPasswordPrompts=1".to_owned(),
            "PreferredAuthentications=password,keyboard-interactive".to_owned(),
        ];
        let mut arguments: Vec<String> =
            ["-v", "-N", "-T", "-F", "none", "-p"].map(str::to_owned).into();
        arguments.push(local.to_string());
        arguments.extend(options.into_iter().flat_map(|option| ["-o".to_owned(), option]));
        arguments.extend(["-R".to_owned(), format!("{remote}:localhost:{local}")]);
        arguments.extend(["--".to_owned(), format!("{}@{}", self.username, self.host)]);
        arguments
    }
}

fn is_key_type(word: &str) -> bool {
    word.starts_with("ssh-") || word.starts_with("ecdsa-") || word.starts_with("sk-")
}

/// Holds the tunnel open until it ends; why it did.
async fn run(
    order: &TunnelOrder,
    folder: &Path,
    shared: &RefCell<State>,
    told: &impl Fn(),
) -> String {
    let known_hosts = folder.join("tunnel-known-hosts");
    let started = order.check().and_then(|()| {
        disk::write_secret_atomically(&known_hosts, order.known_hosts().as_bytes())
            .map_err(|error| format!("{}: {error}", known_hosts.display()))?;
        start(order, &known_hosts)
            .map_err(|error| format!("ssh cannot be run on this device: {error}"))
    });
    let mut child = match started {
        Ok(child) => child,
        Err(error) => return error,
    };
    let mut last = String::new();
    if let Some(output) = child.stderr.take() {
        let mut lines = BufReader::new(output).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            if line.contains("remote forward success") {
                shared.borrow_mut().status = Status::Open;
                told();
            } else if !CHATTER.iter().any(|start| line.starts_with(start))
                && !line.trim().is_empty()
            {
                line[..line.floor_char_boundary(300)].trim().clone_into(&mut last);
            }
        }
    }
    let status = child.wait().await.map(|status| status.to_string()).unwrap_or_default();
    if last.is_empty() { format!("ssh ended: {status}") } else { last }
}

/// The password goes by the environment to this program, which `ssh` asks for it: arguments are seen by everybody.
fn start(order: &TunnelOrder, known_hosts: &Path) -> io::Result<Child> {
    let mut command = Command::new("ssh");
    command.args(order.arguments(known_hosts)).kill_on_drop(true);
    command.env("SSH_ASKPASS", std::env::current_exe()?).env("SSH_ASKPASS_REQUIRE", "force");
    command.env("DISPLAY", ":0").env(PASSWORD, &order.password);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(text: &str) -> TunnelOrder {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn ports_have_the_contracts_defaults_and_go_where_it_says() {
        let order = order(r#"{"id":1,"username":"u","host":"h","rport":null,"iofogUuid":"x"}"#);
        let arguments = order.arguments(Path::new("/k")).join(" ");
        assert!(arguments.contains(" -p 22 ") && arguments.contains(" -R 9999:localhost:22 "));
        assert!(arguments.ends_with(" -- u@h"), "{arguments}");
    }

    #[test]
    fn a_key_is_known_for_the_host_with_and_without_its_port() {
        let lines = "h ssh-rsa AAAA\n[h]:2222 ssh-rsa AAAA\n";
        for key in ["ssh-rsa AAAA comment", "h ssh-rsa AAAA", "[h]:2222,1.2.3.4 ssh-rsa AAAA"] {
            let order = TunnelOrder { rsakey: key.into(), ..order(r#"{"host":"h","lport":2222}"#) };
            assert_eq!(order.known_hosts(), lines);
        }
        assert_eq!(order(r#"{"host":"h","rsakey":"nonsense"}"#).known_hosts(), "");
    }

    #[test]
    fn what_looks_like_an_option_is_refused() {
        for (user, host) in
            [("u", "-oProxyCommand=x"), ("-l", "h"), ("u", "h x"), ("", "h"), ("u@x", "h")]
        {
            let order =
                TunnelOrder { username: user.into(), host: host.into(), ..TunnelOrder::default() };
            assert!(order.check().is_err(), "{user} {host}");
        }
        assert!(order(r#"{"username":"u-1","host":"fe80::1%eth0"}"#).check().is_ok());
    }
}
