//! The viewer: a page with its scripts, served from a folder on a port of its own beside `/controller-config.js`, which tells it where
//! the API is (controller contract 23, decision 0087).

mod files;

use std::convert::Infallible;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::http::answer::{common_headers, names_tag};
use crate::http::content::Content;
use crate::http::patience::Patience;
use crate::http::tls::Tls;
use crate::settings::Viewer;
use crate::stop::Stop;
use files::Found;

type Answer = hyper::Response<Content>;

/// Connections at one time: a few people look.
const CONNECTIONS: usize = 256;
/// How long a client may take for a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a client may take nothing of an answer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);

/// What is served.
#[derive(Debug)]
pub struct Site {
    /// The folder, without symbolic links.
    root: PathBuf,
    /// The text of `/controller-config.js`.
    config: String,
}

impl Site {
    /// Of a folder that has an `index.html`; `api` is the port of the API.
    ///
    /// # Errors
    /// When there is no such folder or page.
    pub fn open(viewer: &Viewer, api: u16) -> std::io::Result<Self> {
        let root = viewer.folder.canonicalize()?;
        std::fs::metadata(root.join("index.html"))?;
        let mut config = json!({ "port": api, "user": {} });
        if let Some(url) = &viewer.url {
            config["url"] = Value::from(url.as_str());
        }
        Ok(Self { root, config: format!("window.controllerConfig = {config}\n") })
    }
}

/// The version of the viewer whose contract we keep.
pub const CONTRACT_VERSION: &str = "3.0.2";

/// The version of the viewer in a folder: packages of viewers keep a `package.json` there or beside it.
#[must_use]
pub fn version(folder: &Path) -> Option<String> {
    [Some(folder), folder.parent()].into_iter().flatten().find_map(|folder| {
        let mut text = String::new();
        let file = std::fs::File::open(folder.join("package.json")).ok()?;
        file.take(PACKAGE).read_to_string(&mut text).ok()?;
        let package: Value = serde_json::from_str(&text).ok()?;
        package.get("version")?.as_str().map(str::to_owned)
    })
}

/// Bytes of a `package.json` that are read.
const PACKAGE: u64 = 256 * 1024;

/// Serves until `stop` turns true; what is under way then is cut: a page is loaded again.
pub async fn serve(site: Site, listener: TcpListener, tls: Option<Arc<Tls>>, mut stop: Stop) {
    let (site, places) = (Arc::new(site), Arc::new(Semaphore::new(CONNECTIONS)));
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let place = tokio::select! {
            () = stop.wait() => return,
            place = Arc::clone(&places).acquire_owned() => place,
        };
        let stream = tokio::select! {
            () = stop.wait() => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => Patience::new(stream, WRITE_TIMEOUT),
                Err(error) => {
                    log::warn!("viewer: cannot accept a connection: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        while connections.try_join_next().is_some() {}
        let (site, tls) = (Arc::clone(&site), tls.clone());
        connections.spawn(async move {
            let _place = place;
            match tls {
                None => connection(site, TokioIo::new(stream)).await,
                Some(tls) => {
                    if let Some(stream) = tls.accept(stream).await {
                        connection(site, TokioIo::new(stream)).await;
                    }
                }
            }
        });
    }
}

async fn connection<T>(site: Arc<Site>, stream: T)
where
    T: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let answer = answer(&site, &request);
        async move { Ok::<_, Infallible>(answer) }
    });
    // A client that breaks off needs no answer.
    let _ = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(16 * 1024)
        .serve_connection(stream, service)
        .await;
}

fn answer<B>(site: &Site, request: &hyper::Request<B>) -> Answer {
    let mut answer = match *request.method() {
        Method::GET | Method::HEAD => found(site, request.uri().path()),
        _ => {
            let mut refused = text(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n");
            refused.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            refused
        }
    };
    common_headers(answer.headers_mut());
    // Every part is asked for again, and sent only when it changed: the next version of the viewer shows at once.
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    let text_of = |value: Option<&HeaderValue>| Some(value?.to_str().ok()?.to_owned());
    let tag = text_of(answer.headers().get(header::ETAG));
    let known = text_of(request.headers().get(header::IF_NONE_MATCH));
    if tag.zip(known).is_some_and(|(tag, known)| names_tag(&known, &tag)) {
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        *answer.body_mut() = Content::empty();
    } else if request.method() == Method::HEAD {
        let length = HeaderValue::from(answer.body().length());
        answer.headers_mut().insert(header::CONTENT_LENGTH, length);
        *answer.body_mut() = Content::empty();
    }
    answer
}

fn found(site: &Site, path: &str) -> Answer {
    if path == "/controller-config.js" {
        return with(StatusCode::OK, files::JAVASCRIPT, Content::from(site.config.clone()));
    }
    match tokio::task::block_in_place(|| files::find(&site.root, path)) {
        Ok(Some(Found { file, length, kind, tag })) => {
            let mut answer = with(StatusCode::OK, kind, Content::file(file, length));
            if let Ok(tag) = HeaderValue::from_str(&tag) {
                answer.headers_mut().insert(header::ETAG, tag);
            }
            answer
        }
        Ok(None) => text(StatusCode::NOT_FOUND, "not found\n"),
        Err(error) => {
            log::error!("viewer: {path:?}: {error}");
            text(StatusCode::INTERNAL_SERVER_ERROR, "the file cannot be read\n")
        }
    }
}

fn text(status: StatusCode, text: &str) -> Answer {
    with(status, "text/plain; charset=utf-8", Content::from(text.to_owned()))
}

fn with(status: StatusCode, kind: &'static str, content: Content) -> Answer {
    let mut answer = Answer::new(content);
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}
