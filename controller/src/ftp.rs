//! Puts one file on an FTP server (controller contract 15): passive mode, as RFC 959 and RFC 2428 have it, in clear as the contract's
//! clients ask for it. What the server says is bounded, and so is the time it may take.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longest line that a server may say.
const LONGEST: u64 = 4096;
/// Most lines of one reply.
const MOST: usize = 64;

/// Where a file goes.
#[derive(Clone)]
#[allow(missing_docs, reason = "fields of the contract, section 15")]
pub struct Target {
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: String,
    pub folder: String,
}

/// Puts a file there.
///
/// # Errors
/// What went wrong, in words for the user; the password is not among them.
pub async fn put(target: &Target, name: &str, content: &[u8]) -> Result<(), String> {
    let fields = [&target.user, &target.password, &target.folder];
    if fields.iter().any(|text| text.chars().any(char::is_control)) {
        return Err("control characters in a field".to_owned());
    }
    tokio::time::timeout(PATIENCE, upload(target, name, content))
        .await
        .unwrap_or_else(|_| Err("the server took too long".to_owned()))
}

struct Session {
    control: BufReader<TcpStream>,
    peer: SocketAddr,
}

async fn upload(target: &Target, name: &str, content: &[u8]) -> Result<(), String> {
    let control =
        TcpStream::connect((target.host.as_str(), target.port)).await.map_err(|e| e.to_string())?;
    let peer = control.peer_addr().map_err(|error| error.to_string())?;
    let mut session = Session { control: BufReader::new(control), peer };
    expect(session.reply().await?, &[220])?;
    let greeted = session.say(&format!("USER {}", target.user)).await?;
    if expect(greeted, &[230, 331])?.0 == 331 {
        expect(session.say(&format!("PASS {}", target.password)).await?, &[230, 202])?;
    }
    expect(session.say("TYPE I").await?, &[200])?;
    let port = session.passive().await?;
    // To the server itself, whatever address it names: it may stand behind a translation, or mean somebody else.
    let data = SocketAddr::new(session.peer.ip(), port);
    let mut data = TcpStream::connect(data).await.map_err(|error| error.to_string())?;
    let place = format!("{}/{name}", target.folder.trim_end_matches('/'));
    expect(session.say(&format!("STOR {place}")).await?, &[125, 150])?;
    data.write_all(content).await.map_err(|error| error.to_string())?;
    data.shutdown().await.map_err(|error| error.to_string())?;
    drop(data);
    expect(session.reply().await?, &[226, 250])?;
    // Stored; a farewell that fails changes nothing.
    let _ = session.say("QUIT").await;
    Ok(())
}

impl Session {
    async fn say(&mut self, command: &str) -> Result<(u16, String), String> {
        let line = format!("{command}\r\n");
        let stream = self.control.get_mut();
        stream.write_all(line.as_bytes()).await.map_err(|error| error.to_string())?;
        self.reply().await
    }

    /// Code and last line of a reply.
    async fn reply(&mut self) -> Result<(u16, String), String> {
        for _ in 0..MOST {
            let mut line = Vec::new();
            let mut bounded = (&mut self.control).take(LONGEST);
            bounded.read_until(b'\n', &mut line).await.map_err(|error| error.to_string())?;
            if !line.ends_with(b"\n") {
                return Err("the server went away".to_owned());
            }
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            if let Some(code) = last_line(&text) {
                return Ok((code, text));
            }
        }
        Err("the server says too much".to_owned())
    }

    /// The port of a data connection.
    async fn passive(&mut self) -> Result<u16, String> {
        let (code, text) = self.say("EPSV").await?;
        if code == 229
            && let Some(port) = extended_port(&text)
        {
            return Ok(port);
        }
        let (_, text) = expect(self.say("PASV").await?, &[227])?;
        passive_port(&text).ok_or_else(|| format!("the server says {text}"))
    }
}

/// The code, unless more lines follow (`220-`) or it is the text of an earlier one.
fn last_line(text: &str) -> Option<u16> {
    let (code, rest) = text.split_at_checked(3)?;
    if rest.starts_with('-') || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    code.parse().ok()
}

/// `229 … (|||6446|)`.
fn extended_port(text: &str) -> Option<u16> {
    let (_, inner) = text.split_once("(|||")?;
    inner.split_once('|')?.0.parse().ok()
}

/// `227 … (127,0,0,1,25,46)`.
fn passive_port(text: &str) -> Option<u16> {
    let (_, inner) = text.split_once('(')?;
    let numbers: Vec<u8> = inner
        .split_once(')')?
        .0
        .split(',')
        .map(|n| n.trim().parse().ok())
        .collect::<Option<_>>()?;
    match numbers.as_slice() {
        [_, _, _, _, high, low] => Some(u16::from_be_bytes([*high, *low])),
        _ => None,
    }
}

fn expect(reply: (u16, String), codes: &[u16]) -> Result<(u16, String), String> {
    if codes.contains(&reply.0) { Ok(reply) } else { Err(reply.1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies() {
        assert_eq!(last_line("220 hello"), Some(220));
        assert_eq!(last_line("220-hello"), None);
        assert_eq!(last_line(" of the first"), None);
        assert_eq!(last_line("22"), None);
        assert_eq!(extended_port("229 Entering (|||6446|)"), Some(6446));
        assert_eq!(extended_port("229 Entering (|||70000|)"), None);
        assert_eq!(passive_port("227 Entering (127,0,0,1,25,46)."), Some(25 * 256 + 46));
        assert_eq!(passive_port("227 Entering (127,0,0,1,25)"), None);
    }
}
