//! A registry as seen by one pull: scheme, login and token are found out once.

use std::cell::RefCell;
use std::io;
use std::net::IpAddr;

use hyper::body::Incoming;
use hyper::header::{ACCEPT as ACCEPT_HEADER, AUTHORIZATION, LOCATION, RANGE, WWW_AUTHENTICATE};
use hyper::{Method, Response, StatusCode};
use iofog_iomessage::base64;
use serde::Deserialize;

use super::challenge::Challenge;
use super::http::{self, Url};
use crate::engine::native::image::document::{ACCEPT, MAX_DOCUMENT};
use crate::engine::native::image::reference::{DEFAULT_REGISTRY, Reference};
use crate::engine::native::image::worker::Login;
use crate::engine::native::image::{Digest, ImageError};

const MAX_REDIRECTS: u8 = 5;
const MAX_TOKEN: usize = 256 << 10;

/// One repository of one registry.
pub(super) struct Client<'a> {
    base: Url,
    repository: &'a str,
    login: Option<&'a Login>,
    /// Value of `Authorization`, once one was asked for.
    authorization: RefCell<Option<String>>,
}

// === impl Client ===

impl<'a> Client<'a> {
    /// Finds out how the registry is spoken to.
    pub(super) async fn connect(
        reference: &'a Reference,
        login: Option<&'a Login>,
    ) -> Result<Self, ImageError> {
        let host = match reference.registry.as_str() {
            DEFAULT_REGISTRY => "registry-1.docker.io",
            other => other,
        };
        let base = |tls| Url::of_host(host, tls, "/v2/").map_err(|error| failed(host, error));
        let mut client = Self {
            base: base(true)?,
            repository: &reference.repository,
            login,
            authorization: RefCell::default(),
        };
        // As engines do: a registry on this machine may do without TLS.
        if is_loopback(&client.base.host)
            && http::send(Method::GET, &client.base, &[]).await.is_err()
        {
            client.base = base(false)?;
        }
        Ok(client)
    }

    /// The digest of a manifest, when the registry tells it without the manifest.
    pub(super) async fn manifest_digest(
        &self,
        version: &str,
    ) -> Result<Option<Digest>, ImageError> {
        let answer = self.get(Method::HEAD, &format!("manifests/{version}"), &accept()).await?;
        let header = answer.headers().get("docker-content-digest");
        Ok(header.and_then(|value| value.to_str().ok()).and_then(|text| Digest::parse(text).ok()))
    }

    /// A manifest or index, with its digest.
    pub(super) async fn manifest(&self, version: &str) -> Result<(Digest, Vec<u8>), ImageError> {
        let answer = self.get(Method::GET, &format!("manifests/{version}"), &accept()).await?;
        let bytes = http::whole(answer.into_body(), MAX_DOCUMENT)
            .await
            .map_err(|error| self.error(error))?;
        let digest = Digest::of(&bytes);
        if let Ok(expected) = Digest::parse(version) {
            check("manifest", digest, expected)?;
        }
        Ok((digest, bytes))
    }

    /// A small blob, whole and checked.
    pub(super) async fn document(&self, digest: &Digest) -> Result<Vec<u8>, ImageError> {
        let answer = self.get(Method::GET, &format!("blobs/{digest}"), &[]).await?;
        let bytes = http::whole(answer.into_body(), MAX_DOCUMENT)
            .await
            .map_err(|error| self.error(error))?;
        check("image configuration", Digest::of(&bytes), *digest)?;
        Ok(bytes)
    }

    /// A blob from byte `offset` on; the answer says whether the registry could do that.
    pub(super) async fn blob(
        &self,
        digest: &Digest,
        offset: u64,
    ) -> Result<(bool, Incoming), ImageError> {
        let range = [(RANGE.as_str(), format!("bytes={offset}-"))];
        let headers = if offset > 0 { &range[..] } else { &[] };
        let answer = self.get(Method::GET, &format!("blobs/{digest}"), headers).await?;
        Ok((answer.status() == StatusCode::PARTIAL_CONTENT, answer.into_body()))
    }

    /// An error with the registry's name.
    pub(super) fn error(&self, error: io::Error) -> ImageError {
        failed(&self.base.host, error)
    }

    async fn get(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, String)],
    ) -> Result<Response<Incoming>, ImageError> {
        let own = Url { path: format!("/v2/{}/{path}", self.repository), ..self.base.clone() };
        let mut url = own.clone();
        let (mut redirects, mut asked) = (0, false);
        loop {
            let mut headers = headers.to_vec();
            // A login never follows a redirect to somebody else.
            if let Some(value) =
                self.authorization.borrow().clone().filter(|_| url.same_origin(&own))
            {
                headers.push((AUTHORIZATION.as_str(), value));
            }
            let answer = http::send(method.clone(), &url, &headers)
                .await
                .map_err(|error| self.error(error))?;
            match answer.status() {
                status if status.is_success() => return Ok(answer),
                StatusCode::UNAUTHORIZED if !asked && url.same_origin(&own) => {
                    asked = true;
                    self.authorize(&answer).await?;
                }
                status if status.is_redirection() && redirects < MAX_REDIRECTS => {
                    redirects += 1;
                    let location =
                        answer.headers().get(LOCATION).and_then(|value| value.to_str().ok());
                    let next = url
                        .join(location.unwrap_or_default())
                        .map_err(|error| self.error(error))?;
                    if url.tls && !next.tls {
                        return Err(self.refused("redirects to an address without tls".to_owned()));
                    }
                    url = next;
                }
                status => return Err(self.refused(explain(status, self.login.is_some()))),
            }
        }
    }

    /// Answers a challenge: a token, or the login itself.
    async fn authorize(&self, answer: &Response<Incoming>) -> Result<(), ImageError> {
        let headers = answer.headers().get_all(WWW_AUTHENTICATE);
        let mut challenges =
            headers.iter().filter_map(|value| Challenge::parse(value.to_str().ok()?));
        let basic = self.login.map(|login| {
            format!(
                "Basic {}",
                base64::encode(format!("{}:{}", login.username, login.password).as_bytes())
            )
        });
        let (realm, service, scope) = match challenges.next() {
            Some(Challenge::Bearer { realm, service, scope }) => (realm, service, scope),
            Some(Challenge::Basic) => {
                let basic = basic.ok_or_else(|| self.refused("wants a login".to_owned()))?;
                *self.authorization.borrow_mut() = Some(basic);
                return Ok(());
            }
            None => return Err(self.refused("wants an unknown kind of login".to_owned())),
        };
        let scope = scope.unwrap_or_else(|| format!("repository:{}:pull", self.repository));
        let mut query = format!("scope={}", encode(&scope));
        if let Some(service) = service {
            query = format!("service={}&{query}", encode(&service));
        }
        let mut url = Url::parse(&realm).map_err(|error| self.error(error))?;
        if self.base.tls && !url.tls {
            return Err(self.refused("wants the login at an address without tls".to_owned()));
        }
        let joint = if url.path.contains('?') { '&' } else { '?' };
        url.path = format!("{}{joint}{query}", url.path);
        let headers: Vec<_> =
            basic.into_iter().map(|value| (AUTHORIZATION.as_str(), value)).collect();
        let answer =
            http::send(Method::GET, &url, &headers).await.map_err(|error| self.error(error))?;
        if !answer.status().is_success() {
            return Err(self.refused(explain(answer.status(), self.login.is_some())));
        }
        #[derive(Deserialize)]
        struct Granted {
            token: Option<String>,
            access_token: Option<String>,
        }
        let bytes =
            http::whole(answer.into_body(), MAX_TOKEN).await.map_err(|error| self.error(error))?;
        let granted: Granted = serde_json::from_slice(&bytes)
            .map_err(|_| self.refused("gives a token that cannot be read".to_owned()))?;
        let token = granted.token.or(granted.access_token).filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| self.refused("gives no token".to_owned()))?;
        *self.authorization.borrow_mut() = Some(format!("Bearer {token}"));
        Ok(())
    }

    fn refused(&self, reason: String) -> ImageError {
        ImageError::Registry { host: self.base.host.clone(), reason }
    }
}

fn accept() -> [(&'static str, String); 1] {
    [(ACCEPT_HEADER.as_str(), ACCEPT.to_owned())]
}

fn check(what: &'static str, got: Digest, expected: Digest) -> Result<(), ImageError> {
    if got == expected { Ok(()) } else { Err(ImageError::Digest { what, got, expected }) }
}

fn failed(host: &str, error: io::Error) -> ImageError {
    ImageError::Registry { host: host.to_owned(), reason: error.to_string() }
}

/// What a status means to somebody who wants an image.
fn explain(status: StatusCode, with_login: bool) -> String {
    match status {
        StatusCode::NOT_FOUND => "does not have the image".to_owned(),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if with_login => {
            "refuses the login".to_owned()
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            "has no such public image, or wants a login".to_owned()
        }
        StatusCode::TOO_MANY_REQUESTS => {
            "limits how often images are pulled; later again".to_owned()
        }
        other => format!("answers {other}"),
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Percent-encoding of a query value.
fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte))
            }
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}
