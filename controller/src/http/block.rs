//! Bytes that stay for a while: few of them on the heap, many in pages of their own, which go back to the system as soon as they are
//! dropped. Freed between smaller things on the heap they would stay with the process.

use bytes::Bytes;
use memmap2::MmapMut;

/// Bytes up to which the heap is good enough.
const SMALL: usize = 16 * 1024;

/// A buffer that grows up to a limit.
#[derive(Debug, Default)]
pub struct Block {
    small: Vec<u8>,
    /// Pages, and how many of their bytes are filled.
    large: Option<Filled>,
}

/// Pages and how many of their bytes count.
#[derive(Debug)]
struct Filled {
    pages: MmapMut,
    length: usize,
}

impl AsRef<[u8]> for Filled {
    fn as_ref(&self) -> &[u8] {
        self.pages.get(..self.length).unwrap_or_default()
    }
}

impl Block {
    /// Appends bytes; false when they do not fit into `limit` or the system has no pages. The limit of the first call that needs
    /// pages is that of the block.
    #[must_use]
    pub fn extend(&mut self, bytes: &[u8], limit: usize) -> bool {
        if self.large.is_none() && self.small.len() + bytes.len() > SMALL {
            // Pages cost nothing until they are written to.
            let Ok(pages) = MmapMut::map_anon(limit.max(1)) else { return false };
            let mut large = Filled { pages, length: 0 };
            if !large.push(&std::mem::take(&mut self.small)) {
                return false;
            }
            self.large = Some(large);
        }
        match &mut self.large {
            Some(large) => large.push(bytes),
            None => {
                self.small.extend_from_slice(bytes);
                true
            }
        }
    }

    /// The bytes, whatever they are kept in.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        match self.large {
            Some(large) => Bytes::from_owner(large),
            None => Bytes::from(self.small),
        }
    }
}

impl Filled {
    fn push(&mut self, bytes: &[u8]) -> bool {
        let end = self.length.saturating_add(bytes.len());
        let Some(room) = self.pages.get_mut(self.length..end) else { return false };
        room.copy_from_slice(bytes);
        self.length = end;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_up_to_its_limit() {
        let mut block = Block::default();
        let part: Vec<u8> = (0..=255).cycle().take(5000).collect();
        for _ in 0..6 {
            assert!(block.extend(&part, 30_000));
        }
        assert!(!block.extend(b"x", 30_000));
        assert_eq!(block.into_bytes(), part.repeat(6));
        let mut small = Block::default();
        assert!(small.extend(b"ab", 2) && small.extend(b"", 2));
        assert_eq!(small.into_bytes(), "ab");
    }
}
