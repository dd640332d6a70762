//! The table of routes (agent contract, 8.1 to 8.3).

use std::rc::Rc;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};

use super::reply::{Answer, Refusal};
use super::server::{LocalApi, Peer};
use super::socket::Kind;
use super::{administration, bluetooth, config, gps, log_lines, messages, request, socket};

/// Handlers by path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Route {
    Config,
    NextMessages,
    NewMessage,
    QueryMessages,
    EdgeResources,
    GetPosition,
    SetPosition,
    Log,
    Bluetooth,
    Socket(Kind),
    Administration(administration::Action),
}

/// Prefix of the route that explains one microservice, whose name follows.
const EXPLAIN: &str = "/v2/explain/";

/// Finds the handler: none = unknown path, an error = wrong method.
fn find(method: &Method, path: &str) -> Option<Result<Route, ()>> {
    use administration::Action;
    let (get, post) = (&Method::GET, &Method::POST);
    let (expected, route) = match path {
        "/v2/config/get" => (post, Route::Config),
        "/v2/messages/next" => (post, Route::NextMessages),
        "/v2/messages/new" => (post, Route::NewMessage),
        "/v2/messages/query" => (post, Route::QueryMessages),
        "/v2/messages/ledger" => (get, Route::Administration(Action::Ledger)),
        "/v2/gps" if method == Method::GET => (get, Route::GetPosition),
        "/v2/gps" => (post, Route::SetPosition),
        path if path.starts_with("/v2/control/socket/id/") => (get, Route::Socket(Kind::Control)),
        path if path.starts_with("/v2/message/socket/id/") => (get, Route::Socket(Kind::Message)),
        path if path.starts_with("/v2/edgeResources") => (get, Route::EdgeResources),
        path if path.starts_with("/v2/log") => (post, Route::Log),
        path if path.starts_with("/v2/restblue") => (method, Route::Bluetooth),
        path if path.starts_with("/v2/commandline") => {
            (post, Route::Administration(Action::Command))
        }
        path if path.starts_with("/v2/status") => (get, Route::Administration(Action::Status)),
        path if path.starts_with("/v2/info") => (get, Route::Administration(Action::Info)),
        path if path.starts_with(EXPLAIN) => (get, Route::Administration(Action::Explain)),
        path if path.starts_with("/v2/version") => (get, Route::Administration(Action::Version)),
        path if path.starts_with("/v2/provision") => {
            (post, Route::Administration(Action::Provision))
        }
        path if path.starts_with("/v2/deprovision") => {
            (&Method::DELETE, Route::Administration(Action::Deprovision))
        }
        path if path.starts_with("/v2/config") => (post, Route::Administration(Action::Configure)),
        _ => return None,
    };
    Some(if method == expected { Ok(route) } else { Err(()) })
}

/// Answers one request.
pub(super) async fn answer(api: LocalApi, peer: Rc<Peer>, request: Request<Incoming>) -> Answer {
    // The caller goes on, so it has read the messages of the last answer.
    if let Some(batch) = peer.handed.take() {
        batch.consumed();
    }
    let route = match find(request.method(), request.uri().path()) {
        Some(Ok(route)) => route,
        Some(Err(())) => {
            return Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "wrong method").into();
        }
        None => return Refusal::new(StatusCode::NOT_FOUND, "unknown path").into(),
    };
    serve(&api, &peer, route, request).await.unwrap_or_else(Answer::from)
}

async fn serve(
    api: &LocalApi,
    peer: &Rc<Peer>,
    route: Route,
    request: Request<Incoming>,
) -> Result<Answer, Refusal> {
    let shared = &api.shared;
    if let Route::Socket(kind) = route {
        return socket::open(api, peer, kind, request).await;
    }
    if let Route::Administration(_) = route {
        administration::authorize(shared, request.headers())?;
    }
    // The token opens what belongs to this node, also to those who watch its messages from outside.
    let trusted = route == Route::QueryMessages
        && administration::authorize(shared, request.headers()).is_ok();
    if request.method() == Method::POST || route == Route::GetPosition {
        request::require_json(request.headers())?;
    }
    if route == Route::Bluetooth {
        let call = bluetooth::Call::of(&request);
        let body = request::body(request.into_body(), &shared.options).await?;
        return bluetooth::pass_on(shared, peer, call, body).await;
    }
    let rest = request.uri().path().strip_prefix(EXPLAIN).unwrap_or_default().to_owned();
    let body: Bytes = request::body(request.into_body(), &shared.options).await?;
    match route {
        Route::Config => config::get(shared, peer, &body).await,
        Route::NextMessages => messages::next(shared, peer, &body).await,
        Route::NewMessage => messages::new(shared, peer, &body).await,
        Route::QueryMessages => messages::query(shared, peer, trusted, &body).await,
        Route::EdgeResources => config::edge_resources(shared, peer).await,
        Route::GetPosition => gps::get(shared, peer).await,
        Route::SetPosition => gps::set(shared, peer, &body).await,
        Route::Log => log_lines::post(shared, peer, &body).await,
        Route::Administration(action) => administration::serve(shared, action, &rest, &body).await,
        Route::Socket(_) | Route::Bluetooth => Err(Refusal::bad_request("a WebSocket is expected")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_paths_win_over_prefixes() {
        let found = |method, path| find(method, path).unwrap();
        assert_eq!(found(&Method::POST, "/v2/config/get"), Ok(Route::Config));
        assert!(matches!(found(&Method::POST, "/v2/config"), Ok(Route::Administration(_))));
        assert_eq!(found(&Method::GET, "/v2/gps"), Ok(Route::GetPosition));
        assert_eq!(found(&Method::POST, "/v2/gps"), Ok(Route::SetPosition));
        assert_eq!(found(&Method::GET, "/v2/messages/new"), Err(()));
        let ledger = Ok(Route::Administration(administration::Action::Ledger));
        assert_eq!(found(&Method::GET, "/v2/messages/ledger"), ledger);
        let explain = Ok(Route::Administration(administration::Action::Explain));
        assert_eq!(found(&Method::GET, "/v2/explain/abcd"), explain);
        assert!(find(&Method::GET, "/v2/explain").is_none());
        assert!(find(&Method::GET, "/v2/messages").is_none());
        assert!(find(&Method::GET, "/").is_none());
    }
}
