//! Sets of characters.

use std::fmt;

/// A set of ASCII characters. A lookup does not branch on the kind of character, which a processor can't predict.
#[derive(Clone, Copy)]
pub(super) struct Characters([bool; 128]);

impl Characters {
    pub(super) const NONE: Self = Self([false; 128]);

    /// Adds the characters from `first` to `last`.
    pub(super) const fn and(mut self, first: u8, last: u8) -> Self {
        let mut byte = first;
        while byte.is_ascii() && byte <= last {
            self.0[byte as usize] = true;
            byte += 1;
        }
        self
    }

    #[inline]
    pub(super) fn has(&self, byte: u8) -> bool {
        self.0.get(usize::from(byte)).is_some_and(|has| *has)
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
