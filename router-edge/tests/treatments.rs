//! Where messages go by the treatment of their address, in networks of several interiors.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail here")]

mod support;

use iofog_amqp::condition;
use iofog_amqp_client::{
    Connection, LinkError, Outcome, Receiver, ReceiverOptions, Sender, SenderOptions,
};
use iofog_router::config::Role;
use iofog_router::{RouterConfig, RouterHandle, RuntimeOptions, start};
use support::{
    anonymous, client, connect, edge, port, receiver, run, sender, text, text_to, until,
};

/// An interior router with the rules of these tests.
async fn interior(id: &str) -> RouterHandle {
    let mut text = format!("router {{\n mode: interior\n id: {id}\n}}\n");
    for role in ["normal", "edge", "inter-router"] {
        text.push_str(&format!(
            "listener {{\n name: {role}\n role: {role}\n host: 127.0.0.1\n port: 0\n}}\n"
        ));
    }
    for (prefix, distribution) in
        [("near", "closest"), ("all", "multicast"), ("closed", "unavailable")]
    {
        text.push_str(&format!(
            "address {{\n prefix: {prefix}\n distribution: {distribution}\n}}\n"
        ));
    }
    start(RouterConfig::from_text(&text).unwrap(), RuntimeOptions::default()).await.unwrap()
}

/// `ids.len()` interiors, each beside the next one.
async fn line(ids: &[&str]) -> Vec<RouterHandle> {
    let mut routers: Vec<RouterHandle> = Vec::new();
    for id in ids {
        let next = interior(id).await;
        if let Some(last) = routers.last() {
            connect(&next, "to", Role::InterRouter, port(last, Role::InterRouter)).await;
        }
        routers.push(next);
    }
    until(|| routers.iter().all(|router| router.status().routers == ids.len() - 1)).await;
    routers
}

/// Sends one message and tells which of the receivers got it; none = it was released.
async fn taker(sender: &Sender, receivers: &mut [&mut Receiver]) -> Option<usize> {
    let mut pending = Box::pin(sender.send_start(text("one"), false).await.unwrap());
    loop {
        for (n, receiver) in receivers.iter_mut().enumerate() {
            if let Some(delivery) = receiver.try_recv().unwrap() {
                delivery.accept();
                assert_eq!(pending.await.unwrap(), Outcome::Accepted);
                return Some(n);
            }
        }
        let step = std::time::Duration::from_millis(2);
        if let Ok(outcome) = tokio::time::timeout(step, pending.as_mut()).await {
            assert_eq!(outcome.unwrap(), Outcome::Released);
            return None;
        }
    }
}

/// Sends until a message takes the way that a change is to bring, then some more, all of which must.
async fn all_go_to(expected: usize, sender: &Sender, receivers: &mut [&mut Receiver]) {
    while taker(sender, receivers).await != Some(expected) {}
    for _ in 0..20 {
        assert_eq!(taker(sender, receivers).await, Some(expected));
    }
}

#[test]
fn closest_is_here_then_the_fewest_hops_away() {
    run(async {
        let routers = line(&["A", "B", "C"]).await;
        let (near, far) = (client(&routers[1]).await, client(&routers[2]).await);
        let mut two = receiver(&far, "near/q").await;
        let mut one = receiver(&near, "near/q").await;
        let producer = client(&routers[0]).await;
        let sender = sender(&producer, "near/q").await;
        all_go_to(0, &sender, &mut [&mut one, &mut two]).await;
        {
            let mut zero = receiver(&producer, "near/q").await;
            all_go_to(2, &sender, &mut [&mut one, &mut two, &mut zero]).await;
        }
        all_go_to(0, &sender, &mut [&mut one, &mut two]).await;
        drop(one);
        all_go_to(0, &sender, &mut [&mut two]).await;
    });
}

#[test]
fn closest_takes_turns_among_routers_of_the_same_cost_and_among_local_consumers() {
    run(async {
        let hub = interior("hub").await;
        let mut others = Vec::new();
        for id in ["one", "two"] {
            let other = interior(id).await;
            connect(&other, "to", Role::InterRouter, port(&hub, Role::InterRouter)).await;
            others.push(other);
        }
        let (first, second) = (client(&others[0]).await, client(&others[1]).await);
        let mut one = receiver(&first, "near/q").await;
        let mut two = receiver(&second, "near/q").await;
        let producer = client(&hub).await;
        let sender = sender(&producer, "near/q").await;
        let mut seen = [0; 2];
        while seen.contains(&0) {
            seen[taker(&sender, &mut [&mut one, &mut two]).await.unwrap()] += 1;
        }
        assert_eq!(shares(&sender, &mut [&mut one, &mut two]).await, [10, 10]);
        let (mut three, mut four) =
            (receiver(&producer, "near/q").await, receiver(&producer, "near/q").await);
        assert_eq!(
            shares(&sender, &mut [&mut one, &mut two, &mut three, &mut four]).await,
            [0, 0, 10, 10]
        );
    });
}

/// How many of twenty messages each receiver got.
async fn shares<const N: usize>(sender: &Sender, receivers: &mut [&mut Receiver; N]) -> [u32; N] {
    let mut seen = [0; N];
    for _ in 0..20 {
        seen[taker(sender, receivers).await.unwrap()] += 1;
    }
    seen
}

#[test]
fn balanced_goes_where_the_least_is_under_way_and_counts_the_cost_of_the_path() {
    run(async {
        let routers = line(&["A", "B"]).await;
        let (here, there) = (client(&routers[0]).await, client(&routers[1]).await);
        let mut far = patient(&there).await;
        let sender = sender(&here, "q").await;
        // Known from here on.
        assert_eq!(taker(&sender, &mut [&mut far]).await, Some(0));
        let mut near = patient(&here).await;
        // Answered at once, nothing is under way: here is cheaper.
        assert_eq!(shares(&sender, &mut [&mut near, &mut far]).await, [20, 0]);
        // Unanswered, they spread: the first goes here, as the path costs one.
        let mut pending = Vec::new();
        let (mut at_near, mut at_far) = (Vec::new(), Vec::new());
        for _ in 0..41 {
            pending.push(sender.send_start(text("slow"), false).await.unwrap());
        }
        while at_near.len() + at_far.len() < 41 {
            at_near.extend(near.try_recv().unwrap());
            at_far.extend(far.try_recv().unwrap());
            tokio::task::yield_now().await;
        }
        assert_eq!((at_near.len(), at_far.len()), (21, 20));
        at_near.into_iter().chain(at_far).for_each(|delivery| delivery.accept());
        for one in pending {
            assert_eq!(one.await.unwrap(), Outcome::Accepted);
        }
    });
}

/// A receiver that takes many messages before it answers one.
async fn patient(connection: &Connection) -> Receiver {
    let options = ReceiverOptions { initial_credit: 100, ..ReceiverOptions::from("q") };
    connection.receiver(options).await.unwrap()
}

#[test]
fn unavailable_addresses_are_refused_as_not_found() {
    run(async {
        let top = interior("top").await;
        let connection = client(&top).await;
        let refused = connection.sender(SenderOptions::to("closed/x")).await;
        assert_eq!(reason(refused.err()), condition::NOT_FOUND);
        let refused = connection.receiver(ReceiverOptions::from("closed/x")).await;
        assert_eq!(reason(refused.err()), condition::NOT_FOUND);
        // On a link for any address, and over an edge that has no such rule.
        let left = edge("left", &top).await;
        for connection in [&connection, &client(&left).await] {
            let outcome = to_closed(connection).await;
            let Outcome::Rejected(Some(error)) = outcome else { panic!("{outcome:?}") };
            assert_eq!(error.condition, condition::NOT_FOUND);
        }
        // The links are none the worse for it.
        let mut consumer = receiver(&connection, "q").await;
        let sender = sender(&connection, "q").await;
        assert_eq!(taker(&sender, &mut [&mut consumer]).await, Some(0));
    });
}

fn reason(error: Option<LinkError>) -> iofog_amqp::Symbol {
    error.and_then(|error| Some(error.remote()?.condition.clone())).unwrap()
}

async fn to_closed(connection: &Connection) -> Outcome {
    let sender = anonymous(connection).await;
    sender.send(text_to("closed/x", "nobody may")).await.unwrap()
}

#[test]
fn telemetry_of_edges_is_taken_and_forgotten() {
    run(async {
        let top = interior("top").await;
        let left = edge("left", &top).await;
        let before = top.status().links;
        let stream = tokio::net::TcpStream::connect(port(&top, Role::Edge)).await.unwrap();
        let options = iofog_amqp_client::ConnectionOptions {
            container_id: "other".to_owned(),
            ..iofog_amqp_client::ConnectionOptions::default()
        };
        let other = Connection::open(Box::new(stream), options).await.unwrap();
        for address in ["_$qd.edge_heartbeat", "_$qd.mesh_discovery"] {
            let told = sender(&other, address).await;
            assert_eq!(told.send(text("1")).await.unwrap(), Outcome::Accepted, "{address}");
        }
        drop(other);
        until(|| top.status().links == before).await;
        assert!(left.status().uplink, "the other edge is none the worse for it");
    });
}
