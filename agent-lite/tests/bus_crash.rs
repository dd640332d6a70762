//! Seeded crashes of whole nodes: what a publisher was told is safe arrives, first occurrences in order.

#![allow(clippy::unwrap_used, reason = "helpers of tests: failures are their purpose")]

mod bus_support;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use bus_support::{Node, content, message, router, run, until};
use iofog_router::config::{Mode, Role};

/// What survives the crashes: the test's own memory.
#[derive(Default)]
struct Memory {
    next: Cell<u32>,
    safe: RefCell<Vec<u32>>,
    received: RefCell<Vec<u32>>,
}

#[test]
fn nodes_that_crash_lose_nothing_that_was_safe() {
    for seed in [3, 17, 92, 4711] {
        crash_often(seed);
    }
}

fn crash_often(seed: u64) {
    let memory = Rc::new(Memory::default());
    let mut random = Random(seed);
    for phase in 0..6 {
        // Everything in one phase dies at once: routers, buses, tasks, in the middle of what they did.
        let (publish, consume) = (random.below(60), random.below(60));
        let memory = memory.clone();
        run(async move { live(seed, phase, &memory, Some((publish, consume))).await });
    }
    run(async { live(seed, 6, &memory, None).await });
    let received = memory.received.borrow();
    for number in memory.safe.borrow().iter() {
        assert!(received.contains(number), "seed {seed}: {number} was safe and is lost");
    }
    let mut highest = None;
    for number in received.iter() {
        let repeated = highest.is_some_and(|highest| *number <= highest);
        let seen_before = received.iter().filter(|other| *other == number).count() > 1;
        assert!(!repeated || seen_before, "seed {seed}: {number} arrived late for the first time");
        highest = highest.max(Some(*number));
    }
    Node::forget("crash-left", seed);
    Node::forget("crash-right", seed);
}

/// One life of the network; ends after so many events, or when all is delivered.
async fn live(seed: u64, phase: u32, memory: &Rc<Memory>, limits: Option<(u64, u64)>) {
    let interior = router(Mode::Interior, "interior", &[Role::Edge]).await;
    let (first, second) =
        (bus_support::edge("e1", &interior).await, bus_support::edge("e2", &interior).await);
    let (left, right) = (Node::kept("crash-left", seed), Node::kept("crash-right", seed));
    left.microservices(&[("a", &["far"])]);
    right.microservices(&[("far", &[])]);
    left.use_router(&first);
    right.use_router(&second);
    let (published, consumed) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let publishing = {
        let (bus, memory, published) = (left.bus.clone(), memory.clone(), published.clone());
        async move {
            loop {
                let number = memory.next.get();
                memory.next.set(number + 1);
                bus.publish(message("a", number)).await.unwrap();
                memory.safe.borrow_mut().push(number);
                published.set(published.get() + 1);
                tokio::time::sleep(Duration::from_millis(u64::from(number % 3))).await;
            }
        }
    };
    let consuming = {
        let (mut incoming, memory) = (right.bus.subscribe(&"far".into()), memory.clone());
        let consumed = consumed.clone();
        async move {
            loop {
                let (token, payload) = incoming.next().await.unwrap();
                memory.received.borrow_mut().push(content(&payload));
                incoming.acknowledge(token);
                consumed.set(consumed.get() + 1);
            }
        }
    };
    tokio::task::spawn_local(consuming);
    match limits {
        Some((publish, consume)) => {
            tokio::task::spawn_local(publishing);
            until(|| published.get() >= publish && consumed.get() >= consume.min(publish)).await;
        }
        None => until(|| left.bus.status().pending == 0).await,
    }
    let ledger = left.bus.status().ledger;
    let pending = u64::try_from(left.bus.status().pending).unwrap();
    assert_eq!(ledger.pending(), pending, "seed {seed}, phase {phase}: {ledger:?}");
}

struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}
