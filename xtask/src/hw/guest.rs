//! A running machine: started, spoken to over its serial console, its power cut at will.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::image::Boot;
use super::machine::Machine;
use crate::tools::interrupt;

/// Nothing in a guest takes longer, however busy this machine is.
const HANG: Duration = Duration::from_secs(480);

/// How a machine is started.
#[derive(Clone, Copy, Debug, Default)]
pub struct Power {
    /// Without a network card.
    pub no_network: bool,
    /// Clock at the start of the epoch, as on a board without a battery.
    pub epoch_clock: bool,
    /// Address of the network card; the emulator's own unless given.
    pub mac: Option<&'static str>,
}

/// What a command in the guest printed and its status.
#[derive(Debug)]
pub struct Outcome {
    /// Exit status.
    pub status: i32,
    /// Standard output and error.
    pub text: String,
}

/// A running machine; its power is cut when dropped.
#[derive(Debug)]
pub struct Guest {
    process: Child,
    keyboard: ChildStdin,
    lines: Receiver<String>,
    started: Instant,
    /// Seconds of the guest's own clock since its kernel started, at the first prompt.
    pub ready_after: f32,
}

impl Guest {
    /// Starts a machine with this disk and waits for its console.
    ///
    /// # Errors
    /// When QEMU does not start or the guest does not come up; the end of its console is in the message.
    pub fn start(
        machine: &Machine,
        boot: &Boot,
        disk: &Path,
        log: &Path,
        power: Power,
    ) -> Result<Self> {
        let line = format!("console={} panic=-1 quiet loglevel=3", machine.console);
        let mut command = Command::new(machine.emulator);
        command
            .args(machine.board)
            .args([
                "-m",
                &machine.memory.to_string(),
                "-nographic",
                "-no-reboot",
                "-monitor",
                "none",
            ])
            .args(["-serial", "stdio", "-append", &line])
            .arg("-kernel")
            .arg(&boot.kernel)
            .arg("-initrd")
            .arg(&boot.initramfs)
            .args(["-drive", &format!("if=none,id=disk,format=raw,file={}", disk.display())])
            .args(["-device", &format!("{},drive=disk", machine.disk_device)]);
        if power.no_network {
            command.args(["-nic", "none"]);
        } else {
            let mac = power.mac.map_or_else(String::new, |mac| format!(",mac={mac}"));
            command
                .args(["-netdev", "user,id=net"])
                .args(["-device", &format!("{},netdev=net{mac}", machine.network_device)]);
        }
        if power.epoch_clock {
            command.args(["-rtc", "base=1970-01-01T00:00:00"]);
        }
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .with_context(|| format!("cannot run {}", machine.emulator))?;
        let keyboard = process.stdin.take().context("no console to write to")?;
        let output = process.stdout.take().context("no console to read from")?;
        let mut copy = File::options().create(true).append(true).open(log)?;
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).split(b'\n') {
                let Ok(line) = line else { break };
                let line = String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned();
                let _ = writeln!(copy, "{line}");
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let mut guest =
            Self { process, keyboard, lines, started: Instant::now(), ready_after: 0.0 };
        let (rest, _) = guest.until("@@ ready ")?;
        guest.ready_after = rest.trim().parse().unwrap_or_default();
        Ok(guest)
    }

    /// Runs one line of shell and returns what it printed.
    ///
    /// # Errors
    /// When the guest ends or hangs meanwhile.
    pub fn run(&mut self, line: &str) -> Result<Outcome> {
        ensure!(!line.contains('\n') && line.len() < 4000, "one short line at a time");
        writeln!(self.keyboard, "{line}").context("the guest is gone")?;
        self.keyboard.flush()?;
        let (rest, text) = self.until("@@ ").with_context(|| format!("guest: {line}"))?;
        // A console that was not quiet yet repeats what was typed.
        let text = text.strip_prefix(line).map_or(text.as_str(), str::trim_start).to_owned();
        Ok(Outcome { status: rest.trim().parse().unwrap_or(-1), text })
    }

    /// As [`Guest::run`], for a command that must succeed.
    ///
    /// # Errors
    /// Also when its status is not 0.
    pub fn must(&mut self, line: &str) -> Result<String> {
        let outcome = self.run(line)?;
        ensure!(outcome.status == 0, "guest: {line}: status {}: {}", outcome.status, outcome.text);
        Ok(outcome.text)
    }

    /// Repeats a command until its output satisfies `wanted`.
    ///
    /// # Errors
    /// When it does not within the hang guard; the last output is in the message.
    pub fn wait(&mut self, line: &str, wanted: impl Fn(&Outcome) -> bool) -> Result<String> {
        let deadline = Instant::now() + HANG;
        loop {
            let outcome = self.run(line)?;
            if wanted(&outcome) {
                return Ok(outcome.text);
            }
            if Instant::now() > deadline {
                bail!("guest: {line}: still: {}", outcome.text);
            }
            interrupt::sleep(Duration::from_millis(200))?;
        }
    }

    /// Seconds since the power came on, by this machine's clock.
    pub fn age(&self) -> f32 {
        self.started.elapsed().as_secs_f32()
    }

    /// Cuts the power at once: what the guest had not written is lost.
    ///
    /// # Errors
    /// When QEMU cannot be ended.
    pub fn cut_power(mut self) -> Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    /// Ends as a person would: written buffers first.
    ///
    /// # Errors
    /// When the guest does not obey.
    pub fn shut_down(mut self) -> Result<()> {
        self.must("sync; mount -o remount,ro / 2>/dev/null; sync")?;
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    /// Reads lines until one starts with `mark`: its rest, and the lines before.
    fn until(&mut self, mark: &str) -> Result<(String, String)> {
        let deadline = Instant::now() + HANG;
        let mut text = String::new();
        loop {
            interrupt::sleep(Duration::ZERO)?;
            match self.lines.recv_timeout(Duration::from_millis(200)) {
                Ok(line) => match line.find(mark) {
                    Some(at) => {
                        text.push_str(&line[..at]);
                        return Ok((line[at + mark.len()..].to_owned(), text));
                    }
                    None => {
                        text.push_str(&line);
                        text.push('\n');
                    }
                },
                Err(RecvTimeoutError::Timeout) if Instant::now() < deadline => {}
                Err(RecvTimeoutError::Timeout) => bail!("the guest hangs: {}", end(&text)),
                Err(RecvTimeoutError::Disconnected) => bail!("the guest ended: {}", end(&text)),
            }
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn end(text: &str) -> String {
    let lines: Vec<&str> = text.lines().rev().take(12).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}
