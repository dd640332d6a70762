//! Blocks that large reads go into, used again once nothing refers to them any more. Payloads are passed on from
//! where they were read; a new block for each read would be taken from the system and given back each time by
//! allocators that keep little.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// Room asked for from which on a block is worth keeping, bytes.
pub(crate) const LARGE: usize = 32 * 1024;
/// Size of a block: a large read, and the beginning of a frame of the usual size that stood before it.
const SIZE: usize = 80 * 1024;
/// Blocks that one connection keeps: what a slow reader lets wait in the output, and some.
const MOST: usize = 8;

/// Blocks of one connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Blocks {
    /// All that was read into each, to its end, oldest first: whole blocks, as each begins with its first byte.
    lent: VecDeque<Bytes>,
}

impl Blocks {
    /// A block with room for so many bytes.
    pub(crate) fn take(&mut self, room: usize) -> BytesMut {
        let free = self.lent.iter().position(Bytes::is_unique);
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
        }
        self.lent.push_back(first.clone());
    }

    /// Gives all back to the system, as soon as nothing refers to them.
    pub(crate) fn clear(&mut self) {
        self.lent = VecDeque::new();
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
    fn what_is_kept_is_bounded() {
        let mut blocks = Blocks::default();
        let held: Vec<_> = (0..20).map(|n| read(&mut blocks, &[n; 100])).collect();
        assert_eq!(blocks.lent.len(), MOST);
        assert!(held.iter().zip(0..).all(|((first, _), n)| first[0] == n));
        assert!(blocks.take(1 << 20).capacity() >= 1 << 20);
    }
}
