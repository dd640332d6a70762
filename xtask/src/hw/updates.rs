//! Self-update on an emulated gateway: power cuts at any moment, a good release, a way back, a release that fails.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::guest::{Guest, Power};
use super::release::Releases;
use super::scenario::{AGENT, Gateway, random_below};
use crate::cross::build;
use crate::cross::target;
use crate::tools::{archive, interrupt};

const RECORD: &str = "tail -n +2 /var/lib/iofog-agent/update/boot";
/// What a power cut left: half a program that was being fetched, and the record.
const FOUND: &str =
    "cd /var/lib/iofog-agent/update && { ls */*.part; tail -n +2 boot; } 2>/dev/null";
const GUARD: Duration = Duration::from_secs(480);

impl Gateway<'_> {
    /// Cuts the power `cuts` times at random moments of an update, then lets one through, goes back, and offers a
    /// release that cannot run.
    ///
    /// # Errors
    /// When the gateway does not come back, or is on a release that it should not be on.
    pub fn survives_updates(&mut self, cuts: u32, releases: &Releases) -> Result<()> {
        let target = target::find(self.machine.name)?;
        let program = build::folder().join(target.triple).join("edge/iofog-agent");
        let program = std::fs::read(&program).context("no program to update to")?;
        // Loaders ignore what comes after the last segment: the same program, yet another file.
        let release = |number: u32| [&program[..], format!("release {number}").as_bytes()].concat();
        let mut number = 1;
        let mut moments = Moments::default();
        let mut guest = self.power_on(Power::default())?;
        for cut in 1..=cuts {
            number += 1;
            releases.offer(number, target.name, &release(number))?;
            self.restart(&mut guest)?;
            self.upgrade(&mut guest, number)?;
            std::thread::sleep(Duration::from_millis(u64::from(moment()?)));
            guest.cut_power()?;
            *self.figures.cuts_update.get_or_insert(0) += 1;
            guest = self.power_on(Power::default())?;
            moments.count(&guest.run(FOUND)?.text, number)?;
            self.wait_connected(&mut guest)?;
            let runs = running(&self.wait_decided(&mut guest)?);
            let whole = match u32::try_from(runs)? {
                0 => program.clone(),
                before => release(before),
            };
            // A trial is given up on record first, then the program before it starts.
            let whole = archive::hex(&whole);
            guest
                .wait(&format!("sha256sum /proc/$(echo $({AGENT}))/exe"), |out| {
                    out.text.starts_with(&whole)
                })
                .with_context(|| format!("release {runs} is on record, another program runs"))?;
            moments.stayed += u32::from(runs != u64::from(number));
            if cut % 10 == 0 || cut == cuts {
                self.say(&format!(
                    "{cut} power cuts during updates, came back each time: {moments}"
                ));
            }
        }
        guest.cut_power()?;
        let mut guest = self.power_on(Power::default())?;
        self.wait_connected(&mut guest)?;
        number += 1;
        releases.offer(number, target.name, &release(number))?;
        self.restart(&mut guest)?;
        self.upgrade(&mut guest, number)?;
        let record = self.wait_running(&mut guest, u64::from(number))?;
        let before = version(&record, &record["previous"]);
        self.wait_connected(&mut guest)?;
        self.roll_back(&mut guest)?;
        self.wait_running(&mut guest, before)?;
        self.wait_connected(&mut guest)?;
        number += 1;
        releases.offer(number, target.name, b"#!/bin/sh\nexit 1\n")?;
        self.restart(&mut guest)?;
        self.upgrade(&mut guest, number)?;
        let record = self.wait_failed(&mut guest, number)?;
        ensure!(running(&record) == before, "not back on release {before}: {record}");
        self.wait_connected(&mut guest)?;
        self.say("upgraded, rolled back, and came back by itself from a release that does not run");
        guest.shut_down()
    }

    /// Offers are looked for at the start and once a day: a new start is the quick way here.
    fn restart(&self, guest: &mut Guest) -> Result<()> {
        self.wait_connected(guest)?;
        let before = guest.must(AGENT)?;
        guest.must(&format!("kill {}", before.trim()))?;
        guest.wait(AGENT, |out| !out.text.trim().is_empty() && out.text != before)?;
        self.wait_connected(guest)
    }

    /// Orders release `number`, unless the gateway is at it already: an order that the last cut did not let it answer is
    /// given again when it connects, and takes what is on offer by then.
    fn upgrade(&self, guest: &mut Guest, number: u32) -> Result<()> {
        let path = format!("/iofog/{}/version/upgrade", self.host.edge);
        let deadline = Instant::now() + GUARD;
        loop {
            if self.host.edge_view()?["isReadyToUpgrade"] == true
                && self.host.rest.call("POST", &path, None)?.status == 204
            {
                return Ok(());
            }
            let record = record(guest)?;
            let taken = [&record["trial"]["program"], &record["confirmed"]];
            if taken.iter().any(|program| version(&record, program) == u64::from(number)) {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "it takes no release {number}: {record}");
            interrupt::sleep(Duration::from_millis(100))?;
        }
    }

    /// Orders the way back once the Controller knows that there is one.
    fn roll_back(&self, guest: &mut Guest) -> Result<()> {
        let path = format!("/iofog/{}/version/rollback", self.host.edge);
        let deadline = Instant::now() + GUARD;
        while self.host.edge_view()?["isReadyToRollback"] != true {
            if Instant::now() > deadline {
                let itself = guest.run("iofog-agent checkUpgradeReady")?.text;
                bail!("the Controller knows of no way back; the gateway says: {itself}");
            }
            interrupt::sleep(Duration::from_millis(100))?;
        }
        self.host.rest.call("POST", &path, None)?.expect(&[204])?;
        Ok(())
    }

    fn wait_decided(&self, guest: &mut Guest) -> Result<Value> {
        self.wait_record(guest, "a decision", |record| record["trial"].is_null())
    }

    fn wait_running(&self, guest: &mut Guest, number: u64) -> Result<Value> {
        let wanted = format!("release {number}");
        self.wait_record(guest, &wanted, |record| {
            record["trial"].is_null() && running(record) == number
        })
    }

    fn wait_failed(&self, guest: &mut Guest, number: u32) -> Result<Value> {
        let wanted = format!("the failure of release {number}");
        self.wait_record(guest, &wanted, |record| {
            record["trial"].is_null()
                && record["failed"].as_array().is_some_and(|list| list.contains(&number.into()))
        })
    }

    fn wait_record(
        &self,
        guest: &mut Guest,
        wanted: &str,
        is_there: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        let deadline = Instant::now() + GUARD;
        loop {
            let record = record(guest)?;
            if is_there(&record) {
                return Ok(record);
            }
            if Instant::now() > deadline {
                bail!("no {wanted} in the boot record: {record}");
            }
            interrupt::sleep(Duration::from_millis(200))?;
        }
    }
}

/// The boot record. Before the first update there is none; anything else must be whole.
fn record(guest: &mut Guest) -> Result<Value> {
    let text = guest.run(RECORD)?.text;
    match text.trim_start().starts_with('{') {
        true => serde_json::from_str(&text).with_context(|| format!("record: {text}")),
        false => Ok(Value::Null),
    }
}

/// In which part of an update the power went, by what was found at the start after it.
#[derive(Debug, Default)]
struct Moments {
    before: u32,
    fetching: u32,
    trial: u32,
    after: u32,
    /// Of all, those after which the release before stayed.
    stayed: u32,
}

impl Moments {
    fn count(&mut self, found: &str, offered: u32) -> Result<()> {
        let record = match found.find('{') {
            Some(at) => serde_json::from_str(&found[at..]).context("a damaged boot record")?,
            None => Value::Null,
        };
        let moment = if !record["trial"].is_null() {
            &mut self.trial
        } else if running(&record) == u64::from(offered) {
            &mut self.after
        } else if found.contains(".part") {
            &mut self.fetching
        } else {
            &mut self.before
        };
        *moment += 1;
        Ok(())
    }
}

impl fmt::Display for Moments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} before anything was on the disk, {} with a part of the program, {} on trial, {} after it; \
             {} times it stayed on the release before",
            self.before, self.fetching, self.trial, self.after, self.stayed
        )
    }
}

/// Milliseconds after the order, up to 6 s, half of them below 1.2 s: that is when a program is fetched and written.
fn moment() -> Result<u32> {
    random_below(1 + random_below(6000)?)
}

/// Release that a record runs; 0 for the installed program.
fn running(record: &Value) -> u64 {
    version(record, &record["confirmed"])
}

fn version(record: &Value, program: &Value) -> u64 {
    let slot = program["slot"].as_str().unwrap_or_default();
    record[slot]["version"].as_u64().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::Moments;

    #[test]
    fn moments_are_told_apart() {
        let mut moments = Moments::default();
        let confirmed = |slot: &str| {
            format!(
                r#"{{"confirmed":{{"slot":"{slot}"}},"a":{{"version":7}},"b":{{"version":8}},"trial":null}}"#
            )
        };
        let trial = r#"{"confirmed":{"slot":"a"},"a":{"version":7},"b":{"version":8},"trial":{"program":{"slot":"b"}}}"#;
        for found in [
            "",
            &confirmed("a"),
            &format!("b.part\n{}", confirmed("a")),
            "a.part\n",
            trial,
            &confirmed("b"),
        ] {
            moments.count(found, 8).unwrap();
        }
        let counted = (moments.before, moments.fetching, moments.trial, moments.after);
        assert_eq!(counted, (2, 2, 1, 1));
        assert!(moments.count("{\"confirmed\":", 8).is_err());
    }
}
