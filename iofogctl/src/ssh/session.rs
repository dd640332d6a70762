//! One SSH connection, used from a plain thread: connect, run commands, close.

use std::borrow::Cow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use russh::client::{self, AuthResult, Handle};
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{PrivateKeyWithHashAlg, PublicKeyOrCertificate, load_secret_key};
use russh::{ChannelMsg, Disconnect, Preferred};
use tokio::runtime::Runtime;

use super::forward::{self, Answer};
use super::host_keys::{HostKeys, Verdict};
use super::terminal;
use crate::config::records::Ssh;
use crate::output::{Terminal, trace};
use crate::text::{Error, Result};

/// Longest time to reach a host and log in.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// Silence after which the host is asked for a sign of life; after three without answer it is gone.
const KEEPALIVE: Duration = Duration::from_secs(15);
/// Most output kept of one command.
const MAX_OUTPUT: usize = 32 << 20;

/// What a command left behind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// Exit status; 255 when the command was killed.
    pub status: u32,
}

impl Output {
    /// Standard output of a command that had to succeed.
    ///
    /// # Errors
    /// [`Error::Plain`] with everything the command printed.
    pub fn checked(self) -> Result<String> {
        if self.status == 0 {
            return Ok(self.stdout);
        }
        let mut text = String::from("Error during SSH Session");
        for part in [self.stdout.trim_end(), self.stderr.trim_end()] {
            if !part.is_empty() {
                text.push('\n');
                text.push_str(part);
            }
        }
        Err(Error::Plain(format!("{text}\nProcess exited with status {}", self.status)))
    }
}

/// A logged-in connection.
pub struct Session {
    runtime: Runtime,
    handle: Handle<Checker>,
    name: String,
}

/// Checks the host key during the handshake.
struct Checker {
    keys: HostKeys,
    refusal: Arc<Mutex<Option<String>>>,
}

impl client::Handler for Checker {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        shown: &PublicKeyOrCertificate,
    ) -> std::result::Result<bool, russh::Error> {
        let PublicKeyOrCertificate::PublicKey { key, .. } = shown else { return Ok(false) };
        match self.keys.check(key) {
            Verdict::Trusted => Ok(true),
            Verdict::Refused(reason) => {
                if let Ok(mut refusal) = self.refusal.lock() {
                    *refusal = Some(reason);
                }
                Ok(false)
            }
        }
    }
}

impl Session {
    /// Connects and logs in: with the key file, else with the keys of a running SSH agent.
    ///
    /// # Errors
    /// [`Error::Plain`] naming the host and the reason: not reachable, host key refused, key file
    /// not usable, login refused.
    pub fn connect(host: &str, ssh: &Ssh) -> Result<Self> {
        let name = format!("{}@{host}:{}", ssh.user, ssh.port);
        trace(|| format!("[SSH]: connecting to {name}"));
        let failed = |reason: String| Error::Plain(format!("SSH {name}: {reason}"));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| failed(error.to_string()))?;
        let handle = runtime.block_on(async {
            match tokio::time::timeout(CONNECT_TIMEOUT, connect(host, ssh)).await {
                Ok(result) => result,
                Err(_) => Err(format!("no answer within {} s", CONNECT_TIMEOUT.as_secs())),
            }
        });
        let handle = handle.map_err(failed)?;
        Ok(Self { runtime, handle, name })
    }

    /// Runs a command with the login shell.
    ///
    /// # Errors
    /// The connection broke; a failing command is in the output.
    pub fn run(&self, command: &str) -> Result<Output> {
        self.run_with_input(command, &[])
    }

    /// Runs a command and feeds its standard input.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub fn run_with_input(&self, command: &str, input: &[u8]) -> Result<Output> {
        let mut stdout = Vec::new();
        let mut keep = |data: &[u8]| {
            if stdout.len() < MAX_OUTPUT {
                stdout.extend_from_slice(data);
            }
        };
        let output = self.carry_out(command, input, &mut keep)?;
        Ok(Output { stdout: String::from_utf8_lossy(&stdout).into_owned(), ..output })
    }

    /// Runs a command and hands its standard output over as it comes, instead of keeping it.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub fn stream(&self, command: &str, sink: &mut dyn FnMut(&[u8])) -> Result<Output> {
        self.carry_out(command, &[], sink)
    }

    /// Runs a command with this program's terminal and hands over what it prints; gives its status.
    ///
    /// # Errors
    /// As [`Session::run`], standard input is no terminal, or the host gives the command none.
    pub fn terminal(&self, command: &str, sink: &mut dyn FnMut(&[u8])) -> Result<u32> {
        let shown = command.lines().next().unwrap_or_default();
        trace(|| format!("[SSH]: {} runs {shown} with a terminal", self.name));
        let lent = async {
            let terminal = Terminal::open()?;
            let status = terminal::run(&self.handle, command, terminal, sink).await;
            status.map_err(|reason| {
                Error::Plain(format!("SSH {}: {reason} while running: {shown}", self.name))
            })
        };
        self.runtime.block_on(lent)
    }

    /// Posts JSON to a port of the host's own loopback address.
    ///
    /// # Errors
    /// Nothing listens there, or forwarding is forbidden.
    pub fn post(&self, port: u16, path: &str, authorization: &str, body: &str) -> Result<Answer> {
        trace(|| format!("[SSH]: {} posts to port {port}{path}", self.name));
        let posted = forward::post(&self.handle, port, path, authorization, body);
        let answer = self.runtime.block_on(async {
            match tokio::time::timeout(CONNECT_TIMEOUT, posted).await {
                Ok(answer) => answer,
                Err(_) => Err(format!("no answer within {} s", CONNECT_TIMEOUT.as_secs())),
            }
        });
        answer.map_err(|reason| Error::Plain(format!("SSH {}: {reason}", self.name)))
    }

    fn carry_out(
        &self,
        command: &str,
        input: &[u8],
        sink: &mut dyn FnMut(&[u8]),
    ) -> Result<Output> {
        let shown = command.lines().next().unwrap_or_default();
        trace(|| format!("[SSH]: {} runs {shown}", self.name));
        let result = self.runtime.block_on(self.exec(command, input, sink));
        result.map_err(|error| {
            Error::Plain(format!("SSH {}: {error} while running: {shown}", self.name))
        })
    }

    async fn exec(
        &self,
        command: &str,
        input: &[u8],
        sink: &mut dyn FnMut(&[u8]),
    ) -> std::result::Result<Output, russh::Error> {
        let mut channel = self.handle.channel_open_session().await?;
        channel.exec(true, command).await?;
        let mut writer = channel.make_writer();
        let input = input.to_vec();
        // Fed beside the reading: a command may answer before it has read everything.
        let feeder = tokio::spawn(async move {
            use tokio::io::AsyncWriteExt;
            let _ = writer.write_all(&input).await;
            let _ = writer.shutdown().await;
        });
        let (mut stderr, mut status) = (Vec::new(), None);
        while let Some(message) = channel.wait().await {
            match message {
                ChannelMsg::Data { data } => sink(&data),
                ChannelMsg::ExtendedData { data, .. } if stderr.len() < MAX_OUTPUT => {
                    stderr.extend_from_slice(&data)
                }
                ChannelMsg::ExitStatus { exit_status } => status = Some(exit_status),
                ChannelMsg::ExitSignal { .. } => status = Some(255),
                ChannelMsg::Failure => return Err(russh::Error::RequestDenied),
                _ => {}
            }
        }
        feeder.abort();
        // Without a status the connection ended before the command did.
        let status = status.ok_or(russh::Error::Disconnect)?;
        let stderr = String::from_utf8_lossy(&stderr).into_owned();
        Ok(Output { stdout: String::new(), stderr, status })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let goodbye = self.handle.disconnect(Disconnect::ByApplication, "", "en");
        let _ = self.runtime.block_on(goodbye);
    }
}

async fn connect(host: &str, ssh: &Ssh) -> std::result::Result<Handle<Checker>, String> {
    let keys = HostKeys::load(host, ssh.port, HostKeys::user_file());
    let mut preferred = Preferred::default();
    let mut algorithms = keys.algorithms();
    algorithms.extend(preferred.key.iter().cloned());
    preferred.key = Cow::Owned(algorithms);
    let config = client::Config {
        keepalive_interval: Some(KEEPALIVE),
        keepalive_max: 3,
        nodelay: true,
        preferred,
        ..client::Config::default()
    };
    let refusal = Arc::new(Mutex::new(None));
    let checker = Checker { keys, refusal: Arc::clone(&refusal) };
    let connected = client::connect(Arc::new(config), (host, ssh.port), checker).await;
    let mut handle = connected.map_err(|error| {
        let refused = refusal.lock().ok().and_then(|mut refusal| refusal.take());
        refused.unwrap_or_else(|| error.to_string())
    })?;
    let key_error = match with_key_file(&mut handle, ssh).await {
        Ok(true) => return Ok(handle),
        Ok(false) => format!("the host does not accept the key {}", ssh.key_file),
        Err(reason) => reason,
    };
    if with_agent(&mut handle, ssh).await { Ok(handle) } else { Err(key_error) }
}

async fn with_key_file(
    handle: &mut Handle<Checker>,
    ssh: &Ssh,
) -> std::result::Result<bool, String> {
    let key = load_secret_key(&ssh.key_file, None)
        .map_err(|error| format!("key file {}: {error}", ssh.key_file))?;
    let hash = handle.best_supported_rsa_hash().await.map_err(|error| error.to_string())?.flatten();
    let key = PrivateKeyWithHashAlg::new(Arc::new(key), hash);
    let result = handle.authenticate_publickey(ssh.user.as_str(), key).await;
    result.map(|result| result.success()).map_err(|error| error.to_string())
}

/// Tries the keys of the SSH agent named by `SSH_AUTH_SOCK`; `false` without one.
async fn with_agent(handle: &mut Handle<Checker>, ssh: &Ssh) -> bool {
    let Ok(mut agent) = AgentClient::connect_env().await else { return false };
    let Ok(identities) = agent.request_identities().await else { return false };
    let hash = handle.best_supported_rsa_hash().await.ok().flatten().flatten();
    for identity in identities {
        let AgentIdentity::PublicKey { key, .. } = identity else { continue };
        let hash = if key.algorithm().is_rsa() { hash } else { None };
        let result =
            handle.authenticate_publickey_with(ssh.user.as_str(), key, hash, &mut agent).await;
        if matches!(result, Ok(AuthResult::Success)) {
            return true;
        }
    }
    false
}
