//! Protocol headers, SASL and `open`: all that comes before sessions.

use bytes::{Buf, Bytes};
use iofog_amqp::frame::{Frame, FrameKind, MIN_MAX_FRAME_SIZE, Protocol};
use iofog_amqp::sasl::{SaslCode, SaslFrame};
use iofog_amqp::{Error, Open, Performative, Symbol, condition};

use super::{Connection, Step};
use crate::output::USUAL_FRAME;
use crate::{ClientSasl, CloseReason, Config, Credentials, Event, Mechanism, Security, ServerSasl};

/// What is expected from the peer next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Server: any protocol header.
    AnyHeader,
    /// Client: the SASL header.
    SaslHeader,
    /// Client: the list of mechanisms.
    SaslMechanisms,
    /// Client: the outcome.
    SaslOutcome,
    /// Server: the choice of the client.
    SaslInit,
    /// Server: the user's decision.
    Authenticating,
    /// The AMQP header.
    AmqpHeader,
    /// The peer's `open`.
    Open,
    /// Anything but `open`.
    Running,
    /// `close`; all else is dropped.
    Closing,
    /// Nothing.
    Closed,
}

impl Phase {
    pub(super) fn start(security: &Security) -> Self {
        match security {
            Security::Server(_) => Self::AnyHeader,
            Security::Client(ClientSasl::None) => Self::AmqpHeader,
            Security::Client(_) => Self::SaslHeader,
        }
    }
}

impl Connection {
    pub(super) fn start(&mut self) {
        match self.phase {
            Phase::AmqpHeader => self.send_amqp_header_and_open(),
            Phase::SaslHeader => self.send_header(Protocol::Sasl),
            _ => {}
        }
    }

    fn send_header(&mut self, protocol: Protocol) {
        self.out.buffer(USUAL_FRAME).extend_from_slice(&protocol.header());
    }

    fn send_amqp_header_and_open(&mut self) {
        self.send_header(Protocol::Amqp);
        self.send_open();
    }

    fn is_server(&self) -> bool {
        matches!(self.config.security, Security::Server(_))
    }

    pub(super) fn send_open(&mut self) {
        if self.open_sent {
            return;
        }
        self.open_sent = true;
        let open = open_from(&self.config);
        let out = self.out.buffer(USUAL_FRAME);
        let frame = Frame::begin(out, FrameKind::Amqp { channel: 0 });
        open.encode(out);
        Frame::end(out, frame, 0);
    }

    fn send_sasl(&mut self, body: &SaslFrame) {
        let out = self.out.buffer(USUAL_FRAME);
        let frame = Frame::begin(out, FrameKind::Sasl);
        body.encode(out);
        Frame::end(out, frame, 0);
    }

    pub(super) fn step_handshake(&mut self) -> Step {
        match self.phase {
            Phase::Authenticating => Step::Idle,
            Phase::AnyHeader | Phase::SaslHeader | Phase::AmqpHeader => {
                match Protocol::parse(&self.input) {
                    Ok(None) => Step::Idle,
                    Ok(Some(protocol)) => {
                        self.input.advance(8);
                        self.on_header(protocol)
                    }
                    Err(_) => self.wrong_header(),
                }
            }
            _ => self.step_sasl(),
        }
    }

    fn on_header(&mut self, protocol: Protocol) -> Step {
        match (self.phase, protocol) {
            (Phase::AnyHeader, Protocol::Sasl) => {
                self.send_header(Protocol::Sasl);
                let mechanisms = self.server().mechanisms.iter().map(|m| m.name()).collect();
                self.send_sasl(&SaslFrame::Mechanisms(mechanisms));
                self.phase = Phase::SaslInit;
            }
            (Phase::AnyHeader, Protocol::Amqp) if self.server().allow_bare => {
                self.send_header(Protocol::Amqp);
                self.phase = Phase::Open;
            }
            (Phase::SaslHeader, Protocol::Sasl) => self.phase = Phase::SaslMechanisms,
            (Phase::AmqpHeader, Protocol::Amqp) => {
                if self.is_server() {
                    self.send_header(Protocol::Amqp);
                }
                self.phase = Phase::Open;
            }
            _ => return self.wrong_header(),
        }
        Step::Again
    }

    /// A server answers with the header it would take (2.2), then closes.
    fn wrong_header(&mut self) -> Step {
        if self.phase == Phase::AnyHeader {
            let bare = self.server().allow_bare && self.server().mechanisms.is_empty();
            self.send_header(if bare { Protocol::Amqp } else { Protocol::Sasl });
        }
        self.closed(CloseReason::Header);
        Step::Again
    }

    fn server(&self) -> ServerSasl {
        match &self.config.security {
            Security::Server(server) => server.clone(),
            Security::Client(_) => ServerSasl::default(),
        }
    }

    fn step_sasl(&mut self) -> Step {
        let frame = match Frame::parse(&self.input, MIN_MAX_FRAME_SIZE) {
            Ok(None) => return Step::Idle,
            Ok(Some(Frame { kind: FrameKind::Sasl, body, end })) => {
                self.input.get(body..end).map(SaslFrame::read).map(|frame| (frame, end))
            }
            Ok(Some(_)) | Err(_) => None,
        };
        let Some((Ok(frame), end)) = frame else { return self.sasl_failed() };
        self.input.advance(end);
        match (self.phase, frame) {
            (Phase::SaslMechanisms, SaslFrame::Mechanisms(offered)) => {
                let Some(init) = self.sasl_init(&offered) else { return self.sasl_failed() };
                self.send_sasl(&init);
                self.phase = Phase::SaslOutcome;
                Step::Again
            }
            (Phase::SaslOutcome, SaslFrame::Outcome { code: SaslCode::Ok, .. }) => {
                self.phase = Phase::AmqpHeader;
                self.send_amqp_header_and_open();
                Step::Again
            }
            (Phase::SaslInit, SaslFrame::Init { mechanism, initial_response, .. }) => {
                self.on_sasl_init(mechanism.as_str(), initial_response)
            }
            _ => self.sasl_failed(),
        }
    }

    /// The answer to the server's offer; none when it offers nothing that we would use.
    fn sasl_init(&self, offered: &[Symbol]) -> Option<SaslFrame> {
        let Security::Client(sasl) = &self.config.security else { return None };
        let choices = match sasl {
            ClientSasl::Offered(choices) => choices.as_slice(),
            one => std::slice::from_ref(one),
        };
        let (mechanism, initial_response) = choices
            .iter()
            .filter_map(initial_response)
            .find(|(mechanism, _)| offered.contains(&mechanism.name()))?;
        Some(SaslFrame::Init {
            mechanism: mechanism.name(),
            initial_response: Some(initial_response),
            hostname: self.config.hostname.clone(),
        })
    }

    fn on_sasl_init(&mut self, name: &str, response: Option<Bytes>) -> Step {
        let mechanism = self.server().mechanisms.into_iter().find(|m| m.name() == name);
        let response = response.unwrap_or_default();
        let credentials = match mechanism {
            None => None,
            Some(Mechanism::Anonymous) => {
                self.phase = Phase::Authenticating;
                self.authenticate(true);
                return Step::Again;
            }
            Some(Mechanism::External) => {
                std::str::from_utf8(&response).ok().map(|identity| Credentials {
                    mechanism: Mechanism::External,
                    identity: identity.to_owned(),
                    password: None,
                })
            }
            Some(Mechanism::Plain) => plain(&response),
        };
        match credentials {
            Some(credentials) => {
                self.phase = Phase::Authenticating;
                Step::Event(Event::Authenticate(credentials))
            }
            None => self.sasl_failed(),
        }
    }

    fn sasl_failed(&mut self) -> Step {
        if self.is_server() {
            self.send_sasl(&SaslFrame::Outcome { code: SaslCode::Auth, additional_data: None });
        }
        self.closed(CloseReason::Authentication);
        Step::Again
    }

    /// Answers [`Event::Authenticate`].
    pub fn authenticate(&mut self, accepted: bool) {
        if self.phase != Phase::Authenticating {
            return;
        }
        if accepted {
            self.send_sasl(&SaslFrame::Outcome { code: SaslCode::Ok, additional_data: None });
            self.phase = Phase::AmqpHeader;
        } else {
            self.sasl_failed();
        }
    }

    /// The first frame after the headers.
    pub(super) fn on_open(&mut self, performative: Performative) -> Step {
        let open = match performative {
            Performative::Open(open) => open,
            Performative::Close(_) => {
                self.send_open();
                return self.on_performative(0, performative, Bytes::new());
            }
            _ => {
                let text = "the first frame must be open";
                return self.protocol_error(Error::new(condition::ILLEGAL_STATE, text));
            }
        };
        if open.max_frame_size < MIN_MAX_FRAME_SIZE {
            let text = "max-frame-size is below 512";
            return self.protocol_error(Error::new(condition::INVALID_FIELD, text));
        }
        self.send_open();
        let agreed = open.max_frame_size.min(self.config.max_frame_size.max(MIN_MAX_FRAME_SIZE));
        self.send_frame_size = agreed as usize;
        self.remote_open = Some(open.clone());
        self.last_received = self.now;
        self.phase = Phase::Running;
        Step::Event(Event::Opened(open))
    }
}

/// Mechanism and first words of a client.
fn initial_response(sasl: &ClientSasl) -> Option<(Mechanism, Bytes)> {
    Some(match sasl {
        ClientSasl::None | ClientSasl::Offered(_) => return None,
        ClientSasl::Anonymous => (Mechanism::Anonymous, Bytes::from_static(b"anonymous")),
        ClientSasl::External => (Mechanism::External, Bytes::new()),
        ClientSasl::Plain { username, password } => {
            (Mechanism::Plain, Bytes::from(format!("\0{username}\0{password}")))
        }
    })
}

/// `authzid NUL authcid NUL password` (RFC 4616).
fn plain(response: &[u8]) -> Option<Credentials> {
    let mut parts = response.split(|&byte| byte == 0);
    let (_, user, password) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || user.is_empty() {
        return None;
    }
    Some(Credentials {
        mechanism: Mechanism::Plain,
        identity: std::str::from_utf8(user).ok()?.to_owned(),
        password: Some(std::str::from_utf8(password).ok()?.to_owned()),
    })
}

fn open_from(config: &Config) -> Open {
    Open {
        container_id: config.container_id.clone(),
        hostname: config.hostname.clone(),
        max_frame_size: config.max_frame_size.max(MIN_MAX_FRAME_SIZE),
        channel_max: config.max_sessions.saturating_sub(1),
        idle_time_out: Some(config.idle_timeout_ms).filter(|ms| *ms != 0),
        offered_capabilities: config.offered_capabilities.clone(),
        desired_capabilities: config.desired_capabilities.clone(),
        properties: config.properties.clone(),
        ..Open::default()
    }
}
