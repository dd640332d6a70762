//! The declared table of routes (controller contract 2): it drives the server, the authorisation tests and the coverage
//! check. Each noun declares its own part.

mod activation;
mod agent;
mod application;
mod application_template;
pub(crate) mod catalog;
mod config;
mod edge_resource;
mod enrolment;
mod flow;
mod fog;
mod k8s;
mod microservice;
mod registry;
mod route;
mod router;
mod snapshot;
mod status;
mod strace;
pub(crate) mod tunnel;
mod user;

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use hyper::Method;
use iofog_api::{ApiError, ErrorClass};
use serde_json::{Map, Value};
use tokio::sync::Semaphore;

use crate::app::{App, Work};
use crate::broker;
use crate::domain::yaml;
use crate::http::{Reply, Request};
use crate::ops::substitution;
use crate::stop::Stop;

pub use status::CONTRACT_VERSION;

/// Prefix of every path.
pub const PREFIX: &str = "/api/v3";

/// Method of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the methods of HTTP")]
pub enum Verb {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

impl Verb {
    /// The verb of a method, if routes use it.
    #[must_use]
    pub fn of(method: &Method) -> Option<Self> {
        match method.as_str() {
            "GET" => Some(Self::Get),
            "HEAD" => Some(Self::Head),
            "POST" => Some(Self::Post),
            "PUT" => Some(Self::Put),
            "PATCH" => Some(Self::Patch),
            "DELETE" => Some(Self::Delete),
            _ => None,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// Whose token a route wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// Nobody's.
    Anyone,
    /// A user's.
    User,
    /// An agent's.
    Agent,
}

/// Result of a handler.
pub type Answered = Result<Reply, ApiError>;
/// Future of an asynchronous handler.
pub type AnsweredLater = Pin<Box<dyn Future<Output = Answered> + Send>>;

/// What a route does.
#[derive(Clone, Copy)]
pub enum Handler {
    /// A transaction that only reads.
    Read(fn(&mut Work<'_>, &Request) -> Answered),
    /// A transaction that may write.
    Write(fn(&mut Work<'_>, &Request) -> Answered),
    /// Live state only, no store.
    Live(fn(&Arc<App>, &Request) -> Answered),
    /// Waits, or computes long, between transactions.
    Async(fn(Arc<App>, Request, Stop) -> AnsweredLater),
    /// Becomes a device link (docs/device-link.md).
    Link,
}

/// One route.
#[derive(Clone, Copy)]
pub struct Route {
    /// Name in tests, logs and the coverage table: `noun.action`.
    pub id: &'static str,
    /// Method.
    pub verb: Verb,
    /// Path below [`PREFIX`]; `:name` is a parameter.
    pub path: &'static str,
    /// Whose token it wants.
    pub auth: Auth,
    /// Status of success.
    pub status: u16,
    /// Statuses of error classes that differ from the class's own.
    pub statuses: &'static [(ErrorClass, u16)],
    /// True when its body or query names things that may not exist; parameters of the path do so anyway.
    pub finds: bool,
    /// True when a name it is given may be taken.
    pub unique: bool,
    /// Error classes it answers beside those that follow from its shape.
    pub also: &'static [ErrorClass],
    /// File field of a multipart body.
    pub file: Option<&'static str>,
    /// True when that file goes to disk as it arrives, instead of to memory.
    pub spooled: bool,
    /// True when failures are guesses at a secret: too many are refused for a while.
    pub guessed: bool,
    /// True when templates in its body are rendered before the handler sees it (contract 0.5).
    pub rendered: bool,
    /// What it does.
    pub handler: Handler,
}

impl Route {
    const fn new(
        id: &'static str,
        verb: Verb,
        path: &'static str,
        auth: Auth,
        status: u16,
        handler: Handler,
    ) -> Self {
        Self {
            id,
            verb,
            path,
            auth,
            status,
            statuses: &[],
            finds: false,
            unique: false,
            also: &[],
            file: None,
            spooled: false,
            guessed: false,
            rendered: false,
            handler,
        }
    }

    const fn file(mut self, field: &'static str) -> Self {
        self.file = Some(field);
        self
    }

    const fn spooled(mut self) -> Self {
        self.spooled = true;
        self
    }

    const fn guessed(mut self) -> Self {
        self.guessed = true;
        self
    }

    const fn rendered(mut self) -> Self {
        self.rendered = true;
        self
    }

    const fn finds(mut self) -> Self {
        self.finds = true;
        self
    }

    const fn unique(mut self) -> Self {
        self.unique = true;
        self
    }

    const fn also(mut self, classes: &'static [ErrorClass]) -> Self {
        self.also = classes;
        self
    }

    const fn statuses(mut self, statuses: &'static [(ErrorClass, u16)]) -> Self {
        self.statuses = statuses;
        self
    }

    /// Status of an error class on this route.
    #[must_use]
    pub fn status_of(&self, class: ErrorClass) -> u16 {
        let own = self.statuses.iter().find(|(known, _)| *known == class);
        own.map_or(class.status(), |(_, status)| *status)
    }
}

impl Route {
    /// Every status the route answers, but for failures of the Controller itself.
    #[must_use]
    pub fn declared(&self) -> BTreeSet<u16> {
        // Bodies of every route are read: they may be malformed, slow or too large, or too many.
        let mut statuses = BTreeSet::from([self.status, 400, 408, 413, 503]);
        statuses.insert(self.status_of(ErrorClass::Validation));
        statuses.extend((self.verb == Verb::Get && self.status == 200).then_some(304));
        statuses.extend((self.auth != Auth::Anyone).then_some(401));
        if self.finds || self.path.contains(':') {
            statuses.insert(self.status_of(ErrorClass::NotFound));
        }
        statuses.extend(self.unique.then_some(self.status_of(ErrorClass::DuplicateProperty)));
        statuses.extend(self.also.iter().map(|class| self.status_of(*class)));
        statuses.extend(matches!(self.handler, Handler::Link).then_some(426));
        statuses.extend(self.guessed.then_some(429));
        // A field of the form that the route does not know.
        statuses.extend(self.file.map(|_| 500));
        statuses
    }
}

/// The whole table, noun by noun.
pub fn all() -> impl Iterator<Item = &'static Route> {
    [
        status::ROUTES,
        user::ROUTES,
        activation::ROUTES,
        fog::ROUTES,
        agent::ROUTES,
        enrolment::ROUTES,
        application::ROUTES,
        application_template::ROUTES,
        microservice::ROUTES,
        route::ROUTES,
        strace::ROUTES,
        snapshot::ROUTES,
        tunnel::ROUTES,
        registry::ROUTES,
        catalog::ROUTES,
        edge_resource::ROUTES,
        router::ROUTES,
        config::ROUTES,
        flow::ROUTES,
        k8s::ROUTES,
    ]
    .into_iter()
    .flatten()
}

/// Finds the route of a request and its path parameters. Fixed segments match in any case and before parameters; one
/// trailing slash is ignored; HEAD falls back to GET.
#[must_use]
pub fn find(verb: Verb, path: &str) -> Option<(&'static Route, Vec<(&'static str, String)>)> {
    let path = strip_prefix_any_case(path)?;
    let path = path.strip_suffix('/').unwrap_or(path);
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let matching = |verb: Verb| {
        all()
            .filter(|route| route.verb == verb)
            .filter_map(|route| Some((route, matches(route.path, &segments)?)))
            .min_by_key(|(_, parameters)| parameters.len())
    };
    match (matching(verb), verb) {
        (None, Verb::Head) => matching(Verb::Get),
        (found, _) => found,
    }
}

fn strip_prefix_any_case(path: &str) -> Option<&str> {
    let (prefix, rest) = path.split_at_checked(PREFIX.len())?;
    (prefix.eq_ignore_ascii_case(PREFIX) && rest.starts_with('/')).then_some(rest)
}

fn matches(pattern: &'static str, segments: &[&str]) -> Option<Vec<(&'static str, String)>> {
    let mut wanted = pattern.split('/').skip(1);
    let mut given = segments.iter();
    let mut parameters = Vec::new();
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(parameters),
            (Some(wanted), Some(given)) => match wanted.strip_prefix(':') {
                Some(_) if given.is_empty() => return None,
                Some(name) => parameters.push((name, decode(given)?)),
                None if wanted.eq_ignore_ascii_case(given) => {}
                None => return None,
            },
            _ => return None,
        }
    }
}

/// Percent-decodes a path segment.
pub(crate) fn decode(segment: &str) -> Option<String> {
    if !segment.contains('%') {
        return Some(segment.to_owned());
    }
    let mut bytes = segment.bytes();
    let mut decoded = Vec::with_capacity(segment.len());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits = [bytes.next()?, bytes.next()?];
            let text = std::str::from_utf8(&digits).ok()?;
            decoded.push(u8::from_str_radix(text, 16).ok()?);
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).ok()
}

/// Documents that are read at one time.
static READING: Semaphore = Semaphore::const_new(2);

/// An uploaded YAML document as a JSON body. Read beside the other requests: a large one takes long, and while the
/// store's writer read it, nobody could write.
async fn document(request: &Request, kind: &'static str) -> Result<Value, ApiError> {
    let missing = || ApiError::validation(format!("{kind} file missing"));
    let file = request.file.as_ref().ok_or_else(missing)?;
    if file.content.len() > yaml::LIMIT {
        let limit = yaml::LIMIT;
        let text = format!("Invalid YAML format: document has more than {limit} bytes");
        return Err(ApiError::validation(text));
    }
    let text = std::str::from_utf8(&file.content)
        .map_err(|_| ApiError::validation("Invalid YAML format: not UTF-8 text"))?;
    let _permit = READING.acquire().await.map_err(|_| ApiError::internal("reading is closed"))?;
    tokio::task::block_in_place(|| yaml::read(text, kind)).map(Value::Object)
}

/// Runs a route's handler.
///
/// # Errors
/// What the handler refuses.
pub async fn run(app: &Arc<App>, route: &'static Route, request: Request, stop: Stop) -> Answered {
    match route.handler {
        Handler::Read(run) => app.read(move |work| run(work, &request)).await,
        Handler::Write(run) => {
            broker::write(app, request, move |work, request| {
                if route.rendered {
                    render(work, request)?;
                }
                run(work, request)
            })
            .await
        }
        Handler::Live(run) => run(app, &request),
        Handler::Async(run) => run(Arc::clone(app), request, stop).await,
        // Only the server has a connection to hand over.
        Handler::Link => Err(ApiError::validation("a device link needs a connection")),
    }
}

/// Renders the templates in a request's body, in place.
pub(crate) fn render(work: &mut Work<'_>, request: &mut Request) -> Result<(), ApiError> {
    let user = request.user()?;
    substitution::render(work, user, &mut request.body, &Map::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(verb: Verb, path: &str) -> Option<&'static str> {
        find(verb, path).map(|(route, _)| route.id)
    }

    #[test]
    fn paths_match_in_any_case_and_with_a_trailing_slash() {
        assert_eq!(id(Verb::Get, "/API/V3/Status/"), Some("status.get"));
        assert_eq!(id(Verb::Head, "/api/v3/status"), Some("status.get"));
        assert_eq!(id(Verb::Get, "/api/v3/nothing"), None);
        assert_eq!(id(Verb::Get, "/api/v3x/status"), None);
    }

    #[test]
    fn fixed_segments_win_over_parameters() {
        assert_eq!(
            id(Verb::Get, "/api/v3/microservices/public-ports"),
            Some("microservice.public-ports")
        );
        assert_eq!(id(Verb::Get, "/api/v3/microservices/abc"), Some("microservice.get"));
    }

    #[test]
    fn parameters_are_decoded() {
        let (_, parameters) = find(Verb::Get, "/api/v3/application/a%2Eb").unwrap();
        assert_eq!(parameters, [("name", "a.b".to_owned())]);
        assert!(find(Verb::Get, "/api/v3/application/a%2").is_none());
    }

    #[test]
    fn ids_and_paths_are_unique() {
        let mut ids = std::collections::HashSet::new();
        let mut paths = std::collections::HashSet::new();
        for route in all() {
            assert!(ids.insert(route.id), "{}", route.id);
            assert!(paths.insert((route.verb.name(), route.path)), "{}", route.path);
        }
    }
}
