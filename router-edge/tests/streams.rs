//! Messages that are passed on before they are complete, over streaming links; what they must not hold up; aborts;
//! priorities between interior routers.

#![allow(clippy::unwrap_used, reason = "helpers of tests: failures are their purpose")]

mod support;

use bytes::Bytes;
use iofog_amqp::{Body, Header, Message, Symbol, Value};
use iofog_amqp_client::{
    Connection, LinkError, Outcome, Receiver, ReceiverOptions, SendStream, Sender, SenderOptions,
};
use iofog_router::config::{AddressRule, ListenerConfig, Mode, Role, Treatment};
use iofog_router::{RouterConfig, RouterHandle, RuntimeOptions, start};
use support::{body, client, connect, edge, interior, port, receiver, run, sender, settle, text};
use support::{text_to, until};

/// Edge, two interiors, edge.
struct Chain {
    left: RouterHandle,
    a: RouterHandle,
    b: RouterHandle,
    right: RouterHandle,
}

impl Chain {
    async fn new() -> Self {
        let (a, b) = (interior("A").await, interior("B").await);
        connect(&a, "b", Role::InterRouter, port(&b, Role::InterRouter)).await;
        let (left, right) = (edge("left", &a).await, edge("right", &b).await);
        until(|| a.status().routers == 1 && b.status().routers == 1).await;
        Self { left, a, b, right }
    }

    fn links(&self) -> Vec<usize> {
        [&self.left, &self.a, &self.b, &self.right].map(|router| router.status().links).into()
    }
}

async fn streaming(connection: &Connection, target: &str) -> Sender {
    let options = SenderOptions {
        target_capabilities: vec![Symbol::from_static("qd.streaming-deliveries")],
        ..SenderOptions::to(target)
    };
    let sender = connection.sender(options).await.unwrap();
    sender.ready().await.unwrap();
    sender
}

async fn stream_receiver(connection: &Connection, source: &str) -> Receiver {
    let options = ReceiverOptions {
        stream_buffer: 64 * 1024,
        max_message_size: 512 * 1024 * 1024,
        session: Some(connection.session().await.unwrap()),
        ..ReceiverOptions::from(source)
    };
    connection.receiver(options).await.unwrap()
}

/// The beginning of a data section of `total` bytes.
async fn begin(sender: &Sender, total: u32) -> SendStream<'_> {
    let mut stream = sender.send_stream().await.unwrap();
    let mut head = b"\x00\x53\x75\xb0".to_vec();
    head.extend_from_slice(&total.to_be_bytes());
    stream.write(head.into()).await.unwrap();
    stream
}

async fn exchange(sender: &Sender, receiver: &mut Receiver, count: usize) {
    for n in 0..count {
        let pending = sender.send_start(text(&n.to_string()), false).await.unwrap();
        let delivery = receiver.recv().await.unwrap();
        assert_eq!(body(&delivery), n.to_string());
        delivery.accept();
        assert_eq!(pending.await.unwrap(), Outcome::Accepted);
    }
}

#[test]
fn streams_pass_before_they_are_complete_and_hold_up_nobody() {
    run(async {
        let chain = Chain::new().await;
        let (one, two) = (client(&chain.left).await, client(&chain.right).await);
        let mut receivers = Vec::new();
        let mut senders = Vec::new();
        for n in 0..3 {
            receivers.push(stream_receiver(&two, &format!("stream/{n}")).await);
            senders.push(streaming(&one, &format!("stream/{n}")).await);
        }
        let mut quick = receiver(&two, "quick").await;
        let to_quick = sender(&one, "quick").await;
        let mut open = Vec::new();
        for sender in &senders {
            open.push(begin(sender, 2_000).await);
        }
        // The head of each arrives although the rest does not exist yet.
        let mut arriving = Vec::new();
        for receiver in &mut receivers {
            let mut stream = receiver.recv_stream().await.unwrap();
            assert_eq!(stream.next().await.unwrap().unwrap().len(), 8);
            arriving.push(stream);
        }
        for _ in 0..2 {
            for (sending, receiving) in open.iter_mut().zip(&mut arriving) {
                sending.write(Bytes::from(vec![7; 1_000])).await.unwrap();
                let mut got = 0;
                while got < 1_000 {
                    got += receiving.next().await.unwrap().unwrap().len();
                }
            }
            exchange(&to_quick, &mut quick, 50).await;
        }
        let mut outcomes = Vec::new();
        for stream in open {
            outcomes.push(stream.finish().await.unwrap());
        }
        for mut receiving in arriving {
            assert!(receiving.next().await.unwrap().is_none());
        }
        for outcome in outcomes {
            assert_eq!(outcome.await.unwrap(), Outcome::Accepted);
        }
    });
}

#[test]
fn streaming_links_are_used_again() {
    run(async {
        let chain = Chain::new().await;
        let (one, two) = (client(&chain.left).await, client(&chain.right).await);
        let mut receiver = stream_receiver(&two, "stream").await;
        let sender = streaming(&one, "stream").await;
        let before = chain.links();
        let mut after = Vec::new();
        for round in 0..20 {
            let mut stream = begin(&sender, 40_000).await;
            let mut arriving = receiver.recv_stream().await.unwrap();
            stream.write(Bytes::from(vec![7; 40_000])).await.unwrap();
            let outcome = stream.finish().await.unwrap();
            while arriving.next().await.unwrap().is_some() {}
            assert_eq!(outcome.await.unwrap(), Outcome::Accepted);
            if round == 0 {
                after = chain.links();
            }
        }
        assert_eq!(chain.links(), after);
        // One more at each end of a link: left has one, the interiors one in and one out, right one.
        let more: Vec<usize> =
            after.iter().zip(&before).map(|(after, before)| after - before).collect();
        assert_eq!(more, [1, 2, 2, 1]);
        assert_eq!(
            [&chain.left, &chain.a, &chain.b, &chain.right].map(|r| r.status().deliveries),
            [0; 4]
        );
    });
}

#[test]
fn an_abort_reaches_the_receiver_and_leaves_nothing_behind() {
    run(async {
        let chain = Chain::new().await;
        let (one, two) = (client(&chain.left).await, client(&chain.right).await);
        let mut receiver = stream_receiver(&two, "stream").await;
        for plain in [false, true] {
            let sender = match plain {
                true => sender(&one, "stream").await,
                false => streaming(&one, "stream").await,
            };
            for _ in 0..3 {
                let mut stream = begin(&sender, 100_000).await;
                let mut arriving = receiver.recv_stream().await.unwrap();
                stream.write(Bytes::from(vec![7; 50_000])).await.unwrap();
                let mut got = 0;
                while got < 50_008 {
                    got += arriving.next().await.unwrap().unwrap().len();
                }
                stream.abort();
                assert_eq!(arriving.next().await.unwrap_err(), LinkError::Aborted);
                drop(arriving);
                exchange(&sender, &mut receiver, 3).await;
            }
        }
        let routers = [&chain.left, &chain.a, &chain.b, &chain.right];
        until(|| routers.iter().all(|router| router.status().deliveries == 0)).await;
    });
}

#[test]
fn a_producer_that_dies_aborts_its_stream() {
    run(async {
        let chain = Chain::new().await;
        let (one, two) = (client(&chain.left).await, client(&chain.right).await);
        let mut receiver = stream_receiver(&two, "stream").await;
        let sender = streaming(&one, "stream").await;
        let stream = begin(&sender, 100_000).await;
        let mut arriving = receiver.recv_stream().await.unwrap();
        arriving.next().await.unwrap().unwrap();
        one.close();
        assert_eq!(arriving.next().await.unwrap_err(), LinkError::Aborted);
        drop(stream);
    });
}

#[test]
fn a_stalled_stream_is_bounded_and_holds_up_nobody() {
    run(async {
        let chain = Chain::new().await;
        let (one, two, three) =
            (client(&chain.left).await, client(&chain.right).await, client(&chain.right).await);
        let mut slow = stream_receiver(&two, "stream").await;
        let mut quick = receiver(&three, "quick").await;
        let own = one.session().await.unwrap();
        let options = SenderOptions {
            target_capabilities: vec![Symbol::from_static("qd.streaming-deliveries")],
            session: Some(own),
            ..SenderOptions::to("stream")
        };
        let to_slow = one.sender(options).await.unwrap();
        let to_quick = sender(&one, "quick").await;
        to_slow.ready().await.unwrap();
        let total: u32 = 256 * 1024 * 1024;
        let sent = std::rc::Rc::new(std::cell::Cell::new(0_u32));
        let counter = std::rc::Rc::clone(&sent);
        let producing = tokio::task::spawn_local(async move {
            let mut stream = begin(&to_slow, total).await;
            let piece = Bytes::from(vec![7; 64 * 1024]);
            for _ in 0..total / 65_536 {
                stream.write(piece.clone()).await.unwrap();
                counter.set(counter.get() + 65_536);
            }
            assert_eq!(stream.finish().await.unwrap().await.unwrap(), Outcome::Accepted);
        });
        let mut arriving = slow.recv_stream().await.unwrap();
        arriving.next().await.unwrap();
        loop {
            let before = sent.get();
            settle().await;
            if before > 0 && sent.get() == before {
                break;
            }
        }
        assert!(sent.get() < total / 2, "{} bytes are held on the way", sent.get());
        exchange(&to_quick, &mut quick, 100).await;
        while arriving.next().await.unwrap().is_some() {}
        producing.await.unwrap();
    });
}

/// A message whose header has a priority.
fn of_priority(priority: u8, body: &str) -> Bytes {
    let header = Header { priority: Some(priority), ..Header::default() };
    let body = Body::Value(Value::from(body));
    Message { header: Some(header), body, ..Message::default() }.encode()
}

/// Uses up the credit of the link of the usual priority from one interior to another: its consumer takes nothing,
/// and goes when it is dropped.
async fn stick(a: &RouterHandle, b: &RouterHandle) -> Receiver {
    let consumer = client(b).await;
    let options =
        ReceiverOptions { initial_credit: 0, auto_credit: false, ..ReceiverOptions::from("slow") };
    let slow = consumer.receiver(options).await.unwrap();
    std::mem::forget(consumer);
    for _ in 0..2 {
        let producer = client(a).await;
        let sender = sender(&producer, "slow").await;
        for _ in 0..201 {
            std::mem::forget(sender.send_start(text("x"), false).await.unwrap());
        }
        std::mem::forget((producer, sender));
    }
    until(|| b.status().deliveries_ingress >= 250).await;
    slow
}

#[test]
fn messages_of_another_priority_pass_what_is_stuck() {
    run(async {
        let (a, b) = (interior("A").await, interior("B").await);
        connect(&a, "b", Role::InterRouter, port(&b, Role::InterRouter)).await;
        let (one, two) = (client(&a).await, client(&b).await);
        let mut other = receiver(&two, "other").await;
        let slow = stick(&a, &b).await;
        let sender = sender(&one, "other").await;
        let behind = sender.send_start(text("behind"), false).await.unwrap();
        let pending = sender.send_start(of_priority(9, "urgent"), false).await.unwrap();
        let delivery = other.recv().await.unwrap();
        assert_eq!(body(&delivery), "urgent", "it passes on its own link");
        delivery.accept();
        assert_eq!(pending.await.unwrap(), Outcome::Accepted);
        settle().await;
        assert!(other.try_recv().unwrap().is_none(), "the other one waits with its like");
        drop(slow);
        let delivery = other.recv().await.unwrap();
        assert_eq!(body(&delivery), "behind");
        delivery.accept();
        assert_eq!(behind.await.unwrap(), Outcome::Accepted);
    });
}

/// The rule of an address gives its messages their priority, but for those whose header has one.
#[test]
fn the_priority_of_a_rule_is_that_of_messages_that_have_none() {
    run(async {
        let rule = AddressRule {
            name: None,
            pattern: "quick".to_owned(),
            distribution: Treatment::Balanced,
            presettled_overflow: None,
            priority: Some(7),
        };
        let mut config = RouterConfig::new(Mode::Interior, "A");
        config.listeners.push(ListenerConfig::new(Role::Normal, "127.0.0.1", 0));
        config.listeners[0].name = Role::Normal.as_str().to_owned();
        config.addresses.push(rule);
        let a = start(config, RuntimeOptions::default()).await.unwrap();
        let b = interior("B").await;
        connect(&a, "b", Role::InterRouter, port(&b, Role::InterRouter)).await;
        let (one, two) = (client(&a).await, client(&b).await);
        let (mut quick, mut other) = (receiver(&two, "quick").await, receiver(&two, "other").await);
        let slow = stick(&a, &b).await;
        let (to_quick, to_other) = (sender(&one, "quick").await, sender(&one, "other").await);
        let usual = to_other.send_start(text("usual"), false).await.unwrap();
        let told = to_quick.send_start(of_priority(4, "its own"), false).await.unwrap();
        let ruled = to_quick.send_start(text("by its rule"), false).await.unwrap();
        let delivery = quick.recv().await.unwrap();
        assert_eq!(body(&delivery), "by its rule");
        delivery.accept();
        assert_eq!(ruled.await.unwrap(), Outcome::Accepted);
        settle().await;
        assert!(other.try_recv().unwrap().is_none(), "no rule, no header: as what is stuck");
        assert!(quick.try_recv().unwrap().is_none(), "the header counts more than the rule");
        drop(slow);
        for (receiver, expected, outcome) in
            [(&mut other, "usual", usual), (&mut quick, "its own", told)]
        {
            let delivery = receiver.recv().await.unwrap();
            assert_eq!(body(&delivery), expected);
            delivery.accept();
            assert_eq!(outcome.await.unwrap(), Outcome::Accepted);
        }
    });
}

/// Anonymous senders may stream too: their messages say where they go.
#[test]
fn anonymous_streams_find_their_way() {
    run(async {
        let chain = Chain::new().await;
        let (one, two) = (client(&chain.left).await, client(&chain.right).await);
        let mut receiver = stream_receiver(&two, "stream").await;
        // Its credit shows that the address is known all the way.
        let _known = streaming(&one, "stream").await;
        let options = SenderOptions {
            target_capabilities: vec![Symbol::from_static("qd.streaming-deliveries")],
            ..SenderOptions::default()
        };
        let sender = one.sender(options).await.unwrap();
        let message = text_to("stream", &"x".repeat(5_000));
        let mut stream = sender.send_stream().await.unwrap();
        stream.write(message.slice(..1_000)).await.unwrap();
        let mut arriving = receiver.recv_stream().await.unwrap();
        let mut got = arriving.next().await.unwrap().unwrap().len();
        stream.write(message.slice(1_000..)).await.unwrap();
        let outcome = stream.finish().await.unwrap();
        while let Some(piece) = arriving.next().await.unwrap() {
            got += piece.len();
        }
        assert_eq!(got, message.len());
        assert_eq!(outcome.await.unwrap(), Outcome::Accepted);
    });
}
