//! Keys with which the devices of a batch enrol themselves (decision 0130): their limits, and what the new agents get.

use std::net::IpAddr;

use iofog_api::{ApiError, ErrorClass, Fields};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::fog::FogSettings;
use super::router::RouterRequest;

/// Letters of a key.
pub const KEY_LENGTH: usize = 32;
/// Stands for the device in the name of its agent.
const DEVICE: &str = "{device}";
/// Characters of a device's id.
const LONGEST_DEVICE: usize = 64;
/// Characters of a name before the device stands in it.
const LONGEST_NAME: usize = 128;
/// Characters of a device's proof: it is random, so that nobody guesses it.
const PROOF: std::ops::RangeInclusive<usize> = 32..=128;
const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 3_600_000;
/// Most devices of a key, most hours, most new devices in a minute.
pub const MOST: [i64; 3] = [1_000_000, 100_000, 100_000];

/// What all agents of a batch have in common.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Terms {
    /// For people.
    pub name: String,
    /// Name of an agent, with [`DEVICE`] in it.
    pub agent_name: String,
    /// New devices in a minute.
    pub per_minute: i64,
    /// Fields of the new agents, as `POST /iofog` takes them.
    pub agent: Map<String, Value>,
}

/// A key, without the key itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Row.
    pub id: i64,
    /// Owner, of the new agents too.
    pub user_id: i64,
    /// Creation, epoch ms.
    pub created: i64,
    /// End, epoch ms.
    pub expires: i64,
    /// Devices it is good for.
    pub devices: i64,
    /// Devices that enrolled with it.
    pub used: i64,
    /// Start of the minute that is counted, epoch ms.
    pub minute: i64,
    /// New devices in it.
    pub in_minute: i64,
    /// The rest.
    pub terms: Terms,
}

/// What a device sends.
#[derive(Clone, PartialEq, Eq)]
pub struct Device {
    /// Tells it from the others of the batch.
    pub id: String,
    /// A secret of its own: with it alone it is given its agent again.
    pub proof: String,
    /// Its address.
    pub host: Option<IpAddr>,
}

impl Batch {
    /// Reads the body of a new key.
    ///
    /// # Errors
    /// When a field is missing, of the wrong type or out of bounds.
    pub fn read(user_id: i64, body: &Fields<'_>, now: i64) -> Result<Self, ApiError> {
        let [devices, hours, per_minute] = MOST;
        let name = body.required_string("name", 1)?;
        let agent_name = body.string("agentName")?.unwrap_or_else(|| DEVICE.to_owned());
        if agent_name.matches(DEVICE).count() != 1
            || agent_name.len() > LONGEST_NAME
            || agent_name.chars().any(char::is_control)
        {
            return Err(ApiError::validation(format!(
                "agentName must hold {DEVICE} once and have at most {LONGEST_NAME} characters"
            )));
        }
        let agent = match body.object("agent")? {
            Some(fields) => agent(&fields, body.get("agent"))?,
            None => Map::new(),
        };
        Ok(Self {
            id: 0,
            user_id,
            created: now,
            expires: now + body.required_integer("validHours", 1, hours)? * HOUR_MS,
            devices: body.required_integer("devices", 1, devices)?,
            used: 0,
            minute: now,
            in_minute: 0,
            terms: Terms {
                name,
                agent_name,
                per_minute: body.integer("perMinute", 1, per_minute)?.unwrap_or(60),
                agent,
            },
        })
    }

    /// Refuses whoever comes too late.
    ///
    /// # Errors
    /// `Expired enrolment key`.
    pub fn check(&self, now: i64) -> Result<(), ApiError> {
        if self.expires < now {
            return Err(ApiError::new(ErrorClass::Authentication, "Expired enrolment key"));
        }
        Ok(())
    }

    /// Counts one more device.
    ///
    /// # Errors
    /// `Used up enrolment key`, or too many in this minute.
    pub fn admit(&mut self, now: i64) -> Result<(), ApiError> {
        if self.used >= self.devices {
            return Err(ApiError::new(ErrorClass::Authentication, "Used up enrolment key"));
        }
        // A clock that went back begins a new minute too.
        if !(self.minute..self.minute.saturating_add(MINUTE_MS)).contains(&now) {
            (self.minute, self.in_minute) = (now, 0);
        }
        if self.in_minute >= self.terms.per_minute {
            let text = "Too many devices enrol at once, try again later";
            return Err(ApiError::new(ErrorClass::TooMany, text));
        }
        self.in_minute += 1;
        self.used += 1;
        Ok(())
    }

    /// The body of `POST /iofog` for a device.
    #[must_use]
    pub fn agent(&self, device: &Device, fog_type: i64) -> Value {
        let mut body = self.terms.agent.clone();
        body.insert("name".to_owned(), self.terms.agent_name.replace(DEVICE, &device.id).into());
        body.insert("fogType".to_owned(), fog_type.into());
        if let (None, Some(host)) = (body.get("host"), device.host) {
            body.insert("host".to_owned(), host.to_string().into());
        }
        Value::Object(body)
    }

    /// As its owner sees it.
    #[must_use]
    pub fn shown(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.terms.name,
            "agentName": self.terms.agent_name,
            "perMinute": self.terms.per_minute,
            "agent": self.terms.agent,
            "devices": self.devices,
            "enrolled": self.used,
            "createdAt": iofog_api::time::iso(self.created),
            "expirationTime": self.expires,
        })
    }
}

/// Fields that every agent of a batch may have; those of the backbone are made one by one.
fn agent(fields: &Fields<'_>, value: Option<&Value>) -> Result<Map<String, Value>, ApiError> {
    for name in ["name", "fogType", "isSystem"] {
        if fields.has(name) {
            let path = fields.path(name);
            return Err(ApiError::validation(format!("{path} is each agent's own")));
        }
    }
    FogSettings::default().update(fields)?;
    fields.one_of("routerMode", &["none", "edge"])?;
    RouterRequest::read(fields)?;
    Ok(value.and_then(Value::as_object).cloned().unwrap_or_default())
}

impl Device {
    /// Reads what a device sends.
    ///
    /// # Errors
    /// When a field is missing or makes no sense.
    pub fn read(body: &Fields<'_>) -> Result<Self, ApiError> {
        let id = body.required_string("device", 1)?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        if id.len() > LONGEST_DEVICE || !id.bytes().all(plain) {
            return Err(ApiError::validation("Invalid format for field 'device'"));
        }
        let proof = body.required_string("proof", *PROOF.start())?;
        if proof.len() > *PROOF.end() {
            return Err(ApiError::validation("Invalid format for field 'proof'"));
        }
        let host = match body.string("host")? {
            Some(host) => Some(
                host.parse()
                    .map_err(|_| ApiError::validation("Invalid format for field 'host'"))?,
            ),
            None => None,
        };
        Ok(Self { id, proof, host })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(body: Value) -> Result<Batch, ApiError> {
        Batch::read(1, &Fields::of(&body).unwrap(), 1000)
    }

    #[test]
    fn a_key_has_a_count_a_rate_and_an_end() {
        let mut one =
            batch(json!({ "name": "b", "devices": 3, "validHours": 1, "perMinute": 2 })).unwrap();
        one.check(1000 + HOUR_MS).unwrap();
        assert!(one.check(1001 + HOUR_MS).is_err());
        let late = 1000 + MINUTE_MS;
        for (now, refused) in [
            (1000, None),
            (late - 1, None),
            (late - 1, Some(ErrorClass::TooMany)),
            (late, None),
            (late, Some(ErrorClass::Authentication)),
        ] {
            assert_eq!(one.admit(now).err().map(|error| error.class), refused, "{now}");
        }
        assert_eq!((one.used, one.in_minute), (3, 1));
    }

    #[test]
    fn a_clock_that_goes_back_keeps_nobody_out() {
        let body = json!({ "name": "b", "devices": 9, "validHours": 1, "perMinute": 1 });
        let mut one = batch(body).unwrap();
        one.admit(2000).unwrap();
        assert!(one.admit(2001).is_err());
        one.admit(5).unwrap();
    }

    #[test]
    fn agents_have_their_device_in_their_name() {
        let body = json!({ "name": "b", "devices": 3, "validHours": 1, "agentName": "shop-{device}",
            "agent": { "tags": ["shop"], "logLevel": "FINE" } });
        let device =
            Device { id: "00ff".to_owned(), proof: String::new(), host: "10.0.0.9".parse().ok() };
        let made = batch(body.clone()).unwrap().agent(&device, 2);
        let wanted = json!({ "name": "shop-00ff", "fogType": 2, "host": "10.0.0.9",
            "tags": ["shop"], "logLevel": "FINE" });
        assert_eq!(made, wanted);
        for (path, value) in [
            ("/agentName", json!("shop")),
            ("/agentName", json!("{device}{device}")),
            ("/devices", json!(0)),
            ("/validHours", json!(null)),
            ("/agent", json!({ "isSystem": true })),
            ("/agent", json!({ "routerMode": "interior" })),
            ("/agent", json!({ "tags": 5 })),
        ] {
            let mut wrong = body.clone();
            match wrong.pointer_mut(path) {
                Some(place) => *place = value.clone(),
                None => panic!("{path}"),
            }
            assert!(batch(wrong).is_err(), "{path} {value}");
        }
    }

    #[test]
    fn devices_are_read_strictly() {
        let good = json!({ "device": "a-B_0.9", "proof": "p".repeat(32), "host": "::1" });
        assert!(Device::read(&Fields::of(&good).unwrap()).is_ok());
        for (name, value) in [
            ("device", json!("")),
            ("device", json!("a b")),
            ("device", json!("a".repeat(65))),
            ("proof", json!("p".repeat(31))),
            ("proof", json!("p".repeat(129))),
            ("host", json!("evil.example\"")),
        ] {
            let mut wrong = good.clone();
            wrong[name] = value.clone();
            assert!(Device::read(&Fields::of(&wrong).unwrap()).is_err(), "{name} {value}");
        }
    }
}
