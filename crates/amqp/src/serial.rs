//! Serial numbers that wrap (RFC 1982, 32 bits): delivery ids, transfer ids and delivery counts.

/// A 32-bit serial number; compared by distance, so that it survives the wrap.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Serial(pub u32);

impl Serial {
    /// The number `n` steps later.
    #[must_use]
    #[inline]
    pub const fn plus(self, n: u32) -> Self {
        Self(self.0.wrapping_add(n))
    }

    /// Steps from `earlier` to `self`, as if `self` came later.
    #[must_use]
    #[inline]
    pub const fn since(self, earlier: Self) -> u32 {
        self.0.wrapping_sub(earlier.0)
    }

    /// Steps from `other` to `self`: negative when `self` comes before it.
    #[must_use]
    #[inline]
    pub const fn distance(self, other: Self) -> i32 {
        self.0.wrapping_sub(other.0).cast_signed()
    }

    /// Whether `self` comes before `other`.
    #[must_use]
    #[inline]
    pub const fn is_before(self, other: Self) -> bool {
        self.distance(other) < 0
    }
}

#[cfg(test)]
mod tests {
    use super::Serial;

    #[test]
    fn order_survives_the_wrap() {
        let last = Serial(u32::MAX);
        assert!(last.is_before(last.plus(1)));
        assert!(!last.plus(1).is_before(last));
        assert_eq!(last.plus(3).since(last), 3);
        assert_eq!(last.distance(last.plus(2)), -2);
        assert!(!last.is_before(last));
    }
}
