//! How tables that load fills grow: while little is in them as any do, then at once to a size that allocators take
//! from the system as a block of its own, and give back. The places between, of each size on the way, are kept by some.

/// Up to so many bytes a table grows in small steps.
const SMALL: usize = 1024;
/// Then it has so many at least. Pages of it that nothing was written to take no memory.
const LARGE: usize = 48 * 1024;

/// Items for which a table that is full should get room now, as exactly as it can; 0: as it likes.
#[must_use]
#[inline]
pub const fn room_for_more(capacity: usize, item_bytes: usize) -> usize {
    let bytes = capacity * item_bytes;
    if bytes < SMALL || bytes >= LARGE { 0 } else { (LARGE - bytes) / item_bytes + 1 }
}

/// Items for which a table keeps room that has become too large for those in it.
#[must_use]
pub fn room_to_keep(used: usize, item_bytes: usize) -> usize {
    if used * item_bytes <= SMALL { used } else { used.max(LARGE / item_bytes + 1) }
}

/// As [`room_for_more`], for a buffer to which so many bytes are to be written.
#[inline]
pub(crate) fn make_room(buffer: &mut Vec<u8>, more: usize) {
    let wanted = buffer.len() + more;
    if wanted > buffer.capacity() && wanted > SMALL && buffer.capacity() < LARGE {
        buffer.reserve_exact(LARGE.max(wanted) - buffer.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sizes of the blocks that a table had as it grew, bytes.
    fn sizes(count: usize) -> Vec<usize> {
        let (mut table, mut sizes): (Vec<[u8; 100]>, _) = (Vec::new(), Vec::new());
        for _ in 0..count {
            if table.len() == table.capacity() {
                table.reserve_exact(room_for_more(table.capacity(), 100));
            }
            table.push([0; 100]);
            sizes.push(table.capacity() * 100);
        }
        sizes.dedup();
        sizes
    }

    #[test]
    fn tables_leap_over_the_sizes_that_are_kept() {
        let sizes = sizes(10_000);
        assert!(sizes.iter().all(|size| *size < 2 * SMALL || *size >= LARGE), "{sizes:?}");
        assert!(sizes.len() < 15, "{sizes:?}");
    }

    #[test]
    fn tables_leap_over_them_on_the_way_back_too() {
        assert_eq!([0, 1, 10].map(|used| room_to_keep(used, 100)), [0, 1, 10]);
        assert_eq!([11, 300].map(|used| room_to_keep(used, 100)), [LARGE / 100 + 1; 2]);
        assert_eq!(room_to_keep(1_000, 100), 1_000);
    }

    #[test]
    fn buffers_leap_over_the_sizes_that_are_kept() {
        let mut buffer = Vec::new();
        for _ in 0..1_000 {
            make_room(&mut buffer, 400);
            buffer.extend_from_slice(&[7; 400]);
            assert!(buffer.capacity() < 2 * SMALL || buffer.capacity() >= LARGE);
        }
        let mut buffer = Vec::new();
        make_room(&mut buffer, 2 * LARGE);
        assert_eq!(buffer.capacity(), 2 * LARGE);
        make_room(&mut Vec::new(), 10);
    }
}
