//! Arrival, consumption, repetition and loss of the senders.

use bytes::Bytes;

use super::{Arrival, Inbox};

fn offer(inbox: &mut Inbox<u32>, id: &str, handle: u32) -> Arrival<u32> {
    // Handles from 10 on stay where they are.
    let payload = Bytes::copy_from_slice(id.as_bytes());
    inbox.offer(id, payload, handle, |old, new| *old >= 10 && *new < 10)
}

#[test]
fn messages_are_handed_out_in_order_and_settled_when_consumed() {
    let mut inbox = Inbox::default();
    offer(&mut inbox, "a", 1);
    offer(&mut inbox, "b", 2);
    let (first, payload) = inbox.take(0).unwrap();
    assert_eq!(payload, "a");
    let (second, _) = inbox.take(0).unwrap();
    assert_eq!(inbox.consumed(second), Some(2));
    assert_eq!(inbox.consumed(first), Some(1));
    assert_eq!(inbox.consumed(first), None);
    assert!(inbox.is_empty());
}

#[test]
fn a_repeated_message_is_consumed_once() {
    let mut inbox = Inbox::default();
    offer(&mut inbox, "a", 1);
    let held = |spare, old_stays| Arrival::Held { spare: Some(spare), old_stays };
    assert_eq!(offer(&mut inbox, "a", 2), held(1, false));
    let (token, _) = inbox.take(0).unwrap();
    assert_eq!(offer(&mut inbox, "a", 3), held(2, false));
    assert_eq!(inbox.consumed(token), Some(3));
    assert_eq!(offer(&mut inbox, "a", 4), Arrival::Known(4));
    assert!(inbox.take(0).is_none());
}

#[test]
fn a_handle_that_stays_is_the_one_that_is_settled() {
    let mut inbox = Inbox::default();
    offer(&mut inbox, "a", 10);
    assert_eq!(offer(&mut inbox, "a", 1), Arrival::Held { spare: Some(1), old_stays: true });
    assert_eq!(offer(&mut inbox, "a", 11), Arrival::Held { spare: Some(10), old_stays: false });
    let (token, _) = inbox.take(0).unwrap();
    inbox.senders_lost(|handle| *handle < 10);
    assert_eq!(inbox.consumed(token), Some(11));
}

#[test]
fn messages_without_id_are_never_taken_for_repetitions() {
    let mut inbox = Inbox::default();
    assert_eq!(offer(&mut inbox, "", 1), Arrival::Queued);
    assert_eq!(offer(&mut inbox, "", 2), Arrival::Queued);
}

#[test]
fn what_was_handed_out_in_vain_keeps_its_place() {
    let mut inbox = Inbox::default();
    for (handle, id) in ["a", "b", "c"].into_iter().enumerate() {
        offer(&mut inbox, id, u32::try_from(handle).unwrap());
    }
    let (first, _) = inbox.take(0).unwrap();
    let (second, _) = inbox.take(0).unwrap();
    inbox.give_back(second);
    inbox.give_back(first);
    let order: Vec<Bytes> = std::iter::from_fn(|| inbox.take(1).map(|(_, bytes)| bytes)).collect();
    assert_eq!(order, ["a", "b", "c"]);
}

#[test]
fn overdue_names_the_oldest_unacknowledged() {
    let mut inbox = Inbox::default();
    offer(&mut inbox, "a", 1);
    let (token, _) = inbox.take(100).unwrap();
    assert_eq!(inbox.overdue(99), None);
    assert_eq!(inbox.overdue(100), Some(token));
}

#[test]
fn lost_senders_leave_only_what_may_be_consumed_still() {
    let mut inbox = Inbox::default();
    offer(&mut inbox, "a", 1);
    offer(&mut inbox, "b", 2);
    let (token, _) = inbox.take(0).unwrap();
    inbox.senders_lost(|_| true);
    assert_eq!(inbox.len(), 1);
    assert_eq!(inbox.consumed(token), None);
    assert_eq!(offer(&mut inbox, "a", 3), Arrival::Known(3));
    assert_eq!(offer(&mut inbox, "b", 4), Arrival::Queued);
}

#[test]
fn the_memory_of_consumed_messages_is_bounded() {
    let mut inbox = Inbox::default();
    for n in 0..=super::REMEMBERED {
        offer(&mut inbox, &format!("m{n}"), 0);
        let (token, _) = inbox.take(0).unwrap();
        inbox.consumed(token);
    }
    assert_eq!(offer(&mut inbox, "m0", 9), Arrival::Queued);
    assert_eq!(offer(&mut inbox, "m1", 9), Arrival::Known(9));
}
