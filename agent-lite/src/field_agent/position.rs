//! Where the node is, by its address on the internet (agent contract 5.1): asked of a service beside everything else, when
//! the node has an identity and its first pass is over. `gps off` asks nobody (decision 0123).

use std::cell::{Cell, RefCell};
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use serde_json::Value;

use super::FieldAgent;
use crate::config::Setting;
use crate::context::Position;
use crate::domain::Mono;

/// Names another service, or none by an empty value.
const VARIABLE: &str = "IOFOG_GEOLOCATION";
const SERVICE: &str = "http://ip-api.com/json";
/// Answers are some hundred bytes.
const LARGEST: usize = 4096;
const FIRST_PAUSE: Duration = Duration::from_secs(120);
const LONGEST_PAUSE: Duration = Duration::from_secs(6 * 3600);

/// What is known of the node's place on the internet, and when to ask.
#[derive(Debug)]
pub(super) struct Whereabouts {
    /// Who is asked, if anyone.
    service: Option<String>,
    plan: Cell<Plan>,
    external: RefCell<String>,
}

/// When the service is asked: once, again when the mode becomes `auto`, and with growing pauses while it is away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Plan {
    /// It answered.
    answered: bool,
    /// The answer was for the mode `auto`, which lasts since.
    placed: bool,
    /// Failures in a row.
    failures: u32,
    /// Not before.
    due: Mono,
}

/// The service's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Found {
    address: String,
    /// `lat,lon`.
    coordinates: Option<String>,
}

// === impl Whereabouts ===

impl Whereabouts {
    /// Nothing is known yet; whom to ask is looked up once.
    pub(super) fn new() -> Self {
        let service = std::env::var(VARIABLE).unwrap_or_else(|_| SERVICE.to_owned());
        Self {
            service: service.starts_with("http://").then_some(service),
            plan: Cell::default(),
            external: RefCell::default(),
        }
    }

    /// The node's address on the internet; empty when it is not known.
    pub(super) fn external(&self) -> String {
        self.external.borrow().clone()
    }
}

// === impl Plan ===

impl Plan {
    /// What holds in this mode of the position.
    fn in_mode(self, mode: &str) -> Self {
        match mode {
            "off" => Self::default(),
            "auto" => self,
            _ => Self { placed: false, ..self },
        }
    }

    fn is_due(self, mode: &str, now: Mono) -> bool {
        let wanted = mode != "off" && (!self.answered || mode == "auto" && !self.placed);
        wanted && now >= self.due
    }

    /// Asked at `now`: unless an answer comes, the next time is after a pause.
    fn asked(self, now: Mono) -> Self {
        let pause = FIRST_PAUSE.saturating_mul(1 << self.failures.min(10)).min(LONGEST_PAUSE);
        Self { failures: self.failures.saturating_add(1), due: now.after(pause), ..self }
    }

    fn answered(self, mode: &str) -> Self {
        Self { answered: true, placed: mode == "auto", failures: 0, due: self.due }
    }
}

impl FieldAgent {
    /// Asks the service when it is time; never waits for it.
    pub(super) fn look_for_position(&self) {
        let Some(service) = self.core.whereabouts.service.as_deref() else { return };
        let mode = self.core.config.borrow().get(Setting::Gps).to_owned();
        let (now, plan) = (self.core.clock.mono(), self.core.whereabouts.plan.get().in_mode(&mode));
        self.core.whereabouts.plan.set(plan);
        if mode == "off" {
            self.core.whereabouts.external.borrow_mut().clear();
        }
        let settled = self.core.config.borrow().is_provisioned() && self.core.initialised.get();
        if !settled || !plan.is_due(&mode, now) {
            return;
        }
        self.core.whereabouts.plan.set(plan.asked(now));
        let (agent, service) = (self.clone(), service.to_owned());
        iofog_task::spawn(async move {
            match ask(&service).await {
                Ok(found) => agent.take_found(found).await,
                Err(error) => {
                    log::debug!(target: "field-agent", "no position from {service}: {error}")
                }
            }
        });
    }

    async fn take_found(&self, found: Found) {
        let mode = self.core.config.borrow().get(Setting::Gps).to_owned();
        if mode == "off" {
            return;
        }
        let plan = self.core.whereabouts.plan.get();
        self.core.whereabouts.plan.set(plan.answered(&mode));
        if self.core.whereabouts.external.replace(found.address.clone()) != found.address {
            self.core.status_due.notify_one();
        }
        let Some(pair) = found.coordinates.filter(|_| mode == "auto") else { return };
        if self.core.config.borrow().get(Setting::GpsCoordinates) == pair {
            return;
        }
        let set = self.core.config.borrow_mut().set(Setting::GpsCoordinates, &pair);
        if let (Ok(()), Some((latitude, longitude))) = (set, pair.split_once(',')) {
            log::info!(target: "field-agent", "the position of this node is {pair}");
            self.core.context.set_position(Some(Position {
                latitude: latitude.to_owned(),
                longitude: longitude.to_owned(),
                timestamp: self.core.clock.epoch().0,
            }));
            self.save_config();
            self.push_config().await;
        }
    }
}

async fn ask(service: &str) -> io::Result<Found> {
    let mut body = Vec::new();
    iofog_http::get(service, |piece| {
        if body.len() + piece.len() > LARGEST {
            return Err(io::Error::other("too long an answer"));
        }
        body.extend_from_slice(piece);
        Ok(())
    })
    .await?;
    read(&body).ok_or_else(|| io::Error::other("an answer without an address"))
}

fn read(body: &[u8]) -> Option<Found> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let address: IpAddr = answer["query"].as_str()?.parse().ok()?;
    let number = |name: &str, limit: f64| {
        answer[name].as_f64().filter(|value| value.abs() <= limit).map(|value| value.to_string())
    };
    let pair = number("lat", 90.0).zip(number("lon", 180.0));
    let coordinates = pair.map(|(latitude, longitude)| format!("{latitude},{longitude}"));
    Some(Found { address: address.to_string(), coordinates })
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn minutes(count: u64) -> Mono {
        Mono::from_millis(count * 60_000)
    }

    #[test]
    fn answers_are_read_and_nonsense_is_none() {
        let body = br#"{"status":"success","lat":52.52,"lon":-13.405,"query":"198.51.100.7"}"#;
        let found =
            Found { address: "198.51.100.7".into(), coordinates: Some("52.52,-13.405".into()) };
        assert_eq!(read(body), Some(found));
        let without = Found { address: "2001:db8::1".into(), coordinates: None };
        assert_eq!(read(br#"{"lat":91,"lon":0,"query":"2001:db8::1"}"#), Some(without));
        for wrong in [
            &b"<html>"[..],
            b"{}",
            br#"{"query":"host"}"#,
            br#"{"query":7}"#,
            br#"[1]"#,
            br#"{"status":"fail","query":""}"#,
        ] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn it_is_asked_once_and_seldom_while_it_is_away() {
        let mut plan = Plan::default();
        assert!(plan.is_due("auto", minutes(0)) && !plan.is_due("off", minutes(0)));
        let mut asked = Vec::new();
        for minute in 0..24 * 60 {
            if plan.is_due("auto", minutes(minute)) {
                plan = plan.asked(minutes(minute));
                asked.push(minute);
            }
        }
        assert_eq!(asked, [0, 2, 6, 14, 30, 62, 126, 254, 510, 870, 1230]);
        plan = plan.answered("auto");
        assert!(!plan.is_due("auto", minutes(100_000)));
    }

    #[test]
    fn it_is_asked_again_when_the_mode_becomes_auto() {
        let now = minutes(1000);
        let plan = Plan::default().asked(minutes(0)).answered("manual");
        assert!(!plan.is_due("manual", now) && plan.is_due("auto", now));
        let placed = plan.asked(now).answered("auto");
        assert!(!placed.in_mode("auto").is_due("auto", minutes(2000)));
        assert!(placed.in_mode("dynamic").is_due("auto", minutes(2000)));
        assert!(placed.in_mode("off").is_due("auto", minutes(0)));
    }
}
