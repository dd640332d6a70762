//! Frames of an AMQP peer, written one by one by who wants to say exactly what goes over the wire: tests of odd
//! peers, fuzz targets, and a load generator that must cost less than what it measures. No I/O, no state.

use iofog_amqp::frame::{Frame, FrameKind, Protocol};
use iofog_amqp::{
    Attach, Begin, Close, DecodeError, DeliveryState, DeliveryTag, Detach, Disposition, Flow, Open,
    Performative, Reader, Role, Source, SymbolMap, Target, Transfer,
};

/// Session windows of a peer: never the limit.
pub const WINDOW: u32 = i32::MAX as u32;

/// Bytes to send, on channel 0.
#[derive(Debug, Default)]
pub struct Script {
    /// What was said and not yet sent.
    pub out: Vec<u8>,
}

impl Script {
    /// The protocol header, `open` and `begin`.
    pub fn opening(&mut self, container: &str, properties: SymbolMap) -> &mut Self {
        self.out.extend_from_slice(&Protocol::Amqp.header());
        let open = Open {
            container_id: container.to_owned(),
            hostname: None,
            max_frame_size: 65_536,
            channel_max: 10,
            idle_time_out: None,
            outgoing_locales: Vec::new(),
            incoming_locales: Vec::new(),
            offered_capabilities: Vec::new(),
            desired_capabilities: Vec::new(),
            properties,
        };
        self.frame(&Performative::Open(Box::new(open)), &[]);
        let begin = Begin { incoming_window: WINDOW, outgoing_window: WINDOW, ..Begin::default() };
        self.frame(&Performative::Begin(Box::new(begin)), &[])
    }

    /// Attaches a link: `address` is the target of a sender, none = anonymous, and the source of a receiver.
    pub fn attach(&mut self, handle: u32, role: Role, address: Option<&str>) -> &mut Self {
        let sends = role == Role::Sender;
        let mut attach = Attach::new(format!("link-{handle}"), role);
        attach.handle = handle;
        attach.initial_delivery_count = sends.then_some(0);
        let given = |own: bool| address.filter(|_| own).map(str::to_owned);
        attach.source = Some(Box::new(Source { address: given(!sends), ..Source::default() }));
        attach.target = Some(Box::new(Target { address: given(sends), ..Target::default() }));
        self.frame(&Performative::Attach(Box::new(attach)), &[])
    }

    /// Grants credit on a link over `deliveries` received so far, in `frames` transfer frames on the session.
    pub fn credit(&mut self, handle: u32, deliveries: u32, frames: u32, credit: u32) -> &mut Self {
        let flow = Flow {
            next_incoming_id: Some(frames),
            incoming_window: WINDOW,
            outgoing_window: WINDOW,
            handle: Some(handle),
            delivery_count: Some(deliveries),
            link_credit: Some(credit),
            ..Flow::default()
        };
        self.frame(&Performative::Flow(flow), &[])
    }

    /// One frame of a delivery; its tag is its number.
    pub fn transfer(
        &mut self,
        handle: u32,
        delivery: u32,
        settled: bool,
        more: bool,
        payload: &[u8],
    ) -> &mut Self {
        let transfer = Transfer {
            handle,
            delivery_id: Some(delivery),
            delivery_tag: DeliveryTag::new(&delivery.to_be_bytes()).ok(),
            message_format: Some(0),
            settled: Some(settled),
            more,
            ..Transfer::default()
        };
        self.frame(&Performative::Transfer(transfer), payload)
    }

    /// Accepts and settles deliveries that were received.
    pub fn accept(&mut self, first: u32, last: u32) -> &mut Self {
        let state = Some(DeliveryState::Accepted);
        let (role, last) = (Role::Receiver, Some(last));
        let disposition = Disposition { role, first, last, settled: true, state, batchable: true };
        self.frame(&Performative::Disposition(disposition), &[])
    }

    /// Detaches and closes a link.
    pub fn detach(&mut self, handle: u32) -> &mut Self {
        self.frame(&Performative::Detach(Detach { handle, closed: true, error: None }), &[])
    }

    /// Closes the connection.
    pub fn close(&mut self) -> &mut Self {
        self.frame(&Performative::Close(Close { error: None }), &[])
    }

    /// Any frame.
    pub fn frame(&mut self, performative: &Performative, payload: &[u8]) -> &mut Self {
        let at = Frame::begin(&mut self.out, FrameKind::Amqp { channel: 0 });
        performative.encode(&mut self.out);
        self.out.extend_from_slice(payload);
        Frame::end(&mut self.out, at, 0);
        self
    }
}

/// Takes the whole frames off the front of what came in, heartbeats left out; gives the bytes taken.
///
/// # Errors
/// [`DecodeError`] when something is no frame or no performative.
pub fn frames(bytes: &[u8], mut each: impl FnMut(Performative)) -> Result<usize, DecodeError> {
    let mut taken = 0;
    loop {
        let rest = bytes.get(taken..).unwrap_or_default();
        let Some(frame) = Frame::parse(rest, u32::MAX).map_err(|_| DecodeError::Truncated)? else {
            return Ok(taken);
        };
        taken += frame.end;
        let body = rest.get(frame.body..frame.end).unwrap_or_default();
        if !body.is_empty() {
            each(Performative::read(&mut Reader::new(body))?);
        }
    }
}
