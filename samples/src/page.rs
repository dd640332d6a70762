//! The dashboard's HTTP answers: the page, its points, the counts that tests look at.

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::json;

use crate::ledger::Ledger;

const PAGE: &str = include_str!("page/index.html");

/// Answers `GET /`, `GET /api/points?after=N` and `GET /api/messages`.
pub fn answer(request: &Request<Incoming>, ledger: &Ledger) -> Response<Full<Bytes>> {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "only GET");
    }
    match request.uri().path() {
        "/" | "/index.html" => respond(StatusCode::OK, "text/html; charset=utf-8", PAGE.into()),
        "/api/points" => {
            let points = ledger.points_after(after(request.uri().query()));
            let body = json!({ "points": points, "summary": ledger.summary() });
            respond(StatusCode::OK, "application/json", body.to_string().into())
        }
        "/api/messages" => {
            let body = json!(ledger.summary());
            respond(StatusCode::OK, "application/json", body.to_string().into())
        }
        _ => plain(StatusCode::NOT_FOUND, "not found"),
    }
}

fn after(query: Option<&str>) -> u64 {
    let pairs = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(key, _)| *key == "after").find_map(|(_, value)| value.parse().ok()).unwrap_or(0)
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    respond(status, "text/plain; charset=utf-8", text.into())
}

fn respond(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::after;

    #[test]
    fn query() {
        assert_eq!(after(Some("a=1&after=17")), 17);
        assert_eq!(after(Some("after=x")), 0);
        assert_eq!(after(None), 0);
    }
}
