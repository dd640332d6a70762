//! The server: accepts connections, finds the route, authenticates, parses, and runs the handler (controller contract 0.1).

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::header::{HeaderMap, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use iofog_api::{ApiError, ErrorClass};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::answer::{self, Answer};
use super::body::{self, Parsed, Refused};
use super::budget::Owner;
use super::content::Content;
use super::patience::Patience;
use super::places::{Place, Places};
use super::probe::probe;
use super::tls::Tls;
use super::{Caller, Request, query, upload};
use crate::app::{App, now_ms};
use crate::domain::password::token_hash;
use crate::link;
use crate::routes::{self, Auth, Handler, Route, Verb};
use crate::stop::Stop;
use crate::store;

/// A route and the parameters of its path.
type Found = (&'static Route, Vec<(&'static str, String)>);

/// How long a client may take for a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a client may take for a request's body.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a client may take nothing of an answer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);

/// Reads whose answers nobody holds room for yet: each may be large, and the store reads one after another anyway.
static READING: Semaphore = Semaphore::const_new(4);

/// Bytes of a head that are read, as with the contract's own server; a connection buffers no more than this.
const HEAD: usize = 16 * 1024;

/// Who is at the other end of a connection.
#[derive(Clone, Debug)]
pub struct Client {
    /// Who guesses are counted for.
    pub address: IpAddr,
    /// Its place; a stream of a device link needs none of its own.
    pub place: Option<Arc<Place>>,
}

impl Client {
    /// The address that has shares; none for this machine and trusted proxies. Those that come over device links have one together.
    fn owner(&self) -> Option<IpAddr> {
        self.place.as_ref().map_or(Some(self.address), |place| place.address())
    }
}

/// Serves until `stop` turns true, then lets requests in flight finish for a while. `tls` makes it HTTPS.
pub async fn serve(app: Arc<App>, listener: TcpListener, tls: Option<Arc<Tls>>, mut stop: Stop) {
    let mut connections = tokio::task::JoinSet::new();
    let settings = &app.settings;
    // Beyond the bound clients wait in the listener's queue, and those with connections go on.
    let places =
        Places::new(settings.connections, settings.share(), settings.trusted_proxies.clone());
    'serving: loop {
        let permit = tokio::select! {
            () = stop.wait() => break 'serving,
            permit = places.free() => permit,
        };
        let (stream, peer) = loop {
            tokio::select! {
                () = stop.wait() => break 'serving,
                // What ended gives its memory back.
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
                accepted = listener.accept() => match accepted {
                    Ok(accepted) => break accepted,
                    Err(error) => {
                        // Out of file descriptors: wait for some to be closed.
                        log::warn!("cannot accept a connection: {error}");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                },
            }
        };
        let Some(place) = permit.and_then(|permit| places.take(permit, peer.ip())) else {
            app.metrics.turned_away.fetch_add(1, Ordering::Relaxed);
            turn_away(&stream, tls.is_some());
            continue;
        };
        let _ = stream.set_nodelay(true);
        let client = Client { address: peer.ip(), place: Some(Arc::new(place)) };
        let (app, tls, stop) = (Arc::clone(&app), tls.clone(), stop.clone());
        connections.spawn(async move {
            app.metrics.connections.fetch_add(1, Ordering::Relaxed);
            let stream = Patience::new(stream, WRITE_TIMEOUT);
            match tls {
                None => connection(Arc::clone(&app), TokioIo::new(stream), client, stop).await,
                // Apart, so that plain connections take no room for what TLS holds.
                Some(tls) => Box::pin(secured(Arc::clone(&app), &tls, stream, client, stop)).await,
            }
            app.metrics.connections.fetch_sub(1, Ordering::Relaxed);
        });
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(Duration::from_secs(5), drained).await.is_err() {
        log::warn!("connections still open at the end are cut");
    }
}

/// Serves one connection over TLS.
async fn secured(
    app: Arc<App>,
    tls: &Tls,
    stream: Patience<TcpStream>,
    client: Client,
    stop: Stop,
) {
    if let Some(stream) = tls.accept(stream).await {
        connection(app, TokioIo::new(stream), client, stop).await;
    }
}

/// Tells a client whose address has its share of places, as far as that can be done at once.
fn turn_away(stream: &TcpStream, is_tls: bool) {
    log::debug!("an address has its share of connections");
    if !is_tls {
        let _ = stream.try_write(answer::TURNED_AWAY.as_bytes());
    }
}

/// Serves one connection, or a stream of a device link.
pub(crate) async fn connection<T>(app: Arc<App>, stream: T, client: Client, mut stop: Stop)
where
    T: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let stopping = stop.clone();
    let service = service_fn(move |request| {
        let (app, client, stopping) = (Arc::clone(&app), client.clone(), stopping.clone());
        // Room for a request is taken while there is one: most connections wait for the next.
        let answer = Box::pin(answered(app, request, client, stopping));
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let serving = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD)
        .serve_connection(stream, service)
        .with_upgrades();
    tokio::pin!(serving);
    tokio::select! {
        _ = serving.as_mut() => return,
        () = stop.wait() => serving.as_mut().graceful_shutdown(),
    }
    let _ = serving.await;
}

async fn answered(
    app: Arc<App>,
    request: hyper::Request<Incoming>,
    client: Client,
    stop: Stop,
) -> Answer {
    let head_only = request.method() == Method::HEAD;
    let if_none_match = request.headers().get(hyper::header::IF_NONE_MATCH).cloned();
    let (begun, metrics) = (Instant::now(), Arc::clone(&app));
    let found =
        Verb::of(request.method()).and_then(|verb| routes::find(verb, request.uri().path()));
    let name = found.as_ref().map_or("none", |(route, _)| route.id);
    let mut answer = match respond(app, request, found, client, stop).await {
        Ok(answer) => answer,
        Err(refused) => answer::refusal(refused),
    };
    metrics.metrics.answered(name, answer.status().as_u16(), begun.elapsed());
    answer::common_headers(answer.headers_mut());
    let tag = answer.headers().get(hyper::header::ETAG).and_then(|tag| tag.to_str().ok());
    let known = if_none_match.as_ref().and_then(|known| known.to_str().ok());
    let matches = tag.zip(known).is_some_and(|(tag, known)| answer::names_tag(known, tag));
    if matches && answer.status() == StatusCode::OK {
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        *answer.body_mut() = Content::empty();
    } else if head_only {
        // The length that GET would have.
        let length = answer.body().length();
        answer.headers_mut().insert("content-length", HeaderValue::from(length));
        *answer.body_mut() = Content::empty();
    }
    answer
}

async fn respond(
    app: Arc<App>,
    request: hyper::Request<Incoming>,
    found: Option<Found>,
    client: Client,
    stop: Stop,
) -> Result<Answer, Refused> {
    let (mut parts, mut incoming) = request.into_parts();
    if parts.method == Method::OPTIONS {
        return Ok(answer::preflight(&parts.headers));
    }
    let path = parts.uri.path();
    let Some((route, parameters)) = found else {
        if let Some(answer) = probe(&app, &parts.method, path).await {
            return answer;
        }
        body::discard(&parts.headers, &mut incoming).await;
        return Ok(answer::unknown(&parts.method, path));
    };
    // Before the body is read: strangers cannot make us buffer it.
    let mut caller = authenticate(&app, route.auth, &parts.headers);
    if caller.is_err() && app.store().is_shared() {
        // Another Controller may have given or extended the token a moment ago.
        learn(&app, route.auth, text_of(&parts.headers, "authorization")).await;
        caller = authenticate(&app, route.auth, &parts.headers);
    }
    let caller = match caller {
        Ok(caller) => caller,
        Err(error) => {
            body::discard(&parts.headers, &mut incoming).await;
            return Ok(answer::failure(route, &error));
        }
    };
    if let Handler::Link = route.handler {
        let upgrade = parts.extensions.remove::<hyper::upgrade::OnUpgrade>();
        return Ok(open_link(&app, caller, &parts.headers, upgrade, client, stop));
    }
    let content_type = text_of(&parts.headers, "content-type");
    let owner = Owner::of(&caller, client.owner());
    let mut claim = app.budget.claim(owner.clone());
    let parsed = match route.file {
        Some(field) if route.spooled => {
            if !content_type.to_ascii_lowercase().starts_with("multipart/form-data") {
                body::discard(&parts.headers, &mut incoming).await;
                return Ok(answer::failure(route, &ApiError::validation("Invalid content type")));
            }
            let folder = app.settings.snapshots();
            match upload::spool(content_type, &mut incoming, field, &folder).await {
                Ok(file) => Parsed { file, ..Parsed::default() },
                Err(refused) => {
                    if refused != Refused::Broken {
                        body::discard(&parts.headers, &mut incoming).await;
                    }
                    return Err(refused);
                }
            }
        }
        field => {
            let limit = if field.is_some() { body::DOCUMENT } else { body::SMALL };
            let collecting = body::collect(&mut incoming, limit, &mut claim);
            let collected = tokio::time::timeout(BODY_TIMEOUT, collecting)
                .await
                .unwrap_or(Err(Refused::Broken));
            if collected == Err(Refused::Overloaded) {
                body::discard(&parts.headers, &mut incoming).await;
            }
            body::parse(content_type, collected?, field).await?
        }
    };
    // Held until the answer is there: a request may wait for its turn.
    if !claim.hold(parsed.weight()) {
        return Err(Refused::Overloaded);
    }
    let guess = route.guessed.then(|| {
        let account = parsed.value.get("email").and_then(Value::as_str).unwrap_or_default();
        (client.address, route.id, account.chars().take(256).collect::<String>())
    });
    if let Some(wait) = guess.as_ref().and_then(|guess| app.limits.wait(guess, app.steady_ms())) {
        return Ok(answer::too_many(wait));
    }
    let request = Request {
        caller,
        parameters,
        query: query::sanitised(parts.uri.query().unwrap_or_default()),
        body: parsed.value,
        file: parsed.file,
        wait: wait_of(text_of(&parts.headers, "prefer")),
    };
    let _turn = match route.handler {
        Handler::Read(_) => READING.acquire().await.ok(),
        _ => None,
    };
    let result = routes::run(&app, route, request, stop).await;
    if let (Some(guess), Err(error)) = (guess, &result)
        && !matches!(error.class, ErrorClass::Internal | ErrorClass::Validation)
    {
        app.limits.failed(guess, app.steady_ms());
    }
    match result {
        Ok(reply) => answer::success(&app.budget, &owner, route, reply),
        Err(error) => Ok(answer::failure(route, &error)),
    }
}

/// 101 and a device link, or 426 when none is asked for.
fn open_link(
    app: &Arc<App>,
    caller: Caller,
    headers: &HeaderMap,
    upgrade: Option<hyper::upgrade::OnUpgrade>,
    client: Client,
    stop: Stop,
) -> Answer {
    if let (Caller::Agent(fog), Some(upgrade)) = (caller, upgrade)
        && let Some(headers) = link::upgrade(app, fog, headers, upgrade, client, stop)
    {
        let mut answer = answer::empty(StatusCode::SWITCHING_PROTOCOLS);
        answer.headers_mut().extend(headers);
        return answer;
    }
    let mut answer = answer::html(StatusCode::UPGRADE_REQUIRED, "upgrade to iofog-link required");
    let protocol = HeaderValue::from_static(iofog_link::UPGRADE);
    answer.headers_mut().insert(hyper::header::UPGRADE, protocol);
    answer
}

fn authenticate(app: &App, auth: Auth, headers: &HeaderMap) -> Result<Caller, ApiError> {
    if auth == Auth::Anyone {
        return Ok(Caller::Anyone);
    }
    let token = text_of(headers, "authorization");
    if token.is_empty() {
        return Err(ApiError::unauthorised());
    }
    let (hash, now) = (token_hash(token), now_ms());
    match auth {
        Auth::User => {
            app.live.sessions.user(&hash, now, app.settings.user_token_ms).map(Caller::User)
        }
        _ => {
            let agent = app.live.sessions.fog(&hash, now, app.settings.fog_token_ms)?;
            app.live.statuses.touch(&agent, now);
            Ok(Caller::Agent(agent))
        }
    }
}

/// Reads a token that is unknown or expired here from the store.
async fn learn(app: &Arc<App>, auth: Auth, token: &str) {
    if token.is_empty() {
        return;
    }
    let hash = token_hash(token);
    let learned = app
        .read(move |work| {
            let sessions = &work.live.sessions;
            match auth {
                Auth::User => {
                    if let Some((user, expires)) = store::token::user(work.tx, &hash)? {
                        sessions.add_user(hash, user, expires);
                    }
                }
                _ => {
                    if let Some((fog, expires)) = store::token::fog(work.tx, &hash)? {
                        sessions.add_fog(hash, fog, expires);
                    }
                }
            }
            Ok(())
        })
        .await;
    if let Err(error) = learned {
        log::error!("cannot look a token up: {error}");
    }
}

fn text_of<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Seconds of `wait=N` in a `Prefer` header (RFC 7240).
fn wait_of(prefer: &str) -> Option<u64> {
    prefer.split([',', ';']).find_map(|part| part.trim().strip_prefix("wait=")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preferences() {
        assert_eq!(wait_of("wait=25"), Some(25));
        assert_eq!(wait_of("respond-async, wait=5"), Some(5));
        assert_eq!(wait_of("wait=soon"), None);
        assert_eq!(wait_of(""), None);
    }
}
