//! The core alone, without sockets: forwards messages of 100 bytes from one connection to another. Run under a
//! counter of instructions (`cargo xtask instructions`), it shows what a message costs, whatever else the
//! machine does.

use iofog_amqp::{Message, Performative, Role};
use iofog_amqp_engine::Millis;
use iofog_amqp_peer::{Script, frames};
use iofog_router::RouterConfig;
use iofog_router::config::{ListenerConfig, Mode, Role as ConnRole};
use iofog_router::core::{ConnId, Core};

const BATCH: u32 = 32;
const NOW: Millis = Millis(0);

/// Forwards `count` messages, rounded up to whole batches.
pub(crate) fn run(count: u32, settled: bool) {
    let mut core = Core::new(&RouterConfig::new(Mode::Interior, "hot"), 1, 1, NOW);
    let mut conns = [(); 2].map(|()| {
        core.accept(&ListenerConfig::new(ConnRole::Normal, "", 0), "hot".to_owned(), None, NOW)
    });
    let [sender, receiver] = &mut conns;
    let mut script = Script::default();
    script.opening("receiver", Vec::new()).attach(0, Role::Receiver, Some("q"));
    script.credit(0, 0, 0, 10 * BATCH);
    feed(&mut core, *receiver, &mut script);
    script.opening("sender", Vec::new()).attach(0, Role::Sender, Some("q"));
    feed(&mut core, *sender, &mut script);
    let payload = Message::data(vec![b'x'; 100]).encode();
    let (mut output, mut forwarded, mut delivery) = (Vec::new(), 0, 0);
    take(&mut core, *receiver, &mut output);
    take(&mut core, *sender, &mut output);
    while forwarded < count {
        for _ in 0..BATCH {
            script.transfer(0, delivery, settled, false, &payload);
            delivery += 1;
        }
        feed(&mut core, *sender, &mut script);
        output.clear();
        take(&mut core, *receiver, &mut output);
        let (mut first, mut last) = (None, 0);
        frames(&output, |performative| {
            if let Performative::Transfer(transfer) = performative {
                last = transfer.delivery_id.unwrap();
                first = first.or(Some(last));
                forwarded += 1;
            }
        })
        .unwrap();
        if !settled {
            script.accept(first.unwrap(), last);
        }
        script.credit(0, forwarded, forwarded, 10 * BATCH);
        feed(&mut core, *receiver, &mut script);
        output.clear();
        take(&mut core, *sender, &mut output);
    }
    assert_eq!(forwarded, delivery, "all are forwarded");
}

fn feed(core: &mut Core, conn: ConnId, script: &mut Script) {
    core.input(conn, script.out.len()).unwrap().extend_from_slice(&script.out);
    core.received(conn, NOW);
    script.out.clear();
    core.take_dirty(&mut Vec::new());
}

fn take(core: &mut Core, conn: ConnId, into: &mut Vec<u8>) {
    loop {
        let before = into.len();
        for piece in core.output::<16>(conn) {
            into.extend_from_slice(piece);
        }
        if into.len() == before {
            return;
        }
        if before == 0 && into.starts_with(b"AMQP") {
            into.drain(..8);
            core.wrote(conn, into.len() + 8, NOW);
        } else {
            core.wrote(conn, into.len() - before, NOW);
        }
    }
}
