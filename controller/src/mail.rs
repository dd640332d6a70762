//! Sends mail to users through the mail server of the settings.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use iofog_api::{ApiError, ErrorClass};
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use tokio::sync::Semaphore;

use crate::domain::activation::Letter;
use crate::settings::mail::{Mail, Security};

/// How long the server may take for one mail.
const PATIENCE: Duration = Duration::from_secs(30);
/// Mails on their way at one time, so that a slow server does not gather them.
static UNDER_WAY: Semaphore = Semaphore::const_new(8);
/// Those and the ones that wait for their turn; who comes later hears at once that it does not work now.
static WAITING: Semaphore = Semaphore::const_new(64);
/// Addresses that a mail is being made for.
static ADDRESSED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// The one mail that is being made for an address; another one can be made when this is dropped.
#[derive(Debug)]
pub struct Turn(String);

impl Turn {
    /// None while a mail to the address is being made for somebody else.
    #[must_use]
    pub fn take(to: &str) -> Option<Self> {
        let mut addressed = ADDRESSED.lock().unwrap_or_else(PoisonError::into_inner);
        addressed.insert(to.to_owned()).then(|| Self(to.to_owned()))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        ADDRESSED.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
    }
}

/// Mail can go there: the contract's rule for addresses takes some that mail does not know.
#[must_use]
pub fn is_address(text: &str) -> bool {
    text.parse::<Address>().is_ok()
}

/// Sends a letter; done when the server has taken it.
///
/// # Errors
/// When there is no server in the settings, or it did not take the letter: the reason is in the log only.
pub async fn send(mail: Option<&Mail>, to: &str, letter: &Letter) -> Result<(), ApiError> {
    let mail = mail.ok_or_else(not_set_up)?;
    let refused = |text| ApiError::new(ErrorClass::EmailActivationSetup, text);
    let _waiting = WAITING
        .try_acquire()
        .map_err(|_| refused("Too many mails wait to be sent, try again later"))?;
    let _permit = UNDER_WAY.acquire().await.map_err(|_| ApiError::internal("mail is closed"))?;
    let sent = tokio::time::timeout(PATIENCE, try_to_send(mail, to, letter)).await;
    let why = match sent {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => format!("{error:#}"),
        Err(_) => format!("{} took longer than {} s", mail.host, PATIENCE.as_secs()),
    };
    log::error!("no mail to a user: {why}");
    Err(refused("Email sender not configured"))
}

/// There is nothing in the settings to send mail with.
pub fn not_set_up() -> ApiError {
    ApiError::new(
        ErrorClass::EmailActivationSetup,
        "Email activation is not configured on Controller",
    )
}

async fn try_to_send(mail: &Mail, to: &str, letter: &Letter) -> anyhow::Result<()> {
    let sender = Mailbox::new(Some("ioFog".to_owned()), mail.address.parse::<Address>()?);
    let message = Message::builder()
        .from(sender)
        .to(Mailbox::new(None, to.parse::<Address>()?))
        .subject(letter.subject)
        .header(ContentType::TEXT_PLAIN)
        .body(letter.text.clone())?;
    let tls = match mail.security {
        Security::Tls => Tls::Wrapper(parameters(mail)?),
        Security::StartTls => Tls::Required(parameters(mail)?),
        Security::None => Tls::None,
    };
    let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&mail.host)
        .port(mail.port)
        .tls(tls)
        .timeout(Some(PATIENCE));
    if let Some(password) = &mail.password {
        transport = transport.credentials(Credentials::new(mail.address.clone(), password.clone()));
    }
    transport.build().send(message).await?;
    Ok(())
}

fn parameters(mail: &Mail) -> anyhow::Result<TlsParameters> {
    let mut tls = TlsParameters::builder(mail.host.clone());
    if let Some(path) = &mail.authority {
        tls = tls.add_root_certificate(Certificate::from_pem(&std::fs::read(path)?)?);
    }
    Ok(tls.build_rustls()?)
}
