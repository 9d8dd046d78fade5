//! Reads JSON that was just written, in one pass and without a copy: a walk takes a fraction of what parsing takes.
//!
//! It relies on the text being JSON. Of one that is not, it makes something or other, but it always comes to an end.

use std::borrow::Cow;

/// A place in a JSON text.
#[derive(Clone, Copy)]
pub(super) struct Json<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Json<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// What comes next, without what is between values; 0 at the end.
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

    /// Whether something more is in the list or object that was entered. If not, it has been left.
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

    /// The name of a field.
    pub(super) fn name(&mut self) -> Cow<'a, str> {
        self.peek();
        let name = self.string();
        if self.peek() == b':' {
            self.at += 1;
        }
        name
    }

    /// Whether the name of the field that comes next may have this length; most have another.
    #[inline]
    pub(super) fn is_name_of(&self, length: usize) -> bool {
        let end = self.at + 1 + length;
        self.text.as_bytes().get(end..end + 2) == Some(b"\":")
    }

    /// Whether this is the name of the field that comes next; if so, it has been read.
    pub(super) fn is_name(&mut self, name: &str) -> bool {
        let start = self.at + 1;
        let end = start + name.len();
        let is_it = self.is_name_of(name.len()) && self.text.as_bytes().get(start..end) == Some(name.as_bytes());
        if is_it {
            self.at = end + 2;
        }
        is_it
    }

    /// A text, which comes next.
    pub(super) fn string(&mut self) -> Cow<'a, str> {
        let start = self.at;
        let escaped = self.skip_string();
        let quoted = self.since(start);
        if escaped {
            return serde_json::from_str(quoted).unwrap_or_default();
        }
        quoted.get(1..quoted.len() - 1).unwrap_or_default().into()
    }

    /// A number, `true`, `false` or `null`, as it stands there.
    pub(super) fn word(&mut self) -> &'a str {
        let start = self.at;
        self.skip(|byte| !matches!(byte, b',' | b']' | b'}' | b':' | b' ' | b'\t' | b'\n' | b'\r'));
        self.since(start)
    }

    /// Any value, as it stands there.
    pub(super) fn value(&mut self) -> &'a str {
        self.peek();
        let start = self.at;
        let mut depth = 0_usize;
        loop {
            match self.peek() {
                b'"' => {
                    self.skip_string();
                }
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

    /// Goes on while a byte is like this.
    #[inline]
    fn skip(&mut self, is_like_this: impl Fn(u8) -> bool) {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        self.at += rest.iter().position(|byte| !is_like_this(*byte)).unwrap_or(rest.len());
    }

    /// Says whether something is escaped in it.
    fn skip_string(&mut self) -> bool {
        let mut escaped = false;
        self.at += 1;
        loop {
            self.skip(|byte| byte != b'"' && byte != b'\\');
            match self.text.as_bytes().get(self.at) {
                Some(b'\\') => {
                    escaped = true;
                    self.at = (self.at + 2).min(self.text.len());
                }
                Some(_) => {
                    self.at += 1;
                    return escaped;
                }
                None => return escaped,
            }
        }
    }
}
