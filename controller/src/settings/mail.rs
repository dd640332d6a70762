//! Settings of the mail that accounts get (controller contract 23, `Email:*`), and where the mail services that the contract's
//! `Email:Service` names take mail.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

/// Who sends mail, and through which server.
#[derive(Clone)]
pub struct Mail {
    /// The sender's address, which is also the name of the login (`Email_Address`).
    pub address: String,
    /// The password of the login (`Email_Password`); none = no login.
    pub password: Option<String>,
    /// Host name or address of the server (`Email_Service`, or `Email_Host`).
    pub host: String,
    /// Its port (`Email_Port`).
    pub port: u16,
    /// How the connection is protected (`Email_Security`).
    pub security: Security,
    /// A PEM file with authorities to trust beside the public ones (`Email_Authority`).
    pub authority: Option<PathBuf>,
}

/// Protection of the connection to a mail server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte.
    Tls,
    /// TLS after STARTTLS, which the server must know.
    StartTls,
    /// None: for a relay on the same machine.
    None,
}

impl std::fmt::Debug for Mail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mail")
            .field("address", &self.address)
            .field("host", &self.host)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

/// Mail services by the names that 3.0.4 takes them by, in lower case and without other characters than letters and digits.
const SERVICES: &[(&str, &str, u16)] = &[
    ("126", "smtp.126.com", 465),
    ("163", "smtp.163.com", 465),
    ("aol", "smtp.aol.com", 587),
    ("fastmail", "smtp.fastmail.com", 465),
    ("gandimail", "mail.gandi.net", 587),
    ("gmail", "smtp.gmail.com", 465),
    ("godaddy", "smtpout.secureserver.net", 465),
    ("hotmail", "smtp-mail.outlook.com", 587),
    ("icloud", "smtp.mail.me.com", 587),
    ("mailgun", "smtp.mailgun.org", 465),
    ("mailjet", "in.mailjet.com", 587),
    ("mailru", "smtp.mail.ru", 465),
    ("mandrill", "smtp.mandrillapp.com", 587),
    ("outlook", "smtp-mail.outlook.com", 587),
    ("outlook365", "smtp.office365.com", 587),
    ("postmark", "smtp.postmarkapp.com", 587),
    ("qq", "smtp.qq.com", 465),
    ("sendgrid", "smtp.sendgrid.net", 587),
    ("sendinblue", "smtp-relay.sendinblue.com", 587),
    ("ses", "email-smtp.us-east-1.amazonaws.com", 465),
    ("sparkpost", "smtp.sparkpostmail.com", 587),
    ("yahoo", "smtp.mail.yahoo.com", 465),
    ("yandex", "smtp.yandex.ru", 465),
    ("zoho", "smtp.zoho.com", 465),
];

/// Port of TLS from the first byte; every other one is asked for STARTTLS.
const TLS_PORT: u16 = 465;

/// What is set; none without an address to send from.
///
/// # Errors
/// Naming the setting that is missing or makes no sense.
pub(super) fn read(get: &impl Fn(&str) -> Option<String>) -> Result<Option<Mail>> {
    let text = |name: &str| get(name).filter(|value| !value.is_empty());
    let Some(address) = text("Email_Address") else { return Ok(None) };
    if !iofog_api::check::is_email(&address) {
        bail!("Email_Address: {address} is no e-mail address");
    }
    let (host, port) = match (text("Email_Service"), text("Email_Host")) {
        (None, None) => {
            bail!("Email_Service, Email_Host: one of them is needed with Email_Address")
        }
        (_, Some(host)) => (host, TLS_PORT),
        (Some(name), None) => service(&name)?,
    };
    let port = match text("Email_Port") {
        Some(port) => port.parse().with_context(|| format!("Email_Port: {port} is no port"))?,
        None => port,
    };
    let security = match text("Email_Security").as_deref() {
        Some("tls") => Security::Tls,
        Some("starttls") => Security::StartTls,
        Some("none") => Security::None,
        Some(other) => bail!("Email_Security: {other} is none of tls, starttls, none"),
        None if port == TLS_PORT => Security::Tls,
        None => Security::StartTls,
    };
    let password = text("Email_Password");
    if password.is_some() && security == Security::None {
        bail!("Email_Security: a password is not sent in the clear");
    }
    let authority = text("Email_Authority").map(PathBuf::from);
    Ok(Some(Mail { address, password, host, port, security, authority }))
}

fn service(name: &str) -> Result<(String, u16)> {
    let plain: String =
        name.to_ascii_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    let known = SERVICES.iter().find(|(service, ..)| *service == plain);
    let (_, host, port) = known
        .with_context(|| format!("Email_Service: {name} is not known, give Email_Host instead"))?;
    Ok(((*host).to_owned(), *port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(pairs: &[(&str, &str)]) -> Result<Option<Mail>> {
        read(&|name| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    const ADDRESS: (&str, &str) = ("Email_Address", "ecn@example.org");

    #[test]
    fn a_service_by_the_name_people_know_it_by() {
        for name in ["Gmail", "gmail", "G-Mail"] {
            let mail = set(&[ADDRESS, ("Email_Service", name)]).unwrap().unwrap();
            let found = (mail.host.as_str(), mail.port, mail.security);
            assert_eq!(found, ("smtp.gmail.com", 465, Security::Tls));
        }
        let mail = set(&[ADDRESS, ("Email_Service", "Outlook365")]).unwrap().unwrap();
        assert_eq!((mail.port, mail.security), (587, Security::StartTls));
        assert!(set(&[]).unwrap().is_none());
        assert!(
            !format!("{:?}", set(&[ADDRESS, ("Email_Service", "qq"), ("Email_Password", "w0rd")]))
                .contains("w0rd")
        );
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let host = ("Email_Host", "mail.example.org");
        for (pairs, named) in [
            (vec![ADDRESS], "Email_Service"),
            (vec![ADDRESS, ("Email_Service", "pigeon")], "pigeon is not known"),
            (vec![("Email_Address", "ecn"), host], "Email_Address"),
            (vec![ADDRESS, host, ("Email_Port", "x")], "Email_Port"),
            (vec![ADDRESS, host, ("Email_Security", "hope")], "Email_Security"),
            (
                vec![ADDRESS, host, ("Email_Security", "none"), ("Email_Password", "p")],
                "not sent in the clear",
            ),
        ] {
            let error = set(&pairs).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
