//! Cost of one message through the engine: producer's frame in, consumer's frame out, outcome back.
//! `cargo bench -p iofog-amqp-engine --bench relay [messages] [bytes]` prints CPU time per message; under
//! `valgrind --tool=callgrind` or `perf stat` it gives instructions per message.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a benchmark")]

use std::time::Instant;

use bytes::Bytes;
use iofog_amqp::{Attach, DeliveryState, Role, Source, Target};
use iofog_amqp_engine::*;

/// Moves all output of `from` to `to`.
fn carry(from: &mut Connection, to: &mut Connection) {
    from.flush();
    while from.output_len() > 0 {
        let mut len = 0;
        for chunk in from.output_chunks::<8>() {
            to.input(chunk.len()).extend_from_slice(chunk);
            len += chunk.len();
        }
        from.wrote(len, Millis(0));
        to.received(Millis(0));
    }
}

fn attach(role: Role) -> Attach {
    let mut attach = Attach::new("l", role);
    attach.source = Some(Box::new(Source::new("q")));
    attach.target = Some(Box::new(Target::new("q")));
    attach
}

/// Two engines with one link from the first to the second.
fn pair() -> (Connection, Connection, LinkId, LinkId) {
    let server = Config { security: Security::Server(ServerSasl::default()), ..Config::default() };
    let mut a = Connection::new(Config::default(), Millis(0));
    let mut b = Connection::new(server, Millis(0));
    let mut links = (None, None);
    let mut begun = false;
    for _ in 0..20 {
        carry(&mut a, &mut b);
        while let Some(event) = b.poll_event() {
            if let Event::Attach { link, attach, .. } = event {
                b.accept(link, *attach);
                links.1 = Some(link);
            }
        }
        carry(&mut b, &mut a);
        while a.poll_event().is_some() {}
        if a.is_open() && !begun {
            begun = true;
            let session = a.begin().unwrap();
            links.0 = Some(a.attach(session, attach(Role::Sender)).unwrap());
        }
    }
    (a, b, links.0.unwrap(), links.1.unwrap())
}

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|arg| arg.parse().ok());
    let messages: u32 = numbers.next().unwrap_or(1_000_000);
    let size = usize::try_from(numbers.next().unwrap_or(100)).unwrap();
    let (mut producer, mut relay_in, link, relay_link) = pair();
    let (mut relay_out, mut consumer, out_link, consumer_link) = pair();
    let payload = Bytes::from(vec![7; size]);
    relay_in.add_credit(relay_link, 250);
    consumer.add_credit(consumer_link, 250);
    carry(&mut relay_in, &mut producer);
    carry(&mut consumer, &mut relay_out);
    while relay_out.poll_event().is_some() {}
    let (mut sent, mut settled) = (0, 0);
    let mut deliveries: Vec<DeliveryKey> = Vec::with_capacity(1024);
    let start = Instant::now();
    while settled < messages {
        while producer.poll_event().is_some_and(|event| {
            settled += u32::from(matches!(event, Event::Updated { .. }));
            true
        }) {}
        while producer.credit(link) > 0 && sent < messages {
            let sending = producer.send(link, &SendHead::default(), &mut payload.clone(), true);
            if sending.is_err() {
                break;
            }
            sent += 1;
        }
        carry(&mut producer, &mut relay_in);
        while let Some(event) = relay_in.poll_event() {
            if let Event::Transfer(mut delivered) = event {
                let token = Token(u32::try_from(deliveries.len()).unwrap());
                deliveries.push(delivered.delivery);
                let head = SendHead { token, ..SendHead::default() };
                relay_out.send(out_link, &head, &mut delivered.payload, true).unwrap();
            }
        }
        carry(&mut relay_out, &mut consumer);
        while let Some(event) = consumer.poll_event() {
            if let Event::Transfer(delivered) = event {
                consumer.dispose(delivered.delivery, Some(DeliveryState::Accepted), true);
                consumer.add_credit(consumer_link, 1);
            }
        }
        carry(&mut consumer, &mut relay_out);
        while let Some(event) = relay_out.poll_event() {
            if let Event::Updated { token, state, .. } = event {
                relay_in.dispose(deliveries[token.0 as usize], state, true);
                relay_in.add_credit(relay_link, 1);
            }
        }
        deliveries.clear();
        carry(&mut relay_in, &mut producer);
    }
    let each = start.elapsed() / messages;
    println!("{messages} messages of {size} B through four engines: {each:?} each");
}
