//! Sets of characters.

use std::fmt;

/// A set of ASCII characters. A lookup does not branch on the kind of character, which a processor can't predict.
#[derive(Clone, Copy)]
pub(super) struct Characters([u64; 2]);

impl Characters {
    pub(super) const NONE: Self = Self([0; 2]);

    /// Adds the characters from `first` to `last`.
    pub(super) const fn and(mut self, first: u8, last: u8) -> Self {
        let mut byte = first;
        while byte.is_ascii() && byte <= last {
            self.0[(byte / 64) as usize] |= 1 << (byte % 64);
            byte += 1;
        }
        self
    }

    #[inline]
    pub(super) fn has(&self, byte: u8) -> bool {
        let half = self.0.get(usize::from(byte / 64));
        half.is_some_and(|half| half >> (byte % 64) & 1 == 1)
    }

    /// The number of leading bytes that are in the set.
    #[inline]
    pub(super) fn before_another(&self, text: &[u8]) -> usize {
        text.iter().position(|byte| !self.has(*byte)).unwrap_or(text.len())
    }

    /// Whether all characters of the text are in the set.
    #[inline]
    pub(super) fn are_all(&self, text: &str) -> bool {
        self.before_another(text.as_bytes()) == text.len()
    }
}

impl fmt::Debug for Characters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = (0..128).filter(|byte| self.has(*byte)).map(char::from);
        write!(f, "{:?}", all.collect::<String>())
    }
}
