//! From the start of the program to the first answer of its Local API.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use xtask::tools::process::Daemon;

use super::network::{EDGE_ADDRESS, Network};
use crate::figures::Spread;

const LOCAL_API_PORT: u16 = 54321;
const PATIENCE: Duration = Duration::from_secs(60);

/// Stops and starts the provisioned Agent this often; milliseconds.
///
/// # Errors
/// When it does not answer within a minute.
pub fn measure(network: &mut Network, times: usize) -> Result<Spread> {
    (0..times).map(|_| once(network)).collect::<Result<Vec<_>>>().map(Spread::of)
}

fn once(network: &mut Network) -> Result<f64> {
    network.stop_edge()?;
    let folder = network.edge_folder().display().to_string();
    let daemon = Daemon {
        program: network.program(),
        arguments: vec!["--state-dir".into(), folder, "daemon".into()],
        environment: Vec::new(),
        log: network.edge_log(),
    };
    let start = Instant::now();
    let process = daemon.start()?;
    while !answers() {
        if start.elapsed() > PATIENCE || !process.is_running() {
            bail!("the Agent does not start, see {}", network.edge_log().display());
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    let taken = start.elapsed().as_secs_f64() * 1e3;
    network.started(process);
    Ok(taken)
}

fn answers() -> bool {
    let address = SocketAddr::from((EDGE_ADDRESS, LOCAL_API_PORT));
    let ask = || -> std::io::Result<usize> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(b"GET /v2/status HTTP/1.1\r\nhost: local\r\nconnection: close\r\n\r\n")?;
        stream.read(&mut [0; 16])
    };
    ask().is_ok_and(|count| count > 0)
}
