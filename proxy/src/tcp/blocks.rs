//! Blocks that large reads of one tunnel go into, used again once their bytes have been taken: a new block for each
//! read would be taken from the system and given back each time by allocators that keep little.

use bytes::{Bytes, BytesMut};

/// From here on a block is worth keeping, bytes.
const LARGE: usize = 48 << 10;

/// Blocks of one tunnel.
#[derive(Debug)]
pub(super) struct Blocks {
    /// So many are remembered.
    most: usize,
    /// What was read into each, oldest first.
    lent: Vec<Bytes>,
}

// === impl Blocks ===

impl Blocks {
    /// Remembers `most` blocks.
    pub(super) const fn new(most: usize) -> Self {
        Self { most, lent: Vec::new() }
    }

    /// An empty buffer with room for so many bytes: where they are many, in the block that was used last of those that are free,
    /// as the processor has it in its cache.
    pub(super) fn take(&mut self, room: usize) -> BytesMut {
        if room >= LARGE
            && let Some(at) = self.lent.iter().rposition(Bytes::is_unique)
            && let Ok(mut block) = self.lent.remove(at).try_into_mut()
            && block.capacity() >= room
        {
            block.clear();
            return block;
        }
        BytesMut::with_capacity(room)
    }

    /// Remembers the block of a message.
    pub(super) fn lend(&mut self, message: &Bytes) {
        if message.len() >= LARGE {
            if self.lent.len() >= self.most.max(1) {
                self.lent.remove(0);
            }
            self.lent.push(message.clone());
        }
    }

    /// Gives all back to the system, as soon as nothing refers to them.
    pub(super) fn clear(&mut self) {
        if !self.lent.is_empty() {
            *self = Self::new(self.most);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(blocks: &mut Blocks, room: usize) -> Bytes {
        let mut block = blocks.take(room);
        assert!(block.is_empty() && block.capacity() >= room);
        block.resize(room, 7);
        let message = block.freeze();
        blocks.lend(&message);
        message
    }

    #[test]
    fn blocks_are_used_again_once_nothing_refers_to_them() {
        let mut blocks = Blocks::new(4);
        let [first, second] = [(); 2].map(|()| message(&mut blocks, LARGE));
        let place = second.as_ptr();
        let body = first.slice(100..200);
        drop((first, second));
        let third = message(&mut blocks, LARGE);
        assert_eq!(third.as_ptr(), place, "the one of which nothing is read any more");
        assert_eq!(body, [7; 100][..]);
        drop((third, body));
        blocks.clear();
        assert!(blocks.lent.is_empty() && blocks.lent.capacity() == 0);
        // Small ones, and those that do not suffice, are not used.
        drop(message(&mut blocks, LARGE - 1));
        assert!(blocks.lent.is_empty());
        drop(message(&mut blocks, LARGE));
        assert!(blocks.take(2 * LARGE).capacity() >= 2 * LARGE);
    }

    #[test]
    fn blocks_that_are_kept_are_bounded() {
        let mut blocks = Blocks::new(3);
        let held: Vec<_> = (0..9).map(|_| message(&mut blocks, LARGE)).collect();
        assert_eq!((held.len(), blocks.lent.len()), (9, 3));
    }
}
