//! Reads JSON that this crate has just serialized, in one pass and without a copy, in a fraction of the time of
//! parsing.
//!
//! It relies on the text being valid JSON. For any other text the result is unspecified, but reading always terminates.

use std::borrow::Cow;

use super::characters::Characters;

/// A position in a JSON text.
#[derive(Clone, Copy)]
pub(super) struct Json<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Json<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The next byte after whitespace; 0 at the end.
    #[inline]
    pub(super) fn peek(&mut self) -> u8 {
        loop {
            match self.text.as_bytes().get(self.at) {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                Some(byte) => return *byte,
                None => return 0,
            }
        }
    }

    /// Enters a list or an object.
    pub(super) fn enter(&mut self) {
        self.at += 1;
    }

    /// Whether the list or object that was entered has another item. If not, leaves it.
    pub(super) fn more(&mut self) -> bool {
        let mut next = self.peek();
        if next == b',' {
            self.at += 1;
            next = self.peek();
        }
        if matches!(next, b']' | b'}') {
            self.at += 1;
            return false;
        }
        next != 0
    }

    /// Reads the name of a field.
    pub(super) fn name(&mut self) -> Cow<'a, str> {
        self.peek();
        let name = self.string();
        self.colon();
        name
    }

    /// Whether the next field has this name; if so, reads it. The length is passed separately, because it is compared
    /// first: most names differ in length, and reading the name itself is a distant memory access.
    #[inline]
    pub(super) fn is_name(&mut self, length: usize, name: impl FnOnce() -> &'static str) -> bool {
        let end = self.at + 1 + length;
        let bytes = self.text.as_bytes();
        let is_it = bytes.get(end) == Some(&b'"') && bytes.get(self.at + 1..end) == Some(name().as_bytes());
        if is_it {
            self.at = end + 1;
            self.colon();
        }
        is_it
    }

    fn colon(&mut self) {
        if self.peek() == b':' {
            self.at += 1;
        }
    }

    /// Reads a string, which must be next.
    #[inline]
    pub(super) fn string(&mut self) -> Cow<'a, str> {
        let start = self.at + 1;
        let rest = self.text.as_bytes().get(start..).unwrap_or_default();
        let plain = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'));
        match plain.filter(|plain| rest[*plain] == b'"') {
            Some(plain) => {
                self.at = start + plain + 1;
                self.text.get(start..start + plain).unwrap_or_default().into()
            }
            None => self.escaped_string(),
        }
    }

    #[cold]
    fn escaped_string(&mut self) -> Cow<'a, str> {
        let start = self.at;
        self.skip_string();
        serde_json::from_str(self.since(start)).unwrap_or_default()
    }

    /// Reads a number, `true`, `false` or `null`; returns its JSON.
    pub(super) fn word(&mut self) -> &'a str {
        const END: Characters = Characters::NONE
            .and(b',', b',')
            .and(b':', b':')
            .and(b']', b']')
            .and(b'}', b'}')
            .and(b' ', b' ')
            .and(b'\t', b'\n')
            .and(b'\r', b'\r');
        let start = self.at;
        let rest = self.text.as_bytes().get(start..).unwrap_or_default();
        self.at += rest.iter().position(|byte| END.has(*byte)).unwrap_or(rest.len());
        self.since(start)
    }

    /// Reads any value; returns its JSON.
    pub(super) fn value(&mut self) -> &'a str {
        self.peek();
        let start = self.at;
        let mut depth = 0_usize;
        loop {
            match self.peek() {
                b'"' => self.skip_string(),
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' if depth > 0 => {
                    depth -= 1;
                    self.at += 1;
                }
                b',' | b':' if depth > 0 => self.at += 1,
                b'}' | b']' | b',' | b':' | 0 => break,
                _ => {
                    self.word();
                }
            }
            if depth == 0 {
                break;
            }
        }
        self.since(start)
    }

    fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn skip_string(&mut self) {
        self.at += 1;
        loop {
            match self.text.as_bytes().get(self.at) {
                Some(b'\\') => self.at = (self.at + 2).min(self.text.len()),
                Some(byte) => {
                    self.at += 1;
                    if *byte == b'"' {
                        return;
                    }
                }
                None => return,
            }
        }
    }
}
