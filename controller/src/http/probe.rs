//! What is served beside the table of routes: `/health` is 200 while the database answers, `/metrics` is for Prometheus, `/docs`
//! says what the API is.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use hyper::header::HeaderValue;
use hyper::{Method, StatusCode};

use super::answer::{Answer, hold, json, page, with};
use super::body::Refused;
use super::budget::Owner;
use super::content::Content;
use crate::app::App;
use crate::openapi;
use crate::store;

/// The document and its page are written once; all who read them share them.
static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(openapi::document().to_string()));
static PAGE: LazyLock<Bytes> =
    LazyLock::new(|| Bytes::from(openapi::page::page(openapi::document())));

/// Whether the database answers and is where it was.
async fn health(app: &Arc<App>) -> (StatusCode, String) {
    let ill = |why: &str| (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n"));
    if let Err(error) = app.store().check() {
        log::error!("health: {error}");
        return ill("the database file was removed or replaced: nothing is written");
    }
    match app.read(|work| Ok(store::user::by_id(work.tx, 0)?)).await {
        Ok(_) => (StatusCode::OK, "ok\n".to_owned()),
        Err(error) => {
            log::error!("health: {error}");
            ill("the database does not answer")
        }
    }
}

/// Answers a request for one of these; none for any other.
pub(super) async fn probe(
    app: &Arc<App>,
    method: &Method,
    path: &str,
) -> Option<Result<Answer, Refused>> {
    if method != Method::GET && method != Method::HEAD {
        return None;
    }
    match path.strip_suffix('/').unwrap_or(path) {
        "/docs" => return Some(Ok(page(StatusCode::OK, PAGE.clone()))),
        "/docs/openapi.json" => return Some(Ok(json(StatusCode::OK, DOCUMENT.clone()))),
        _ => {}
    }
    let (status, text) = match path {
        "/health" => health(app).await,
        "/metrics" => (StatusCode::OK, app.metrics.page(app)),
        _ => return None,
    };
    // Who watches wants to see most of all when strangers fill their share.
    let text = match hold(text, app.budget.claim(Owner::Watcher), true) {
        Ok(text) => text,
        Err(refused) => return Some(Err(refused)),
    };
    let mut answer = with(status, Content::Whole(text));
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    answer.headers_mut().insert("content-type", kind);
    Some(Ok(answer))
}
