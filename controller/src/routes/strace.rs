//! Traces of microservices (controller contract 15): users switch them, agents deliver them.

use std::sync::Arc;

use iofog_api::{ApiError, ErrorClass, Fields, MicroserviceUuid};
use serde_json::json;

use super::{Answered, AnsweredLater, Auth, Handler, Route, Verb};
use crate::app::{App, Work};
use crate::domain::change::Flags;
use crate::http::{Reply, Request};
use crate::ops::{agent, find};
use crate::stop::Stop;
use crate::{ftp, store};

pub(super) const ROUTES: &[Route] = &[
    Route::new(
        "strace.switch",
        Verb::Patch,
        "/microservices/:uuid/strace",
        Auth::User,
        204,
        Handler::Write(switch),
    ),
    Route::new("agent.strace", Verb::Get, "/agent/strace", Auth::Agent, 200, Handler::Read(wanted))
        .finds(),
    Route::new(
        "agent.put-strace",
        Verb::Put,
        "/agent/strace",
        Auth::Agent,
        204,
        Handler::Write(deliver),
    )
    .finds(),
    Route::new(
        "strace.get",
        Verb::Get,
        "/microservices/:uuid/strace",
        Auth::User,
        200,
        Handler::Read(get),
    ),
    Route::new(
        "strace.ftp",
        Verb::Put,
        "/microservices/:uuid/strace",
        Auth::User,
        204,
        Handler::Async(upload),
    )
    .also(&[ErrorClass::Ftp]),
];

/// Bytes kept of a trace; far below the reference's 100 million, which would not fit a device.
const KEPT: usize = 1024 * 1024;

fn switch(work: &mut Work<'_>, request: &Request) -> Answered {
    let enable = Fields::of(&request.body)?
        .boolean("enable")?
        .ok_or_else(|| iofog_api::check::missing("enable"))?;
    let found = find::microservice(work, request.user()?, request.parameter("uuid"))?;
    store::strace::set(work.tx, &found.uuid, enable)?;
    if let Some(fog) = &found.fog {
        work.flag(fog, Flags::DIAGNOSTICS)?;
    }
    Ok(Reply::empty())
}

fn kept(work: &mut Work<'_>, uuid: &MicroserviceUuid) -> Result<String, ApiError> {
    store::strace::buffer(work.tx, uuid)?
        .ok_or_else(|| ApiError::not_found("Strace data for this microservice not found"))
}

fn get(work: &mut Work<'_>, request: &Request) -> Answered {
    let found = find::microservice(work, request.user()?, request.parameter("uuid"))?;
    let buffer = kept(work, &found.uuid)?;
    match request.query("format") {
        Some("string") => Ok(Reply::json(json!({ "data": buffer }))),
        Some("file") => Ok(Reply::json(json!({ "data": base64(buffer.as_bytes()) }))),
        _ => Err(ApiError::validation("Field format is not one of enum values: string,file")),
    }
}

/// What is kept of a trace goes to a server of the user's, under the microservice's uuid.
fn upload(app: Arc<App>, request: Request, _: Stop) -> AnsweredLater {
    Box::pin(async move {
        let body = Fields::of(&request.body)?;
        let port = body.required_integer("ftpPort", 1, 65_535)?;
        let target = ftp::Target {
            host: body.required_string("ftpHost", 1)?,
            port: u16::try_from(port).map_err(|_| ApiError::internal("a port out of bounds"))?,
            user: body.required_string("ftpUser", 0)?,
            password: body.required_string("ftpPass", 0)?,
            folder: body.required_string("ftpDestDir", 0)?,
        };
        let (name, buffer) = app
            .read(move |work| {
                let uuid = request.parameter("uuid");
                let found = find::microservice(work, request.user()?, uuid)?;
                let name = found.uuid.to_string();
                Ok((name, kept(work, &found.uuid)?))
            })
            .await?;
        ftp::put(&target, &name, buffer.as_bytes()).await.map_err(|error| {
            log::warn!("trace to {}: {error}", target.host);
            ApiError::new(ErrorClass::Ftp, format!("FTP error: '{error}'"))
        })?;
        Ok(Reply::empty())
    })
}

fn wanted(work: &mut Work<'_>, request: &Request) -> Answered {
    let switches = store::strace::of_fog(work.tx, request.agent()?)?;
    if switches.is_empty() {
        return Err(ApiError::not_found("Strace not found"));
    }
    let values: Vec<_> = switches
        .iter()
        .map(|(uuid, run)| json!({ "microserviceUuid": uuid, "straceRun": run }))
        .collect();
    Ok(Reply::json(json!({ "straceValues": values })))
}

fn deliver(work: &mut Work<'_>, request: &Request) -> Answered {
    let items = Fields::of(&request.body)?
        .objects("straceData", |item| {
            let uuid = item.required_string("microserviceUuid", 0)?;
            Ok((MicroserviceUuid::from(uuid), item.required_string("buffer", 0)?))
        })?
        .ok_or_else(|| iofog_api::check::missing("straceData"))?;
    let fog = agent::own(work, request.agent()?)?;
    let switches = store::strace::of_fog(work.tx, &fog.uuid)?;
    for (uuid, more) in items {
        let known = switches.iter().any(|(known, _)| *known == uuid);
        let stored = store::strace::buffer(work.tx, &uuid)?.filter(|_| known);
        let stored = stored
            .ok_or_else(|| ApiError::not_found(format!("Invalid microservice UUID '{uuid}'")))?;
        store::strace::put_buffer(work.tx, &uuid, &joined(stored, &more))?;
    }
    Ok(Reply::empty())
}

/// The end of both texts, within the limit.
fn joined(mut stored: String, more: &str) -> String {
    stored.push_str(more);
    if stored.len() > KEPT {
        let cut = (stored.len() - KEPT..=stored.len())
            .find(|at| stored.is_char_boundary(*at))
            .unwrap_or_default();
        stored.replace_range(..cut, "[trace is cut here]\n");
    }
    stored
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let at = |index: usize| u32::from(chunk.get(index).copied().unwrap_or_default());
        let group = at(0) << 16 | at(1) << 8 | at(2);
        for place in 0..4 {
            let digit = usize::try_from(group >> (18 - 6 * place) & 63).unwrap_or_default();
            let pad = place > chunk.len();
            text.push(if pad { '=' } else { DIGITS.get(digit).map_or('=', |d| char::from(*d)) });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_all_lengths() {
        for (plain, text) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")]
        {
            assert_eq!(base64(plain.as_bytes()), text);
        }
    }

    #[test]
    fn a_long_trace_keeps_its_end() {
        let text = joined("é".repeat(KEPT), "end");
        assert!(text.starts_with("[trace is cut here]\n") && text.ends_with("end"));
        assert!(text.len() < KEPT + 32);
    }
}
