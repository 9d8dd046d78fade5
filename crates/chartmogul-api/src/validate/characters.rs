//! Sets of characters.

/// A set of ASCII characters: a bit for each. To look one up takes no branch for what kind of character it is, which a processor
/// can't foresee.
#[derive(Debug, Clone, Copy)]
pub(super) struct Characters([u64; 2]);

impl Characters {
    pub(super) const NONE: Self = Self([0; 2]);

    /// These, and those from the first to the last.
    pub(super) const fn and(mut self, first: u8, last: u8) -> Self {
        let mut byte = first;
        while byte.is_ascii() && byte <= last {
            self.0[(byte >> 6) as usize] |= 1 << (byte & 63);
            byte += 1;
        }
        self
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0[0] | self.0[1] == 0
    }

    #[inline]
    pub(super) fn has(&self, byte: u8) -> bool {
        let bits = self.0.get(usize::from(byte >> 6));
        bits.is_some_and(|bits| bits >> (byte & 63) & 1 == 1)
    }

    /// How many there are before the first other one.
    #[inline]
    pub(super) fn before_another(&self, text: &[u8]) -> usize {
        text.iter().position(|byte| !self.has(*byte)).unwrap_or(text.len())
    }

    /// Whether a text has no others.
    #[inline]
    pub(super) fn are_all(&self, text: &str) -> bool {
        self.before_another(text.as_bytes()) == text.len()
    }
}
