//! Enrolment at the first start (decision 0130): a device without identity asks for one with the key that its image brought.

use std::path::Path;
use std::time::Duration;

use super::FieldAgent;
use crate::config::{Config, Invalid, Setting};
use crate::controller_client::{Access, ControllerClient, ControllerError};
use crate::domain::enrolment::{FirstBoot, FirstBootError, Pauses, Record, Setback};
use crate::usage;

/// Random bytes of a device's proof.
const PROOF: usize = 32;

/// Why it did not work this time.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    File(#[from] FirstBootError),
    #[error("cannot use the files: {0}")]
    Disk(#[from] std::io::Error),
    #[error("device: {0}")]
    Device(String),
    #[error("controller: {0}")]
    Url(#[from] Invalid),
    #[error("another provisioning is under way")]
    Busy,
    #[error("configuration could not be saved")]
    Unsaved,
    #[error(transparent)]
    Controller(#[from] ControllerError),
}

impl Failure {
    fn setback(&self) -> Setback {
        match self {
            Self::Controller(ControllerError::Status { code: 400..=404 | 409, .. }) => {
                Setback::Refused
            }
            _ => Setback::Passing,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Controller(error) => error.retry_after(),
            _ => None,
        }
    }
}

impl FieldAgent {
    /// Asks until there is an identity; ends at once when no image brought a key.
    pub(super) async fn enrolment_loop(&self) {
        let mut pauses = Pauses::default();
        let mut told = String::new();
        while let Err(failure) = self.enrol().await {
            let text = failure.to_string();
            if told != text {
                log::warn!(target: "enrolment", "not enrolled yet: {text}");
                told = text;
            }
            let pause = pauses.next(failure.setback(), failure.retry_after(), random());
            tokio::time::sleep(pause).await;
        }
    }

    /// Enrols, if there is a key and no identity; the key goes once the identity is on disk.
    async fn enrol(&self) -> Result<(), Failure> {
        let files = &self.core.enrolment;
        let Some(text) = files.first_boot()? else { return Ok(()) };
        if !self.core.config.borrow().is_provisioned() {
            self.ask(&FirstBoot::parse(&text)?).await?;
        }
        if !self.save_config() {
            return Err(Failure::Unsaved);
        }
        if let Err(error) = files.discard(&text) {
            log::warn!(target: "enrolment", "first-boot was used, but stays where it is: {error}");
        }
        Ok(())
    }

    async fn ask(&self, first: &FirstBoot) -> Result<(), Failure> {
        let _attempt = self.attempt().map_err(|_| Failure::Busy)?;
        let device = usage::identify(Path::new("/"), &first.device).map_err(Failure::Device)?;
        let record = self.proof_of(device)?;
        let certificate = match &first.certificate {
            Some(pem) => Some(self.core.enrolment.save_certificate(pem)?.display().to_string()),
            None => None,
        };
        let change = |config: &mut Config| -> Result<(), Invalid> {
            config.set(Setting::ControllerUrl, &first.controller)?;
            if let Some(path) = &certificate {
                config.set(Setting::ControllerCert, path)?;
            }
            Ok(())
        };
        let mut config = self.config();
        change(&mut config)?;
        let client = ControllerClient::new(Access {
            token: String::new(),
            ..super::connection::access(&config)
        });
        let host = super::connection::detect_interface(&config).address;
        let fog_type = config.fog_type();
        let granted =
            client.enrol(&first.key, &record.device, &record.proof, host, fog_type).await?;
        change(&mut self.core.config.borrow_mut())?;
        self.adopt(granted).await;
        Ok(())
    }

    /// The proof of this device, on disk before anybody hears it: with it an answer that gets lost is asked for again. One that was
    /// made on another device, and copied with its disk, is none.
    fn proof_of(&self, device: String) -> Result<Record, Failure> {
        let files = &self.core.enrolment;
        if let Some(known) = files.record().filter(|record| record.device == device) {
            return Ok(known);
        }
        let mut bytes = [0_u8; PROOF];
        getrandom::fill(&mut bytes).map_err(|error| std::io::Error::other(error.to_string()))?;
        let record = Record { device, proof: crate::update::manifest::hex(&bytes), done: None };
        files.save_record(&record)?;
        Ok(record)
    }
}

fn random() -> u32 {
    let mut bytes = [0_u8; 4];
    // Without randomness devices only come closer together.
    let _ = getrandom::fill(&mut bytes);
    u32::from_ne_bytes(bytes)
}
