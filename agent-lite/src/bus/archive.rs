//! The newest published messages, for `/v2/messages/query`: a ring in memory, bounded in bytes.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::ids::MicroserviceUuid;

/// The ring.
#[derive(Debug)]
pub struct Archive {
    limit: usize,
    bytes: usize,
    ring: VecDeque<Archived>,
}

#[derive(Debug)]
struct Archived {
    publisher: MicroserviceUuid,
    timestamp: u64,
    payload: Bytes,
}

impl Archive {
    /// Keeps messages of at most `limit` bytes in all.
    pub fn new(limit: usize) -> Self {
        Self { limit, bytes: 0, ring: VecDeque::new() }
    }

    /// Adds a published message in binary form.
    pub fn push(&mut self, publisher: MicroserviceUuid, timestamp: u64, payload: Bytes) {
        self.bytes += payload.len();
        self.ring.push_back(Archived { publisher, timestamp, payload });
        while self.bytes > self.limit
            && let Some(oldest) = self.ring.pop_front()
        {
            self.bytes -= oldest.payload.len();
        }
    }

    /// Messages of these publishers published from `start` to `end` (epoch ms), oldest first.
    pub fn query(&self, publishers: &[MicroserviceUuid], start: u64, end: u64) -> Vec<Bytes> {
        let wanted = |one: &&Archived| {
            (start..=end).contains(&one.timestamp) && publishers.contains(&one.publisher)
        };
        self.ring.iter().filter(wanted).map(|one| one.payload.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archive_is_bounded_and_filtered() {
        let mut archive = Archive::new(20);
        for (publisher, at) in [("a", 1), ("b", 2), ("a", 3), ("a", 4)] {
            archive.push(publisher.into(), at, Bytes::from(format!("{publisher}{at}___")));
        }
        let found = |from, to| archive.query(&["a".into()], from, to);
        assert_eq!(found(0, 9), ["a1___", "a3___", "a4___"]);
        assert_eq!(found(2, 3), ["a3___"]);
        archive.push("a".into(), 5, Bytes::from_static(b"a5___"));
        assert_eq!(archive.query(&["a".into()], 0, 9).len(), 3);
    }
}
