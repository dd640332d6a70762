//! The supervisor against a folder as source, in virtual time.

use std::path::PathBuf;

use ring::signature::{Ed25519KeyPair, KeyPair as _};
use tokio::task::LocalSet;
use tokio::time::Instant;

use super::*;
use crate::update::manifest::Artefact;
use crate::update::record::{Digest, Version};

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A signed manifest of a release that is newer than this program.
fn manifest(pair: &Ed25519KeyPair) -> String {
    let artefact = Artefact {
        target: TARGET.into(),
        file: "iofog-agent".into(),
        bytes: 10,
        sha256: Digest([7; 32]),
    };
    let manifest =
        Manifest { version: Version(u32::MAX), name: "next".into(), artefacts: vec![artefact] };
    manifest.sign(|bytes| pair.sign(bytes).as_ref().try_into().unwrap()).unwrap()
}

#[test]
fn a_source_that_comes_late_is_found_soon_and_not_after_a_day() {
    let folder = std::env::temp_dir().join(format!("iofog-update-late-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let folder = Folder(folder);
    let pair = Ed25519KeyPair::from_seed_unchecked(&[1; 32]).unwrap();
    let settings = Settings {
        source: format!("{}/", folder.0.join("stick").display()),
        keys: vec![pair.public_key().as_ref().try_into().unwrap()],
        settle: Duration::from_secs(60),
        window: Duration::from_secs(600),
    };
    let launch = Launch { program: Program::Factory, factory: PathBuf::new() };
    let updater =
        Updater::new(Slots::new(&folder.0.join("lib")), Some(settings), launch, Clock::new());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    LocalSet::new().block_on(&runtime, async {
        let start = Instant::now();
        let day = Duration::from_secs(86_400);
        tokio::task::spawn_local(updater.clone().run(day, Facts::default));
        tokio::time::sleep(Duration::from_secs(100)).await;
        assert_eq!(updater.readiness(), (false, false), "nothing is there yet");
        std::fs::create_dir_all(folder.0.join("stick")).unwrap();
        std::fs::write(folder.0.join("stick/manifest"), manifest(&pair)).unwrap();
        while !updater.readiness().0 {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        // Asked at 0, 10, 30, 70 and 150 s.
        let found = start.elapsed().as_secs();
        assert!((150..=152).contains(&found), "{found}");
        // An answer stands for a period; a source that goes takes back nothing before it is asked.
        std::fs::remove_file(folder.0.join("stick/manifest")).unwrap();
        tokio::time::sleep(Duration::from_secs(80_000)).await;
        assert!(updater.readiness().0);
    });
}
