//! Questions that can be asked of a running Agent in HTTP: by the command line over the Unix socket, and by the
//! Controller over a stream of the device link.

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use iofog_http::BoxWire;
use serde_json::{Value, json};

use crate::field_agent::{FieldAgent, VERSION};

type Answer = Response<Full<Bytes>>;

/// Largest head of a request.
const HEAD: usize = 16 * 1024;

/// The routes as one caller may use them.
#[derive(Clone)]
pub struct DeviceApi {
    _agent: FieldAgent,
}

// === impl DeviceApi ===

impl DeviceApi {
    /// What the Controller may ask.
    pub fn for_controller(agent: FieldAgent) -> Self {
        Self { _agent: agent }
    }

    /// Answers requests on one connection or stream until it ends.
    pub async fn serve(self, wire: BoxWire) {
        let service = service_fn(|request| async { Ok::<_, Infallible>(self.answer(request)) });
        let served = hyper::server::conn::http1::Builder::new()
            .max_buf_size(HEAD)
            .serve_connection(wire, service)
            .await;
        if let Err(error) = served {
            log::debug!(target: "device-api", "caller went away: {error}");
        }
    }

    fn answer(&self, request: Request<Incoming>) -> Answer {
        match (request.method(), request.uri().path()) {
            (&Method::GET, "/v1/version") => reply(StatusCode::OK, &json!({ "version": VERSION })),
            (_, path) => {
                let text = format!("no such route: {path}");
                reply(StatusCode::NOT_FOUND, &json!({ "message": text }))
            }
        }
    }
}

fn reply(status: StatusCode, body: &Value) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body.to_string())));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}
