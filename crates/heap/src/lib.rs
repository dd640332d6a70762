//! How much free heap a process keeps at hand. Programs that move large buffers would otherwise give memory back to
//! the system after each one and fault it in again for the next, which costs more than the work between.

use std::hint::black_box;

/// Bytes of a block that is taken and given back once. The C library of GNU takes blocks of more than 128 KiB from
/// the system one by one, until one is freed: from then on blocks of up to that size come from the heap, and twice
/// that size may lie free at its top.
const BLOCK: usize = 1 << 20;

/// Lets the heap keep up to 2 MiB free at its top from now on. Call it once, as the program starts. Other C libraries
/// have rules of their own; there it does nothing that lasts.
pub fn keep_reserve() {
    drop(black_box(Vec::<u8>::with_capacity(BLOCK)));
}

#[cfg(all(test, target_env = "gnu"))]
mod tests {
    use std::hint::black_box;

    /// Page faults of this process that needed no disk: the tenth field of `stat`.
    fn faults() -> Option<u64> {
        let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
        // The name of the program in parentheses may hold blanks.
        let (_, fields) = stat.rsplit_once(')')?;
        fields.split_whitespace().nth(7)?.parse().ok()
    }

    /// Takes and frees buffers as a busy tunnel does; gives the faults.
    fn traffic() -> Option<u64> {
        let before = faults()?;
        for _ in 0..500 {
            let buffers: Vec<Vec<u8>> = (0..8).map(|_| black_box(vec![1; 100 * 1024])).collect();
            drop(buffers);
        }
        Some(faults()? - before)
    }

    #[test]
    fn freed_buffers_are_not_faulted_in_again() {
        let before = traffic();
        super::keep_reserve();
        traffic();
        let after = traffic();
        let fewer = before.zip(after).is_some_and(|(before, after)| after * 20 < before);
        assert!(fewer, "{before:?} faults without the reserve, {after:?} with it");
    }
}
