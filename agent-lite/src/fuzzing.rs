//! What the fuzz targets drive: foreign bytes up to the point where they would be acted on. Each function breaks
//! when a rule does; the tests below feed the same functions with damaged samples on every run.

use std::path::Path;
use std::task::{Context, Waker};

use crate::domain::enrolment::{FirstBoot, Record, device_id};
use crate::engine::native::image::{Challenge, Document, ImageConfig, Reference, choose};
use crate::engine::native::layer::{Limits, unpack};

/// The body of a request to the Local API, read every way that a route does.
pub fn local_api_body(bytes: &[u8]) {
    crate::local_api::read_any_body(bytes);
}

/// What a microservice sends over its WebSocket after the upgrade, in messages of 64 KiB at most.
///
/// # Panics
/// A bound was passed.
pub fn socket_frames(bytes: &[u8]) {
    let reading = crate::local_api::read_any_frames(bytes, 64 << 10);
    // Everything is there: nothing is ever waited for.
    let done = std::pin::pin!(reading).poll(&mut Context::from_waker(Waker::noop()));
    assert!(done.is_ready(), "waits for bytes that cannot come");
}

/// What a container engine answers: lists, documents one after another, the progress of a pull.
///
/// # Panics
/// A rule is broken.
#[cfg(feature = "docker")]
pub fn engine_answer(bytes: &[u8]) {
    crate::engine::read_any_answer(bytes);
}

/// An image name: what is read names one image however often it is written and read.
///
/// # Panics
/// A rule is broken.
pub fn image_reference(text: &str) {
    let Ok(reference) = Reference::parse(text) else { return };
    let climbs = |part: &str| matches!(part, "" | "." | "..");
    assert!(!reference.repository.split('/').any(climbs), "{reference:?}");
    assert!(!reference.registry.contains(['/', '@', ' ', '\n']), "{reference:?}");
    let shown = reference.to_string();
    match Reference::parse(&shown) {
        Ok(again) => assert_eq!(again.to_string(), shown),
        Err(error) => assert!(shown.len() > text.len(), "{shown}: {error}"),
    }
}

/// A manifest, an index or a configuration from a registry.
pub fn image_document(bytes: &[u8]) {
    match Document::parse(bytes) {
        Ok(Document::Index(all)) => {
            let _ = choose(&all);
        }
        Ok(Document::Image(manifest)) => {
            let _ = ImageConfig::parse(bytes, manifest.layers.len());
        }
        Err(_) => {}
    }
    for layers in 0..3 {
        let _ = ImageConfig::parse(bytes, layers);
    }
}

/// What a registry asks for before it answers.
///
/// # Panics
/// A rule is broken.
pub fn registry_challenge(text: &str) {
    if let Some(Challenge::Bearer { realm, .. }) = Challenge::parse(text) {
        assert!(realm.len() <= text.len(), "nothing is made up");
    }
}

/// What an image brings, and what the device remembers: without its last line a file is not whole, and what is remembered is written as
/// it was read.
///
/// # Panics
/// A rule is broken.
pub fn enrolment(text: &str) {
    if FirstBoot::parse(text).is_ok() {
        let cut = text.trim_end().strip_suffix("end");
        assert!(cut.is_some_and(|cut| FirstBoot::parse(cut).is_err()), "used without its end");
    }
    if let Some(record) = Record::decode(text) {
        assert_eq!(record.encode(), text);
    }
    if let Some(id) = device_id(text) {
        assert_eq!(device_id(&id).as_ref(), Some(&id));
    }
}

/// A layer, unpacked into a folder of `place`, which must be empty: nothing beside that folder may change.
///
/// # Panics
/// An entry got out, or a bound was passed.
pub fn image_layer(bytes: &[u8], place: &Path) {
    let (layer, beside) = (place.join("layer"), place.join("beside"));
    let made = std::fs::create_dir_all(&layer).and_then(|()| std::fs::write(&beside, b"kept"));
    assert!(made.is_ok(), "the place of the test cannot be used");
    let limits = Limits { entries: 100, bytes: 1 << 20, reserve: 0 };
    if let Ok(unpacked) = unpack(bytes, &layer, &[], limits) {
        assert!(unpacked.bytes <= limits.bytes);
    }
    let names = std::fs::read_dir(place).map(|all| all.flatten().count());
    assert_eq!(names.ok(), Some(2), "an entry got out");
    assert_eq!(std::fs::read(&beside).ok().as_deref(), Some(&b"kept"[..]), "a file was changed");
    let _ = std::fs::remove_dir_all(&layer);
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHALLENGE: &str =
        r#"Bearer realm="https://a.example/token",service="b",scope="repository:a/b:pull""#;
    const MANIFEST: &str = r#"{"schemaVersion":2,"config":{"mediaType":"a","size":9,"digest":"sha256:0000000000000000000000000000000000000000000000000000000000000000"},"layers":[{"mediaType":"b","size":18446744073709551615,"digest":"sha256:1111111111111111111111111111111111111111111111111111111111111111"}]}"#;
    const BODY: &str = r#"{"id":"a","publisher":"a","contentdata":"QQ==","publishers":["b"],"timeframestart":1,"timeframeend":2}"#;

    const FIRST_BOOT: &str = "controller = http://a\nkey = b\ndevice = mac:c\n-----BEGIN CERTIFICATE-----\nMI\n-----END CERTIFICATE-----\nend\n";
    const RECORD: &str = "iofog-enrolment 1\ndevice a\nproof b\ndone c\n";

    /// The same numbers on every run.
    struct Dice(u32);

    impl Dice {
        fn below(&mut self, end: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 17;
            self.0 ^= self.0 << 5;
            usize::try_from(self.0).unwrap() % end.max(1)
        }

        /// `sample` with a few bytes changed, left out, doubled or cut off.
        fn damage(&mut self, sample: &[u8]) -> Vec<u8> {
            let mut bytes = sample.to_vec();
            for _ in 0..=self.below(4) {
                let at = self.below(bytes.len());
                match self.below(5) {
                    _ if bytes.is_empty() => {}
                    0 => bytes[at] = u8::try_from(self.below(256)).unwrap(),
                    1 => bytes[at] ^= 1 << self.below(8),
                    2 => drop(bytes.remove(at)),
                    3 => bytes.extend_from_within(at..),
                    _ => bytes.truncate(at),
                }
                bytes.truncate(64 << 10);
            }
            bytes
        }
    }

    #[test]
    fn damaged_names_documents_challenges_and_bodies_are_harmless() {
        let mut dice = Dice(0x9e37_79b9);
        let names = [
            "a",
            "h:5000/a/b:1",
            "docker.io/library/a@sha256:1111111111111111111111111111111111111111111111111111111111111111",
        ];
        for round in 0..5_000 {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            image_reference(&text(&dice.damage(names[round % names.len()].as_bytes())));
            registry_challenge(&text(&dice.damage(CHALLENGE.as_bytes())));
            image_document(&dice.damage(MANIFEST.as_bytes()));
            local_api_body(&dice.damage(BODY.as_bytes()));
            for sample in [FIRST_BOOT, RECORD] {
                enrolment(sample);
                enrolment(&text(&dice.damage(sample.as_bytes())));
            }
        }
    }

    #[test]
    fn damaged_frames_and_answers_of_engines_are_harmless() {
        // A ping, a message in two fragments, an acknowledgement, a close: masked with zeros.
        let mut frames = vec![0x89, 0x81, 0, 0, 0, 0, 9];
        frames.extend([0x02, 0x84, 0, 0, 0, 0, 0x0D, 0, 0, 0, 0x80, 0x83, 0, 0, 0, 0, 2, 4, 0]);
        frames.extend([0x82, 0x81, 0, 0, 0, 0, 0x0B, 0x88, 0x80, 0, 0, 0, 0]);
        let list = br#"[{"Id":"a","Names":["/iofog_b"],"Labels":{"c":"d"},"State":"running","Status":"Up (healthy)","NetworkSettings":{"Networks":{"e":{"IPAddress":"172.17.0.2"}}}}]"#;
        let progress = br#"{"id":"a","status":"Downloading","progressDetail":{"current":1,"total":2}}{"id":"b","status":"Pull complete"}"#;
        let mut dice = Dice(0x0bad_cafe);
        for _ in 0..5_000 {
            socket_frames(&dice.damage(&frames));
            for sample in [&list[..], progress, b"2026-11-30T06:00:00.123456789Z"] {
                engine_answer(&dice.damage(sample));
            }
        }
        engine_answer(b"18446744073709551615-12-31T23:59:59Z");
        engine_answer(b"2026-18446744073709551615-01T00:00:00Z");
    }

    #[test]
    fn damaged_layers_stay_in_their_folder() {
        let place = std::env::temp_dir().join(format!("iofog-layers-{}", std::process::id()));
        let mut dice = Dice(0x1234_5678);
        let mut builder = tar::Builder::new(Vec::new());
        let mut put = |name: &str, kind: tar::EntryType, link: &str, body: &[u8]| {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(kind);
            header.set_size(body.len().try_into().unwrap());
            header.set_mode(0o755);
            if !link.is_empty() {
                header.set_link_name(link).unwrap();
            }
            builder.append_data(&mut header, name, body).unwrap();
        };
        put("etc", tar::EntryType::Directory, "", b"");
        put("etc/up", tar::EntryType::Symlink, "../../beside", b"");
        put("etc/out", tar::EntryType::Symlink, "../..", b"");
        put("etc/name", tar::EntryType::Regular, "", b"gateway");
        put("etc/out/beside", tar::EntryType::Regular, "", b"stolen");
        put("etc/hard", tar::EntryType::Link, "etc/name", b"");
        put(".wh.gone", tar::EntryType::Regular, "", b"");
        let sample = builder.into_inner().unwrap();
        let _ = std::fs::remove_dir_all(&place);
        for _ in 0..300 {
            image_layer(&dice.damage(&sample), &place);
        }
        image_layer(&sample, &place);
        let _ = std::fs::remove_dir_all(&place);
    }
}
