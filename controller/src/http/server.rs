//! The server: accepts connections, finds the route, authenticates, parses, runs the handler, and answers with the headers
//! that every answer has (controller contract 0.1).

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use iofog_api::{ApiError, ErrorClass};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::body::{self, Parsed, Refused};
use super::content::Content;
use super::patience::Patience;
use super::tls::Tls;
use super::{Body, Caller, Reply, Request, query, upload};
use crate::app::{App, now_ms};
use crate::domain::password::token_hash;
use crate::link;
use crate::openapi;
use crate::routes::{self, Auth, Handler, Route, Verb};
use crate::stop::Stop;
use crate::store;

/// A route and the parameters of its path.
type Found = (&'static Route, Vec<(&'static str, String)>);
type Answer = hyper::Response<Content>;

/// How long a client may take for a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a client may take for a request's body.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a client may take nothing of an answer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);

/// Serves until `stop` turns true, then lets requests in flight finish for a while. `tls` makes it HTTPS.
pub async fn serve(app: Arc<App>, listener: TcpListener, tls: Option<Arc<Tls>>, mut stop: Stop) {
    let mut connections = tokio::task::JoinSet::new();
    // Beyond the bound clients wait in the listener's queue, and those with connections go on.
    let places = Arc::new(Semaphore::new(app.settings.connections));
    loop {
        let place = tokio::select! {
            () = stop.wait() => break,
            place = Arc::clone(&places).acquire_owned() => place,
        };
        let (stream, peer) = tokio::select! {
            () = stop.wait() => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors: wait for some to be closed.
                    log::warn!("cannot accept a connection: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        while connections.try_join_next().is_some() {}
        let _ = stream.set_nodelay(true);
        let (app, tls, stop) = (Arc::clone(&app), tls.clone(), stop.clone());
        connections.spawn(async move {
            let _place = place;
            app.metrics.connections.fetch_add(1, Ordering::Relaxed);
            let stream = Patience::new(stream, WRITE_TIMEOUT);
            match tls {
                None => connection(Arc::clone(&app), TokioIo::new(stream), peer.ip(), stop).await,
                Some(tls) => {
                    if let Some(stream) = tls.accept(stream).await {
                        let stream = TokioIo::new(stream);
                        connection(Arc::clone(&app), stream, peer.ip(), stop).await;
                    }
                }
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

/// Serves one connection, or a stream of a device link; `peer` is who guesses are counted for.
pub(crate) async fn connection<T>(app: Arc<App>, stream: T, peer: IpAddr, mut stop: Stop)
where
    T: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let stopping = stop.clone();
    let service = service_fn(move |request| {
        let (app, stopping) = (Arc::clone(&app), stopping.clone());
        async move { Ok::<_, Infallible>(answer(app, request, peer, stopping).await) }
    });
    let serving = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(64 * 1024)
        .serve_connection(stream, service)
        .with_upgrades();
    tokio::pin!(serving);
    tokio::select! {
        _ = serving.as_mut() => return,
        () = stop.wait() => serving.as_mut().graceful_shutdown(),
    }
    let _ = serving.await;
}

async fn answer(
    app: Arc<App>,
    request: hyper::Request<Incoming>,
    peer: IpAddr,
    stop: Stop,
) -> Answer {
    let head_only = request.method() == Method::HEAD;
    let if_none_match = request.headers().get(hyper::header::IF_NONE_MATCH).cloned();
    let (begun, metrics) = (Instant::now(), Arc::clone(&app));
    let found =
        Verb::of(request.method()).and_then(|verb| routes::find(verb, request.uri().path()));
    let name = found.as_ref().map_or("none", |(route, _)| route.id);
    let mut answer = match respond(app, request, found, peer, stop).await {
        Ok(answer) => answer,
        Err(refused) => refusal(refused),
    };
    metrics.metrics.answered(name, answer.status().as_u16(), begun.elapsed());
    common_headers(answer.headers_mut());
    let tag = answer.headers().get(hyper::header::ETAG).and_then(|tag| tag.to_str().ok());
    let known = if_none_match.as_ref().and_then(|known| known.to_str().ok());
    let matches = tag.zip(known).is_some_and(|(tag, known)| names_tag(known, tag));
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
    peer: IpAddr,
    stop: Stop,
) -> Result<Answer, Refused> {
    let (mut parts, mut incoming) = request.into_parts();
    if parts.method == Method::OPTIONS {
        return Ok(preflight(&parts.headers));
    }
    let path = parts.uri.path();
    let Some((route, parameters)) = found else {
        if let Some(answer) = probe(&app, &parts.method, path).await {
            return Ok(answer);
        }
        body::discard(&parts.headers, &mut incoming).await;
        let text = format!("Cannot {} {}", parts.method, html_escape(path));
        return Ok(html(StatusCode::NOT_FOUND, &text));
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
            return Ok(failure(route, &error));
        }
    };
    if let Handler::Link = route.handler {
        let upgrade = parts.extensions.remove::<hyper::upgrade::OnUpgrade>();
        return Ok(open_link(&app, caller, &parts.headers, upgrade, stop));
    }
    let content_type = text_of(&parts.headers, "content-type");
    let parsed = match route.file {
        Some(field) if route.spooled => {
            if !content_type.to_ascii_lowercase().starts_with("multipart/form-data") {
                body::discard(&parts.headers, &mut incoming).await;
                return Ok(failure(route, &ApiError::validation("Invalid content type")));
            }
            let folder = app.settings.snapshots();
            match upload::spool(content_type, &mut incoming, field, &folder).await {
                Ok(file) => Parsed { file, ..Parsed::default() },
                Err(refused) => {
                    body::discard(&parts.headers, &mut incoming).await;
                    return Err(refused);
                }
            }
        }
        field => {
            let limit = if field.is_some() { body::DOCUMENT } else { body::SMALL };
            let collected = tokio::time::timeout(BODY_TIMEOUT, body::collect(&mut incoming, limit))
                .await
                .map_err(|_| Refused::Broken)??;
            body::parse(content_type, collected, field).await?
        }
    };
    let guess = route.guessed.then(|| {
        let account = parsed.value.get("email").and_then(Value::as_str).unwrap_or_default();
        (peer, route.id, account.chars().take(256).collect::<String>())
    });
    if let Some(wait) = guess.as_ref().and_then(|guess| app.limits.wait(guess, app.steady_ms())) {
        return Ok(too_many(wait));
    }
    let request = Request {
        caller,
        parameters,
        query: query::sanitised(parts.uri.query().unwrap_or_default()),
        body: parsed.value,
        file: parsed.file,
        wait: wait_of(text_of(&parts.headers, "prefer")),
    };
    let result = routes::run(&app, route, request, stop).await;
    if let (Some(guess), Err(error)) = (guess, &result)
        && !matches!(error.class, ErrorClass::Internal | ErrorClass::Validation)
    {
        app.limits.failed(guess, app.steady_ms());
    }
    Ok(match result {
        Ok(reply) => success(route, reply),
        Err(error) => failure(route, &error),
    })
}

/// 101 and a device link, or 426 when none is asked for.
fn open_link(
    app: &Arc<App>,
    caller: Caller,
    headers: &HeaderMap,
    upgrade: Option<hyper::upgrade::OnUpgrade>,
    stop: Stop,
) -> Answer {
    if let (Caller::Agent(fog), Some(upgrade)) = (caller, upgrade)
        && let Some(headers) = link::upgrade(app, fog, headers, upgrade, stop)
    {
        let mut answer = empty(StatusCode::SWITCHING_PROTOCOLS);
        answer.headers_mut().extend(headers);
        return answer;
    }
    let mut answer = html(StatusCode::UPGRADE_REQUIRED, "upgrade to iofog-link required");
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

fn success(route: &Route, reply: Reply) -> Answer {
    let status =
        StatusCode::from_u16(reply.status.unwrap_or(route.status)).unwrap_or(StatusCode::OK);
    let mut answer = match (reply.body, reply.file) {
        (Some(Body::Value(body)), _) => json(status, body.to_string()),
        (Some(Body::Text(text)), _) => json(status, text),
        (None, Some((file, length))) => with(status, Content::file(file, length)),
        (None, None) => empty(status),
    };
    for (name, value) in reply.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            answer.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    answer
}

fn failure(route: &Route, error: &ApiError) -> Answer {
    if error.class == ErrorClass::Internal {
        log::error!("{}: {}", route.id, error.message);
    }
    let status = StatusCode::from_u16(route.status_of(error.class))
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    json(status, error.body().to_string())
}

fn refusal(refused: Refused) -> Answer {
    match refused {
        Refused::TooLarge => html(StatusCode::PAYLOAD_TOO_LARGE, "request entity too large"),
        Refused::Malformed => html(StatusCode::BAD_REQUEST, "malformed request body"),
        Refused::UnexpectedField => html(StatusCode::INTERNAL_SERVER_ERROR, "unexpected field"),
        Refused::Failed => html(StatusCode::INTERNAL_SERVER_ERROR, "the body cannot be stored"),
        Refused::Broken => html(StatusCode::REQUEST_TIMEOUT, "request body did not arrive"),
    }
}

fn empty(status: StatusCode) -> Answer {
    with(status, Content::empty())
}

fn with(status: StatusCode, content: Content) -> Answer {
    let mut answer = Answer::new(content);
    *answer.status_mut() = status;
    answer
}

/// Too many failures: when to come back.
fn too_many(wait_ms: i64) -> Answer {
    let body = serde_json::json!({
        "name": "TooManyRequestsError",
        "message": "Too many failed attempts, try again later",
    });
    let mut answer = json(StatusCode::TOO_MANY_REQUESTS, body.to_string());
    let seconds = HeaderValue::from(wait_ms / 1000 + 1);
    answer.headers_mut().insert("retry-after", seconds);
    answer
}

/// What is served beside the table: `/health` is 200 while the database answers, `/metrics` is for Prometheus, `/docs` says what
/// the API is.
async fn probe(app: &Arc<App>, method: &Method, path: &str) -> Option<Answer> {
    if method != Method::GET && method != Method::HEAD {
        return None;
    }
    match path.strip_suffix('/').unwrap_or(path) {
        "/docs" => return Some(page(StatusCode::OK, openapi::page::page(openapi::document()))),
        "/docs/openapi.json" => return Some(json(StatusCode::OK, openapi::document().to_string())),
        _ => {}
    }
    let (status, text) = match path {
        "/health" => match app.read(|work| Ok(store::user::by_id(work.tx, 0)?)).await {
            Ok(_) => (StatusCode::OK, "ok\n".to_owned()),
            Err(error) => {
                log::error!("health: {error}");
                (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n".to_owned())
            }
        },
        "/metrics" => (StatusCode::OK, app.metrics.page(app)),
        _ => return None,
    };
    let mut answer = with(status, Content::from(text));
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    answer.headers_mut().insert("content-type", kind);
    Some(answer)
}

fn json(status: StatusCode, text: String) -> Answer {
    let tag = HeaderValue::from_str(&entity_tag(text.as_bytes()));
    let mut answer = with(status, Content::from(text));
    let headers = answer.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/json; charset=utf-8"));
    if let Ok(tag) = tag {
        headers.insert("etag", tag);
    }
    answer
}

/// True when an `If-None-Match` header names a tag; weak or not makes no difference there (RFC 9110, 13.1.2).
pub(crate) fn names_tag(known: &str, tag: &str) -> bool {
    let bare = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    known.trim() == "*" || known.split(',').any(|one| bare(one) == bare(tag))
}

/// A weak entity tag: length and a 64-bit hash, eight bytes at a time; it tells versions apart and guards nothing.
fn entity_tag(body: &[u8]) -> String {
    let mix =
        |hash: u64, word: u64| (hash.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    let (words, rest) = body.as_chunks::<8>();
    let hash =
        words.iter().fold(0xcbf2_9ce4_8422_2325, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    let hash = rest.iter().fold(hash, |hash, byte| mix(hash, u64::from(*byte)));
    format!("W/\"{:x}-{hash:016x}\"", body.len())
}

fn html(status: StatusCode, text: &str) -> Answer {
    let page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Error</title>\n\
         </head>\n<body>\n<pre>{text}</pre>\n</body>\n</html>\n"
    );
    self::page(status, page)
}

fn page(status: StatusCode, page: String) -> Answer {
    let mut answer = with(status, Content::from(page));
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    answer.headers_mut().insert("content-type", kind);
    answer
}

fn html_escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn preflight(headers: &HeaderMap) -> Answer {
    let mut answer = empty(StatusCode::NO_CONTENT);
    let own = answer.headers_mut();
    let methods = HeaderValue::from_static("GET,HEAD,PUT,PATCH,POST,DELETE");
    own.insert("access-control-allow-methods", methods);
    own.insert("vary", HeaderValue::from_static("Access-Control-Request-Headers"));
    if let Some(wanted) = headers.get("access-control-request-headers") {
        own.insert("access-control-allow-headers", wanted.clone());
    }
    answer
}

pub(crate) fn common_headers(headers: &mut HeaderMap) {
    for (name, value) in [
        ("access-control-allow-origin", "*"),
        ("x-frame-options", "SAMEORIGIN"),
        ("x-content-type-options", "nosniff"),
        ("strict-transport-security", "max-age=15552000; includeSubDomains"),
        ("x-dns-prefetch-control", "off"),
        ("x-download-options", "noopen"),
        ("x-xss-protection", "1; mode=block"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers.insert("x-timestamp", HeaderValue::from(now_ms()));
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

    #[test]
    fn conditional_requests_name_one_tag_several_or_all() {
        let tag = "W/\"2-ab\"";
        for known in [tag, "\"2-ab\"", "\"x\", W/\"2-ab\"", "*"] {
            assert!(names_tag(known, tag), "{known}");
        }
        for known in ["", "\"2-a\"", "2-ab", "W/\"2-AB\""] {
            assert!(!names_tag(known, tag), "{known}");
        }
    }

    #[test]
    fn entity_tags_tell_bodies_apart() {
        assert_eq!(entity_tag(b"{}"), entity_tag(b"{}"));
        assert_ne!(entity_tag(b"{}"), entity_tag(b"[]"));
        let long = b"{\"fogs\":[1,2,3,4,5,6,7,8]}";
        for changed in 0..long.len() {
            let mut other = *long;
            other[changed] ^= 1;
            assert_ne!(entity_tag(long), entity_tag(&other), "byte {changed}");
        }
    }
}
