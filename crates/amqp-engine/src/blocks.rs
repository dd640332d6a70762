//! Blocks that large reads go into, used again once nothing refers to them any more. Payloads are passed on from
//! where they were read; a new block for each read would be taken from the system and given back each time by
//! allocators that keep little.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// Room asked for from which on a block is worth keeping, bytes.
pub(crate) const LARGE: usize = 32 * 1024;
/// Size of a block: a large read, and the beginning of a frame of the usual size that stood before it.
const SIZE: usize = 80 * 1024;
/// Blocks that one connection remembers: those of messages that wait between a fast sender and its receiver.
const MOST: usize = 64;

/// Blocks of one connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Blocks {
    /// All that was read into each, to its end, oldest first: whole blocks, as each begins with its first byte.
    lent: VecDeque<Bytes>,
    /// So many of the oldest were not needed lately.
    spare: usize,
}

impl Blocks {
    /// A block with room for so many bytes: the one that was used last of those that are free, as the processor has
    /// it in its cache, and so that those that are not needed grow old.
    pub(crate) fn take(&mut self, room: usize) -> BytesMut {
        let free = self.lent.iter().rposition(Bytes::is_unique);
        self.spare = self.spare.min(free.unwrap_or(0));
        let block = free.and_then(|at| self.lent.remove(at)?.try_into_mut().ok());
        if let Some(mut block) = block.filter(|block| block.capacity() >= room) {
            block.clear();
            return block;
        }
        BytesMut::with_capacity(room.max(SIZE))
    }

    /// Remembers a block by the bytes that begin it.
    pub(crate) fn lend(&mut self, first: &Bytes) {
        if self.lent.len() >= MOST {
            self.lent.pop_front();
            self.spare = self.spare.saturating_sub(1);
        }
        self.lent.push_back(first.clone());
    }

    /// Forgets those that were not needed since this was called last.
    pub(crate) fn age(&mut self) {
        self.lent.drain(..self.spare.min(self.lent.len()));
        self.spare = self.lent.len();
    }

    /// Gives all back to the system, as soon as nothing refers to them.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads into a block, and gives what was read with what is left of the block.
    fn read(blocks: &mut Blocks, bytes: &[u8]) -> (Bytes, BytesMut) {
        let mut block = blocks.take(64 * 1024);
        assert!(block.is_empty());
        block.extend_from_slice(bytes);
        let first = block.split_to(bytes.len() / 2).freeze();
        blocks.lend(&first);
        (first, block)
    }

    #[test]
    fn a_block_is_used_again_when_nothing_refers_to_it() {
        let mut blocks = Blocks::default();
        let (first, rest) = read(&mut blocks, &[1; 60_000]);
        let place = first.as_ptr();
        let payload = first.slice(10..20);
        drop(first);
        drop(rest);
        let (second, rest) = read(&mut blocks, &[2; 60_000]);
        assert_ne!(second.as_ptr(), place, "a payload is still read");
        assert_eq!(payload, [1; 10][..]);
        drop((payload, rest));
        let (third, _) = read(&mut blocks, &[3; 60_000]);
        assert_eq!(third.as_ptr(), place);
        assert_eq!((second[0], third[0]), (2, 3));
    }

    #[test]
    fn the_block_that_was_used_last_is_used_first_and_the_others_grow_old() {
        let mut blocks = Blocks::default();
        // Ten messages wait at once, then never more than one.
        let places: Vec<_> = {
            let burst: Vec<_> = (0..10).map(|n| read(&mut blocks, &[n; 100])).collect();
            burst.iter().map(|(first, _)| first.as_ptr()).collect()
        };
        assert_eq!(blocks.lent.len(), places.len());
        blocks.age();
        for _ in 0..3 {
            let (first, _) = read(&mut blocks, &[1; 100]);
            assert_eq!(Some(&first.as_ptr()), places.last());
        }
        assert_eq!(blocks.lent.len(), places.len(), "the burst may come again");
        blocks.age();
        assert_eq!(blocks.lent.len(), 1);
        let (first, _) = read(&mut blocks, &[1; 100]);
        assert_eq!(Some(&first.as_ptr()), places.last());
        blocks.age();
        blocks.age();
        assert!(blocks.lent.is_empty());
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut blocks = Blocks::default();
        let held: Vec<_> = (0..2 * MOST).map(|_| read(&mut blocks, &[7; 100])).collect();
        assert_eq!(blocks.lent.len(), MOST);
        assert!(held.iter().all(|(first, _)| first[0] == 7));
        assert!(blocks.take(1 << 20).capacity() >= 1 << 20);
    }
}
