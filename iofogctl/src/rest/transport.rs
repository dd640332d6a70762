//! One HTTP exchange with retries: 5 s per request; a timeout or a bad gateway is tried again
//! after 1, 2, 3 … seconds, up to 20 times.

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ureq::http::{Method, Request};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

use crate::output::trace;
use crate::text::{Error, Result};

const TIMEOUT: Duration = Duration::from_secs(5);
const RETRIES: u32 = 20;
/// Largest answer taken.
const MAX_BODY: u64 = 64 << 20;
/// Most letters of a refusal that are told.
const MAX_TOLD: usize = 4096;

/// Content of a request.
pub(super) enum Body {
    /// No content.
    Empty,
    /// A JSON document.
    Json(String),
    /// One file of a form: field name and YAML text.
    Form(&'static str, String),
}

/// Connections to one Controller.
#[derive(Debug, Clone)]
pub(super) struct Transport {
    agent: ureq::Agent,
}

impl Transport {
    pub(super) fn new(base: &str) -> Self {
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(TIMEOUT))
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent("iofogctl");
        if base.starts_with("https:") {
            config = config.tls_config(TlsConfig::builder().root_certs(roots()).build());
        }
        Self { agent: config.build().new_agent() }
    }

    /// Sends a request and reads the whole answer of a success.
    pub(super) fn send(
        &self,
        method: &Method,
        url: &str,
        token: &str,
        body: &Body,
    ) -> Result<Vec<u8>> {
        let mut attempt = 0;
        loop {
            let result = self.once(method, url, token, body);
            match &result {
                Err(error) if attempt < RETRIES && is_transient(error) => {
                    attempt += 1;
                    std::thread::sleep(Duration::from_secs(attempt.into()));
                }
                _ => return result,
            }
        }
    }

    fn once(&self, method: &Method, url: &str, token: &str, body: &Body) -> Result<Vec<u8>> {
        let failed = |error: &ureq::Error| Error::Plain(describe(method, url, error));
        let (content_type, content) = encode(body);
        trace(|| format!("===> [{method}] {url} ({} bytes, {content_type})", content.len()));
        let request = Request::builder()
            .method(method)
            .uri(url)
            .header("Content-Type", content_type)
            .header("Authorization", token)
            .body(content)
            .map_err(|error| Error::Plain(format!("parse \"{url}\": {error}")))?;
        let mut request =
            self.agent.configure_request(request).allow_non_standard_methods(true).build();
        if matches!(body, Body::Empty) {
            *request.body_mut() = Vec::new();
        }
        let sent = if matches!(body, Body::Empty) {
            let (parts, _) = request.into_parts();
            self.agent.run(Request::from_parts(parts, ()))
        } else {
            self.agent.run(request)
        };
        let mut response = sent.map_err(|error| failed(&error))?;
        let code = response.status().as_u16();
        let elsewhere = response.headers().get("location").filter(|_| (300..400).contains(&code));
        let elsewhere =
            elsewhere.map(|place| String::from_utf8_lossy(place.as_bytes()).into_owned());
        let bytes = response
            .body_mut()
            .with_config()
            .limit(MAX_BODY)
            .read_to_vec()
            .map_err(|error| failed(&error))?;
        trace(|| format!("===> {code}, {} bytes", bytes.len()));
        match elsewhere {
            // Not followed: the words and the token are for the address that was given.
            Some(place) => check(code, method, url, format!("It points to {place}").into_bytes()),
            None => check(code, method, url, bytes),
        }
    }
}

fn check(code: u16, method: &Method, url: &str, bytes: Vec<u8>) -> Result<Vec<u8>> {
    if (200..300).contains(&code) {
        return Ok(bytes);
    }
    let body = told(&bytes);
    if code == 404 {
        return Err(Error::NotFound(format!("Received Not found from {method} {url}\n: {body}\n")));
    }
    Err(Error::Http { code, method: method.to_string(), url: url.to_owned(), body })
}

/// The text of a refusal, no longer than somebody reads.
fn told(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    match text.char_indices().nth(MAX_TOLD) {
        Some((end, _)) => {
            let head = text.get(..end).unwrap_or_default();
            format!("{head} … ({} bytes in all)", bytes.len())
        }
        None => text.into_owned(),
    }
}

fn encode(body: &Body) -> (String, Vec<u8>) {
    const JSON: &str = "application/json";
    match body {
        Body::Empty => (JSON.to_owned(), Vec::new()),
        Body::Json(text) => (JSON.to_owned(), text.clone().into_bytes()),
        Body::Form(field, yaml) => {
            let boundary = boundary(yaml);
            let file =
                if *field == "microservice" { "microservice.yaml" } else { "application.yaml" };
            let form = format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{file}\"\r\n\
                 Content-Type: application/octet-stream\r\n\r\n{yaml}\r\n--{boundary}--\r\n"
            );
            (format!("multipart/form-data; boundary={boundary}"), form.into_bytes())
        }
    }
}

/// A line that does not occur in the text.
fn boundary(text: &str) -> String {
    let mut boundary = "iofogctl-document-boundary".to_owned();
    while text.contains(&boundary) {
        boundary.push('-');
    }
    boundary
}

fn is_transient(error: &Error) -> bool {
    if let Error::Http { code: 408, .. } = error {
        return true;
    }
    let text = error.to_string();
    ["timeout", "failed to respond", "Bad Gateway", "context deadline exceeded"]
        .iter()
        .any(|word| text.contains(word))
}

/// Words for a failed exchange; scripts look for `connection refused` and `no such host`.
fn describe(method: &Method, url: &str, error: &ureq::Error) -> String {
    let method = method.as_str();
    let verb =
        method.chars().take(1).chain(method.to_lowercase().chars().skip(1)).collect::<String>();
    let authority = url.split("://").nth(1).unwrap_or(url).split('/').next().unwrap_or_default();
    let reason = match error {
        ureq::Error::Timeout(_) => {
            "context deadline exceeded (Client.Timeout exceeded while awaiting headers)".to_owned()
        }
        ureq::Error::HostNotFound => {
            format!(
                "dial tcp: lookup {}: no such host",
                authority.split(':').next().unwrap_or_default()
            )
        }
        ureq::Error::Io(cause) if cause.kind() == io::ErrorKind::ConnectionRefused => {
            format!("dial tcp {authority}: connect: connection refused")
        }
        ureq::Error::Io(cause) if cause.kind() == io::ErrorKind::TimedOut => {
            format!("dial tcp {authority}: i/o timeout")
        }
        other => other.to_string(),
    };
    format!("{verb} \"{url}\": {reason}")
}

/// The system's certificate authorities, `SSL_CERT_FILE` first; the built-in list when there is no file.
fn roots() -> RootCerts {
    static ROOTS: OnceLock<RootCerts> = OnceLock::new();
    ROOTS
        .get_or_init(|| {
            let chosen = std::env::var("SSL_CERT_FILE").ok();
            let known = [
                "/etc/ssl/certs/ca-certificates.crt",
                "/etc/pki/tls/certs/ca-bundle.crt",
                "/etc/ssl/cert.pem",
            ];
            let text = chosen
                .iter()
                .map(String::as_str)
                .chain(known)
                .find_map(|path| std::fs::read(path).ok());
            let certificates: Vec<_> = text
                .iter()
                .flat_map(|text| parse_pem(text))
                .filter_map(|item| match item {
                    Ok(PemItem::Certificate(certificate)) => Some(certificate),
                    _ => None,
                })
                .collect();
            if certificates.is_empty() {
                RootCerts::WebPki
            } else {
                RootCerts::Specific(Arc::new(certificates))
            }
        })
        .clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_boundary_is_not_in_the_text() {
        let (kind, form) = encode(&Body::Form("template", "iofogctl-document-boundary".into()));
        assert_eq!(kind, "multipart/form-data; boundary=iofogctl-document-boundary-");
        let form = String::from_utf8(form).unwrap();
        assert!(form.contains("name=\"template\"; filename=\"application.yaml\""));
    }

    #[test]
    fn transient_failures() {
        assert!(is_transient(&Error::plain("x: context deadline exceeded")));
        assert!(!is_transient(&Error::plain("dial tcp: connect: connection refused")));
    }

    #[test]
    fn status_classes() {
        let get = Method::GET;
        assert!(check(204, &get, "u", Vec::new()).is_ok());
        assert_eq!(
            check(404, &get, "u", b"b".to_vec()).unwrap_err().to_string(),
            "Unknown resource error\nReceived Not found from GET u\n: b\n"
        );
        assert_eq!(
            check(401, &get, "u", b"b".to_vec()).unwrap_err().to_string(),
            "Unexpected HTTP response\nReceived 401 from GET u\nb"
        );
    }
}
