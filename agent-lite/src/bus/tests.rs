//! The bus without a Router: lanes inside of the node are delivered directly.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use iofog_iomessage::IoMessage;
use tokio::task::LocalSet;

use super::{Bus, BusOptions, PublishError};
use crate::context::{AgentContext, LocalMicroservice, Place};

struct Node {
    folder: PathBuf,
    context: AgentContext,
}

impl Node {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("iofog-bus-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        let place = Place { message_dir: folder.clone(), ..Place::default() };
        let context = AgentContext::new(place);
        context.set_microservices(vec![
            microservice("a", &["b"], false),
            microservice("b", &[], true),
        ]);
        Self { folder, context }
    }

    fn bus(&self) -> Bus {
        Bus::start(self.context.clone(), BusOptions::default())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn microservice(uuid: &str, routes: &[&str], is_consumer: bool) -> LocalMicroservice {
    LocalMicroservice {
        uuid: uuid.into(),
        config: Rc::from("{}"),
        routes: routes.iter().map(|to| (*to).into()).collect(),
        is_consumer,
        log_size_mb: 1,
        host_network: false,
    }
}

fn message(content: &str) -> IoMessage {
    IoMessage {
        publisher: "a".into(),
        info_type: "t".into(),
        info_format: "f".into(),
        content_data: Bytes::copy_from_slice(content.as_bytes()),
        ..IoMessage::default()
    }
}

fn content(payload: &Bytes) -> String {
    let message = IoMessage::decode(payload).unwrap();
    String::from_utf8(message.content_data.to_vec()).unwrap()
}

fn run<F: Future<Output = ()>>(test: F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let guarded = async {
        tokio::time::timeout(Duration::from_secs(300), test).await.expect("the test hangs");
    };
    LocalSet::new().block_on(&runtime, guarded);
}

#[test]
fn published_messages_are_pushed_in_order() {
    let node = Node::new("push");
    run(async {
        let bus = node.bus();
        let mut pushed = bus.subscribe(&"b".into());
        for n in 0..100 {
            bus.publish(message(&n.to_string())).await.unwrap();
        }
        for n in 0..100 {
            let (token, payload) = pushed.next().await.unwrap();
            assert_eq!(content(&payload), n.to_string());
            pushed.acknowledge(token);
        }
        let status = bus.status();
        assert_eq!(
            (status.ledger.accepted, status.ledger.delivered, status.pending),
            (100, 100, 0)
        );
    });
}

#[test]
fn unacknowledged_messages_wait_for_the_next_socket() {
    let node = Node::new("again");
    run(async {
        let bus = node.bus();
        bus.publish(message("one")).await.unwrap();
        bus.publish(message("two")).await.unwrap();
        let mut first = bus.subscribe(&"b".into());
        first.next().await.unwrap();
        first.next().await.unwrap();
        let mut second = bus.subscribe(&"b".into());
        assert!(first.next().await.is_none(), "replaced");
        drop(first);
        assert_eq!(content(&second.next().await.unwrap().1), "one");
        assert_eq!(content(&second.next().await.unwrap().1), "two");
    });
}

#[test]
fn batches_count_once_the_answer_was_written() {
    let node = Node::new("batch");
    run(async {
        let bus = node.bus();
        bus.publish(message("one")).await.unwrap();
        let batch = bus.take(&"b".into());
        assert_eq!(batch.messages().len(), 1);
        drop(batch);
        assert_eq!(bus.status().pending, 1);
        let batch = bus.take(&"b".into());
        assert_eq!(content(&batch.messages()[0]), "one");
        batch.consumed();
        assert_eq!(bus.status().pending, 0);
        assert!(bus.take(&"stranger".into()).messages().is_empty());
    });
}

#[test]
fn accepted_messages_survive_a_crash() {
    let node = Node::new("crash");
    run(async {
        let bus = node.bus();
        for n in 0..40 {
            bus.publish(message(&n.to_string())).await.unwrap();
        }
        let mut pushed = bus.subscribe(&"b".into());
        for _ in 0..10 {
            let (token, _) = pushed.next().await.unwrap();
            pushed.acknowledge(token);
        }
    });
    run(async {
        let bus = node.bus();
        assert_eq!(bus.status().ledger.recovered, bus.status().pending as u64);
        let mut pushed = bus.subscribe(&"b".into());
        let mut next = None;
        while next != Some(40) {
            let (token, payload) = pushed.next().await.unwrap();
            let number: u32 = content(&payload).parse().unwrap();
            // Settlements are written late: the first ten may come again, none may be missing.
            assert!(next.is_none_or(|next| next == number) && (next.is_some() || number <= 10));
            next = Some(number + 1);
            pushed.acknowledge(token);
        }
    });
}

#[test]
fn a_message_without_acknowledgement_counts_as_consumed_in_the_end() {
    let node = Node::new("patience");
    run(async {
        let options =
            BusOptions { ack_patience: Duration::from_millis(100), ..BusOptions::default() };
        let bus = Bus::start(node.context.clone(), options);
        let mut pushed = bus.subscribe(&"b".into());
        bus.publish(message("one")).await.unwrap();
        pushed.next().await.unwrap();
        while bus.status().pending > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(bus.status().ledger.delivered, 1);
    });
}

#[test]
fn messages_without_route_are_counted_and_forgotten() {
    let node = Node::new("route");
    run(async {
        let bus = node.bus();
        let receipt = bus.publish(IoMessage { publisher: "b".into(), ..message("x") }).await;
        assert_eq!(receipt.unwrap().id.len(), 32);
        assert_eq!(bus.status().ledger.without_route, 1);
        assert_eq!(bus.status().pending, 0);
    });
}

#[test]
fn queries_see_only_publishers_with_a_route() {
    let node = Node::new("query");
    run(async {
        let bus = node.bus();
        bus.publish(message("one")).await.unwrap();
        let all = ["a".into(), "b".into()];
        assert_eq!(bus.query(&"b".into(), &all, 0, u64::MAX).len(), 1);
        assert_eq!(bus.query(&"a".into(), &all, 0, u64::MAX).len(), 0);
        assert_eq!(bus.query(&"b".into(), &all, 0, 5).len(), 0);
    });
}

#[test]
fn the_node_keeps_as_much_as_it_is_told_to() {
    let node = Node::new("quota");
    node.context.set_microservices(vec![microservice("a", &["far"], false)]);
    run(async {
        let bus = node.bus();
        let publish = async |count: usize| {
            for _ in 0..count {
                bus.publish(message(&"x".repeat(1000))).await.unwrap();
            }
            bus.status()
        };
        assert_eq!(publish(10).await.pending, 10);
        node.context.set_message_quota(4096);
        let status = publish(1).await;
        assert!(status.pending > 0 && status.pending_bytes <= 4096, "{status:?}");
        let ledger = status.ledger;
        assert_eq!((ledger.accepted, ledger.dropped_quota), (11, 11 - status.pending as u64));
        node.context.set_message_quota(1 << 20);
        assert_eq!(publish(10).await.pending, status.pending + 10);
    });
}

#[test]
fn messages_wait_as_long_and_as_many_as_their_microservice_wants() {
    let node = Node::new("settings");
    let limited = |config: &str| LocalMicroservice {
        config: Rc::from(config),
        ..microservice("a", &["far"], false)
    };
    let messages = |inner: &str| format!(r#"{{"iofogSettings":{{"messages":{inner}}}}}"#);
    node.context.set_microservices(vec![limited(&messages(r#"{"quotaKiB":1}"#))]);
    run(async {
        let bus = node.bus();
        for _ in 0..20 {
            bus.publish(message(&"x".repeat(100))).await.unwrap();
        }
        let status = bus.status();
        assert!(status.pending_bytes <= 1024 && status.pending > 0);
        let dropped = status.ledger.dropped_own_quota;
        assert_eq!(dropped, 20 - status.pending as u64);
        // A setting takes effect on what waits already, and needs no new start.
        node.context.set_microservices(vec![limited(&messages(r#"{"ttlSeconds":1}"#))]);
        while bus.status().pending > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let ledger = bus.status().ledger;
        assert_eq!((ledger.accepted, ledger.dropped_own_quota + ledger.expired), (20, 20));
        assert_eq!(bus.publishers().len(), 1);
        // What was given up does not come back.
        bus.stop();
        drop(bus);
        let bus = node.bus();
        assert_eq!(bus.status().pending, 0);
    });
}

/// Numbers of the line, in order: accepted, found, delivered, given up and each reason, waiting, then the rest.
fn numbers(line: &str) -> Vec<u64> {
    let words = line.split(|letter: char| !letter.is_ascii_alphanumeric());
    words.filter_map(|word| word.parse().ok()).collect()
}

#[test]
fn a_bad_storage_file_keeps_nothing_else_from_its_way_and_the_books_add_up() {
    let node = Node::new("bad-file");
    for start in 0..3 {
        run(async {
            let bus = node.bus();
            bus.publish(message(&start.to_string())).await.unwrap();
            bus.publish(message(&start.to_string())).await.unwrap();
        });
    }
    let file = |number: u32| node.folder.join(format!("outbox/outbox-{number:010}.log"));
    // The first file cannot be read, the second is damaged in its first message.
    std::fs::remove_file(file(1)).unwrap();
    std::fs::create_dir(file(1)).unwrap();
    let mut bytes = std::fs::read(file(2)).unwrap();
    let record = bytes.len() / 2;
    bytes[record - 1] ^= 1;
    std::fs::write(file(2), bytes).unwrap();
    run(async {
        let bus = node.bus();
        let mut pushed = bus.subscribe(&"b".into());
        for expected in ["1", "2"] {
            let (token, payload) = pushed.next().await.unwrap();
            assert_eq!(content(&payload), expected);
            pushed.acknowledge(token);
        }
        while bus.status().ledger.delivered < 2 {
            tokio::task::yield_now().await;
        }
        bus.publish(message("new")).await.unwrap();
        let status = bus.status();
        let line = status.ledger.line(status.pending);
        assert_eq!(
            line,
            "1 accepted + 4 found at start = 2 delivered + 1 given up (1 unreadable in storage) + 2 waiting; \
             2 storage files set aside"
        );
        let all = numbers(&line);
        assert_eq!(all[0] + all[1], all[2] + all[3] + all[5]);
    });
}

#[test]
fn a_folder_that_cannot_be_had_is_told_and_tried_again() {
    let node = Node::new("no-folder");
    run(async {
        node.bus().publish(message("before")).await.unwrap();
    });
    let kept = node.folder.with_extension("kept");
    let _ = std::fs::remove_dir_all(&kept);
    std::fs::rename(&node.folder, &kept).unwrap();
    std::fs::write(&node.folder, "in the way").unwrap();
    run(async {
        let options = BusOptions { reopen: Duration::from_millis(10), ..BusOptions::default() };
        let bus = Bus::start(node.context.clone(), options);
        let mut pushed = bus.subscribe(&"b".into());
        let told = bus.closed().unwrap();
        assert!(told.contains(node.folder.to_str().unwrap()), "{told}");
        assert_eq!(bus.flow(&"a".into()).closed.unwrap().0, told);
        let refused = bus.publish(message("during")).await;
        assert!(matches!(refused, Err(PublishError::Storage)));
        bus.publish(IoMessage { publisher: "b".into(), ..message("nowhere") }).await.unwrap();
        std::fs::remove_file(&node.folder).unwrap();
        std::fs::rename(&kept, &node.folder).unwrap();
        while bus.closed().is_some() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        bus.publish(message("after")).await.unwrap();
        for expected in ["before", "after"] {
            let (token, payload) = pushed.next().await.unwrap();
            assert_eq!(content(&payload), expected);
            pushed.acknowledge(token);
        }
        let ledger = bus.status().ledger;
        let counts = (ledger.accepted, ledger.recovered, ledger.delivered, ledger.without_route);
        assert_eq!(counts, (1, 1, 2, 1));
    });
}
