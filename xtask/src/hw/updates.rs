//! Self-update on an emulated gateway: power cuts at any moment, a good release, a way back, a release that fails.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::guest::{Guest, Power};
use super::release::Releases;
use super::scenario::{AGENT, Gateway, random_below};
use crate::cross::build;
use crate::cross::target;
use crate::tools::interrupt;

const RECORD: &str = "tail -n +2 /var/lib/iofog-agent/update/boot";
const GUARD: Duration = Duration::from_secs(180);

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
        let mut interrupted = 0;
        for _ in 0..cuts {
            number += 1;
            releases.offer(number, target.name, &release(number))?;
            let mut guest = self.power_on(Power::default())?;
            self.wait_connected(&mut guest)?;
            self.order(&mut guest, "upgrade")?;
            std::thread::sleep(Duration::from_millis(u64::from(random_below(12_000)?)));
            guest.cut_power()?;
            self.figures.cuts_update += 1;
            let mut guest = self.power_on(Power::default())?;
            self.wait_connected(&mut guest)?;
            let record = self.wait_decided(&mut guest)?;
            interrupted += u32::from(running(&record) != u64::from(number));
            guest.cut_power()?;
        }
        self.say(&format!(
            "{cuts} power cuts during updates: it came back each time, {interrupted} times on the release before"
        ));
        let mut guest = self.power_on(Power::default())?;
        self.wait_connected(&mut guest)?;
        let before = running(&self.wait_decided(&mut guest)?);
        number += 1;
        releases.offer(number, target.name, &release(number))?;
        // Offers are looked for at the start and once a day: a new start is the quick way here.
        guest.must(&format!("kill $({AGENT})"))?;
        self.wait_connected(&mut guest)?;
        self.order(&mut guest, "upgrade")?;
        self.wait_running(&mut guest, u64::from(number))?;
        self.wait_connected(&mut guest)?;
        self.order(&mut guest, "rollback")?;
        self.wait_running(&mut guest, before)?;
        self.wait_connected(&mut guest)?;
        number += 1;
        releases.offer(number, target.name, b"#!/bin/sh\nexit 1\n")?;
        guest.must(&format!("kill $({AGENT})"))?;
        self.wait_connected(&mut guest)?;
        self.order(&mut guest, "upgrade")?;
        let record = self.wait_failed(&mut guest, number)?;
        ensure!(running(&record) == before, "not back on release {before}: {record}");
        self.wait_connected(&mut guest)?;
        self.say("upgraded, rolled back, and came back by itself from a release that does not run");
        guest.shut_down()
    }

    /// Orders once the Controller knows that the gateway is ready for it.
    fn order(&self, guest: &mut Guest, command: &str) -> Result<()> {
        let path = format!("/iofog/{}/version/{command}", self.host.edge);
        let ready = if command == "upgrade" { "isReadyToUpgrade" } else { "isReadyToRollback" };
        let deadline = Instant::now() + GUARD;
        loop {
            if self.host.edge_view()?[ready] == true {
                let answer = self.host.rest.call("POST", &path, None)?;
                answer.expect(&[204])?;
                return Ok(());
            }
            if Instant::now() > deadline {
                let itself = guest.run("iofog-agent checkUpgradeReady")?.text;
                bail!("the Controller does not know it ready for {command}; it says: {itself}");
            }
            interrupt::sleep(Duration::from_millis(100))?;
        }
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
            let text = guest.run(RECORD)?.text;
            // Before the first update there is none; anything else must be whole.
            let record: Value = match text.trim_start().starts_with('{') {
                true => serde_json::from_str(&text).with_context(|| format!("record: {text}"))?,
                false => Value::Null,
            };
            if is_there(&record) {
                return Ok(record);
            }
            if Instant::now() > deadline {
                bail!("no {wanted} in the boot record: {text}");
            }
            interrupt::sleep(Duration::from_millis(200))?;
        }
    }
}

/// Release that a record runs; 0 for the installed program.
fn running(record: &Value) -> u64 {
    let slot = record["confirmed"]["slot"].as_str().unwrap_or_default();
    record[slot]["version"].as_u64().unwrap_or_default()
}
