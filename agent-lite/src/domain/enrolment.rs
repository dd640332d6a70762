//! Enrolment of a device at its first start (decision 0130): what the image brings, what the device remembers, and when it asks again.

use std::time::Duration;

/// Characters of a device's id.
const LONGEST_DEVICE: usize = 64;
const FIRST_LINE: &str = "iofog-enrolment 1";
/// The longest that a Controller may send a device away for.
const LONGEST_TOLD: Duration = Duration::from_secs(3600);
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----";
const END_OF_CERTIFICATE: &str = "-----END CERTIFICATE-----";

/// The `first-boot` file of an image.
#[derive(Clone, PartialEq, Eq)]
pub struct FirstBoot {
    /// URL of the Controller.
    pub controller: String,
    /// Key of the batch, a secret.
    pub key: String,
    /// What tells this device from the others.
    pub device: DeviceSource,
    /// PEM text of a certificate to believe.
    pub certificate: Option<String>,
}

/// Where a device's id comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceSource {
    /// Hardware address: of the interface named, else of the first one that has one of its own.
    Mac(Option<String>),
    /// Serial number in the device tree.
    Serial,
    /// `/etc/machine-id`.
    MachineId,
    /// The first line of a file.
    File(String),
}

/// What is wrong with the file; it never says what stands in it, as that may be the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("first-boot line {line}: {reason}")]
pub struct FirstBootError {
    line: usize,
    reason: &'static str,
}

impl FirstBoot {
    /// Reads the file. Its last line is `end`: without it, the file is not whole yet.
    ///
    /// # Errors
    /// Naming the line and the rule.
    pub fn parse(text: &str) -> Result<Self, FirstBootError> {
        let (mut controller, mut key, mut device) = (None, None, DeviceSource::Mac(None));
        let mut certificate = String::new();
        let mut is_inside = false;
        let mut lines = text.lines().enumerate();
        let mut last = 0;
        let fail = |line: usize, reason| Err(FirstBootError { line, reason });
        loop {
            let Some((at, line)) = lines.next() else {
                return fail(last + 1, "expected end: the file is not whole");
            };
            let (number, line) = (at + 1, line.trim());
            last = number;
            if is_inside || line == CERTIFICATE {
                certificate.push_str(line);
                certificate.push('\n');
                is_inside = line != END_OF_CERTIFICATE;
                continue;
            }
            if line == "end" {
                break;
            }
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let Some((name, value)) = line.split_once('=') else {
                return fail(number, "expected name = value");
            };
            let value = value.trim();
            match name.trim() {
                "controller" if is_url(value) => controller = Some(value.to_owned()),
                "controller" => return fail(number, "controller: expected http(s)://..."),
                "key" if is_word(value) => key = Some(value.to_owned()),
                "key" => return fail(number, "key: expected letters and digits"),
                "device" => match source(value) {
                    Some(source) => device = source,
                    None => {
                        let reason =
                            "device: expected mac, mac:INTERFACE, serial, machine-id or file:/PATH";
                        return fail(number, reason);
                    }
                },
                _ => return fail(number, "unknown name; known are controller, key, device"),
            }
        }
        if lines.any(|(_, line)| !line.trim().is_empty()) {
            return fail(last + 1, "nothing may follow end");
        }
        let Some(controller) = controller else { return fail(last, "controller is missing") };
        let Some(key) = key else { return fail(last, "key is missing") };
        let certificate = Some(certificate).filter(|text| !text.is_empty());
        Ok(Self { controller, key, device, certificate })
    }
}

fn is_url(value: &str) -> bool {
    let rest = value.strip_prefix("https://").or_else(|| value.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty())
}

fn is_word(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn source(value: &str) -> Option<DeviceSource> {
    match value.split_once(':') {
        None if value == "mac" => Some(DeviceSource::Mac(None)),
        None if value == "serial" => Some(DeviceSource::Serial),
        None if value == "machine-id" => Some(DeviceSource::MachineId),
        Some(("mac", name)) if !name.is_empty() && !name.contains(['/', '.']) => {
            Some(DeviceSource::Mac(Some(name.to_owned())))
        }
        Some(("file", path)) if path.starts_with('/') => Some(DeviceSource::File(path.to_owned())),
        _ => None,
    }
}

/// A device's id from what stands on it: letters, digits, `-`, `.` and `_`. None when nothing of it tells devices apart.
pub fn device_id(text: &str) -> Option<String> {
    let plain = |one: &char| one.is_ascii_alphanumeric() || matches!(one, '-' | '.' | '_');
    let id: String = text
        .trim_matches(['\0', ' ', '\t', '\r', '\n'])
        .chars()
        .filter(plain)
        .map(|one| one.to_ascii_lowercase())
        .collect();
    let tells = |one: char| one.is_ascii_alphanumeric() && one != '0';
    let is_blank = id.bytes().all(|byte| byte == b'f');
    (id.len() <= LONGEST_DEVICE && id.chars().any(tells) && !is_blank).then_some(id)
}

/// What a device remembers of its enrolment.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// Its id.
    pub device: String,
    /// A secret of its own, with which it finds its agent again.
    pub proof: String,
    /// SHA-256 of a file that was used and could not be removed.
    pub done: Option<String>,
}

impl Record {
    /// The record as it is kept.
    pub fn encode(&self) -> String {
        let done = self.done.as_ref().map_or_else(String::new, |hash| format!("done {hash}\n"));
        format!("{FIRST_LINE}\ndevice {}\nproof {}\n{done}", self.device, self.proof)
    }

    /// Reads it; none when it is damaged.
    pub fn decode(text: &str) -> Option<Self> {
        let text = text.strip_suffix('\n')?;
        let mut lines = text.split('\n');
        let mut field = |name| lines.next()?.strip_prefix(name).map(str::to_owned);
        field(FIRST_LINE).filter(String::is_empty)?;
        let (device, proof) = (field("device ")?, field("proof ")?);
        // A third line is that, or the record is damaged.
        let done = match lines.next() {
            Some(line) => Some(line.strip_prefix("done ")?.to_owned()),
            None => None,
        };
        let is_whole = device_id(&device).as_deref() == Some(device.as_str()) && is_word(&proof);
        (is_whole && lines.next().is_none()).then_some(Self { device, proof, done })
    }
}

/// Why it did not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setback {
    /// Something on the way or on this device that may be over soon.
    Passing,
    /// The Controller said no: only people can change that.
    Refused,
}

/// When it is tried again: growing pauses, each between half and the whole, so that a thousand devices do not come at once.
#[derive(Clone, Debug, Default)]
pub struct Pauses {
    tries: u32,
}

impl Pauses {
    /// The pause after a setback. `random` is any number. Whoever was told when to come (`told`) comes after that, up to half of
    /// it later.
    pub fn next(&mut self, setback: Setback, told: Option<Duration>, random: u32) -> Duration {
        let (first, longest) = match setback {
            Setback::Passing => (Duration::from_secs(5), Duration::from_secs(300)),
            Setback::Refused => (Duration::from_secs(60), Duration::from_secs(3600)),
        };
        let whole = first.saturating_mul(1 << self.tries.min(10)).min(longest);
        self.tries = self.tries.saturating_add(1);
        let spread = f64::from(random) / f64::from(u32::MAX);
        let after = |least: Duration, most: Duration| least + most.mul_f64(spread);
        let pause = after(whole / 2, whole / 2);
        told.map(|told| told.min(LONGEST_TOLD))
            .map_or(pause, |told| pause.max(after(told, told / 2)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "# batch of spring\ncontroller = https://ecn.example.org:51121/api/v3\n\
        key = bcdfghjk2346789bcdfghjk234678977\ndevice = mac:eth0\n\n-----BEGIN CERTIFICATE-----\nMIIB\n\
        -----END CERTIFICATE-----\nend\n";

    fn wrong(text: &str) -> String {
        FirstBoot::parse(text).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_file_is_read_whole() {
        let read = FirstBoot::parse(WHOLE).ok().unwrap();
        assert_eq!(read.controller, "https://ecn.example.org:51121/api/v3");
        assert_eq!(read.key, "bcdfghjk2346789bcdfghjk234678977");
        assert_eq!(read.device, DeviceSource::Mac(Some("eth0".to_owned())));
        let pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
        assert_eq!(read.certificate.as_deref(), Some(pem));
    }

    #[test]
    fn cut_at_any_byte_it_is_not_whole() {
        for at in 0..WHOLE.len() - 1 {
            assert_ne!(wrong(&WHOLE[..at]), "", "cut at {at}");
        }
        assert_eq!(wrong(&WHOLE[..WHOLE.len() - 1]), "", "all of it but the last line feed");
    }

    #[test]
    fn what_is_wrong_is_told_without_what_stands_there() {
        for (text, why) in [
            ("controller = ftp://x\nkey = a\nend", "line 1: controller: expected http(s)://..."),
            ("controller = http://x\nend", "line 2: key is missing"),
            ("key = secret\nend", "line 2: controller is missing"),
            (
                "controller = http://x\nkey = se cret\nend",
                "line 2: key: expected letters and digits",
            ),
            ("kee = secret\nend", "line 1: unknown name; known are controller, key, device"),
            ("controller = http://x\nkey = secret\nend\nmore", "line 4: nothing may follow end"),
            (
                "controller = http://x\nkey = secret\n",
                "line 3: expected end: the file is not whole",
            ),
            (
                "device = file:relative\nend",
                "line 1: device: expected mac, mac:INTERFACE, serial, machine-id or file:/PATH",
            ),
        ] {
            let told = wrong(text);
            assert_eq!(told, format!("first-boot {why}"));
            assert!(!told.contains("secret") && !told.contains("cret"));
        }
    }

    #[test]
    fn ids_tell_devices_apart() {
        for (text, id) in [
            ("02:42:AC:11:00:02\n", Some("0242ac110002")),
            ("1000000012345678\0", Some("1000000012345678")),
            ("00:00:00:00:00:00", None),
            ("ff:ff:ff:ff:ff:ff", None),
            ("", None),
            ("--..__", None),
        ] {
            assert_eq!(device_id(text).as_deref(), id, "{text}");
        }
        assert_eq!(device_id(&"a".repeat(65)), None);
    }

    #[test]
    fn a_record_is_read_back_or_not_at_all() {
        for done in [None, Some("00ff".to_owned())] {
            let record = Record { device: "d-1".into(), proof: "aB3".repeat(11), done };
            let text = record.encode();
            assert!(Record::decode(&text).as_ref() == Some(&record));
            for at in 0..text.len() {
                let cut = Record::decode(&text[..at]);
                // Without its last line it is the record before that.
                let before = Record { done: None, ..record.clone() };
                assert!(cut.is_none() || cut == Some(before), "cut at {at}");
            }
        }
    }

    #[test]
    fn pauses_grow_to_a_bound_and_spread() {
        let waited = |setback, random, tries: usize| -> Vec<u64> {
            let mut pauses = Pauses::default();
            (0..tries).map(|_| pauses.next(setback, None, random).as_secs()).collect()
        };
        assert_eq!(waited(Setback::Passing, u32::MAX, 8), [5, 10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(waited(Setback::Passing, 0, 7), [2, 5, 10, 20, 40, 80, 150]);
        assert_eq!(waited(Setback::Refused, u32::MAX, 7), [60, 120, 240, 480, 960, 1920, 3600]);
        let mut pauses = Pauses { tries: u32::MAX };
        assert_eq!(pauses.next(Setback::Refused, None, u32::MAX), Duration::from_secs(3600));
    }

    #[test]
    fn nobody_comes_before_the_controller_wants_it() {
        let next = |tries, told, random| {
            let told = Some(Duration::from_secs(told));
            Pauses { tries }.next(Setback::Passing, told, random).as_secs()
        };
        assert_eq!((next(0, 60, 0), next(0, 60, u32::MAX)), (60, 90), "spread, and never earlier");
        assert_eq!(next(6, 60, u32::MAX), 300, "a longer pause stays");
        assert_eq!(next(0, 1 << 40, 0), 3600, "no answer sends a device away for ever");
    }
}
