//! Reads JSON so that an unreadable value does not affect the others.
//!
//! `serde_json` rejects a whole text because of one number beyond `f64`, half a surrogate pair, invalid UTF-8 or deep
//! nesting. A page of a list must not be lost for that, so a rejected text is read a second time, with such values
//! replaced by a placeholder: `{"(unreadable)": "<the value as it was received>"}`. For [`Field`](crate::Field) that is
//! a value of an unexpected type, so no placeholder is taken for a value, and nothing is rounded or shortened silently.

use std::str::Utf8Error;

use serde::de::{DeserializeOwned, Error as _};
use serde_json::{Map, Value};

/// Maximum nesting; deeper values are replaced. It is half of what `serde_json` allows, and ten times what the API
/// sends.
const DEEPEST: usize = 64;

/// The key of a placeholder, whose value is the unreadable JSON as text.
pub(crate) const UNREADABLE: &str = "(unreadable)";

/// The prefix of the keys with which `serde_json` passes numbers and raw JSON to itself. In a response, such keys would
/// confuse it.
pub(crate) const PRIVATE: &str = "$serde_json::private::";

/// Reads a JSON text.
pub fn from_slice<T: DeserializeOwned>(json: &[u8]) -> serde_json::Result<T> {
    // UTF-8 is validated once, for the whole text: for each string in it, that would take several times as long.
    let error = match std::str::from_utf8(json) {
        Ok(text) => match serde_json::from_str(text) {
            Err(error) => error,
            read => return read,
        },
        Err(error) => not_utf_8(json, error),
    };
    if error.is_eof() {
        return Err(error);
    }
    again(json, error)
}

/// The error at the position where the text stops being JSON or UTF-8.
#[cold]
fn not_utf_8(json: &[u8], error: Utf8Error) -> serde_json::Error {
    match serde_json::from_slice::<Value>(json) {
        Err(error) => error,
        Ok(_) => serde_json::Error::custom(error), // unreachable: `from_slice` checks all bytes
    }
}

#[cold]
fn again<T: DeserializeOwned>(json: &[u8], error: serde_json::Error) -> serde_json::Result<T> {
    match Mend::all(json) {
        Some(mended) => serde_json::from_str(&String::from_utf8_lossy(&mended)),
        None => Err(error),
    }
}

/// Copies a text token by token. It checks only tokens; whether they form valid JSON is left to `serde_json`.
struct Mend<'a> {
    rest: &'a [u8],
    out: Vec<u8>,
    depth: usize,
    changed: bool,
}

impl<'a> Mend<'a> {
    /// The text with unreadable values replaced; `None` if it has none.
    fn all(json: &'a [u8]) -> Option<Vec<u8>> {
        let mut mend = Self {
            rest: json,
            out: Vec::with_capacity(json.len()),
            depth: 0,
            changed: false,
        };
        mend.run();
        mend.changed.then_some(mend.out)
    }

    fn run(&mut self) {
        while let Some(first) = self.rest.first() {
            match first {
                b'{' | b'[' if self.depth < DEEPEST => self.depth += 1,
                b'{' | b'[' => {
                    self.replace();
                    continue;
                }
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                b':' | b',' | b' ' | b'\t' | b'\n' | b'\r' => {}
                _ => {
                    self.scalar();
                    continue;
                }
            }
            self.copy(1);
        }
    }

    /// Copies a string, a number or a word, or writes its placeholder.
    fn scalar(&mut self) {
        let end = token(self.rest).unwrap_or(self.rest.len());
        let (token, behind) = self.rest.split_at(end);
        let behind = behind.trim_ascii_start();
        if self.depth == 0 {
            return self.copy(end.max(1)); // not part of a larger value, so there is nothing to save
        }
        if behind.is_empty() {
            // The text is truncated here, so the incomplete token is dropped.
            self.rest = &[];
            self.changed = true;
            return;
        }
        let named = behind.strip_prefix(b":").filter(|_| token.starts_with(b"\""));
        let Some(named) = named else {
            return match serde_json::from_slice::<Value>(token) {
                Ok(_) => self.copy(end),
                Err(_) => self.replace(),
            };
        };
        let name = serde_json::from_slice::<String>(token);
        if name.is_ok_and(|name| !name.starts_with(PRIVATE)) {
            return self.copy(end);
        }
        // The name is changed, so the value must not be taken for that of a field: it is replaced too.
        let name = Value::from(String::from_utf8_lossy(token));
        self.out.extend_from_slice(name.to_string().as_bytes());
        self.out.push(b':');
        self.rest = named.trim_ascii_start();
        self.replace();
    }

    /// Writes a placeholder for the next value.
    fn replace(&mut self) {
        self.changed = true;
        match value(self.rest) {
            Some(end) => {
                let value = String::from_utf8_lossy(self.take(end));
                let mark = Value::Object(Map::from_iter([(UNREADABLE.to_owned(), value.into())]));
                self.out.extend_from_slice(mark.to_string().as_bytes());
            }
            // The value is truncated, so nothing follows. The open brace makes the result end early, too.
            None => {
                self.rest = &[];
                self.out.push(b'{');
            }
        }
    }

    fn copy(&mut self, count: usize) {
        let copied = self.take(count);
        self.out.extend_from_slice(copied);
    }

    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(count.min(self.rest.len()));
        self.rest = rest;
        taken
    }
}

/// The length of the string, number or word at the start of the JSON; `None` if it is truncated.
fn token(json: &[u8]) -> Option<usize> {
    if !json.starts_with(b"\"") {
        return json
            .iter()
            .position(|byte| byte.is_ascii_whitespace() || b",:[]{}\"".contains(byte));
    }
    let mut at = 1;
    loop {
        match json.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// The same for any value.
fn value(json: &[u8]) -> Option<usize> {
    let (mut at, mut depth) = (0, 0_usize);
    loop {
        let rest = json.get(at..)?;
        match rest.first()? {
            b'{' | b'[' => {
                depth += 1;
                at += 1;
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                at += 1;
            }
            b':' | b',' | b' ' | b'\t' | b'\n' | b'\r' => at += 1,
            _ => at += token(rest)?.max(1),
        }
        if depth == 0 {
            return Some(at);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // tests
mod tests {
    use serde_json::json;

    use super::*;

    /// Checks that the unreadable value `odd` is replaced by a placeholder wherever it occurs.
    fn check(odd: &str) {
        let text = format!(r#"{{"a": {odd} , "b":[{odd},1],"c":"end"}}"#);
        let read: Value = from_slice(text.as_bytes()).unwrap();
        let mark = json!({ UNREADABLE: odd });
        assert_eq!(read, json!({ "a": mark, "b": [mark, 1], "c": "end" }), "{text}");
    }

    #[test]
    fn what_serde_json_refuses_is_kept_as_text() {
        for odd in [
            r#""half \ud800 pair""#,
            r#""\udc00""#,
            r#""\ud800\u0041""#,
            r#""\x""#,
            r#""\u12""#,
            "\"a\nb\"",
            "NaN",
            "-Infinity",
            "undefined",
            "01",
            "+1",
            "1.",
        ] {
            check(odd);
        }
        for number in ["1e400", "-1e400"] {
            let text = format!(r#"{{"a":{number},"b":1}}"#);
            let read: Value = from_slice(text.as_bytes()).unwrap();
            let mark = json!({ UNREADABLE: number });
            assert!(read["a"] == mark || read["a"].is_number(), "{read}"); // with `arbitrary_precision` it is a number
            assert_eq!((&read["b"], read["a"].as_f64()), (&json!(1), None));
        }
    }

    #[test]
    fn invalid_utf_8_costs_one_value() {
        let read: Value = from_slice(b"{\"a\":\"x\xff\",\"b\":1}").unwrap();
        assert_eq!(read, json!({ "a": { UNREADABLE: "\"x\u{fffd}\"" }, "b": 1 }));
        // Without other values to save, there is no placeholder but an error.
        for text in [b"\"x\xff\"".as_slice(), b"\xff", b"{}\xff", b"\xff{\"a\":1}"] {
            let error = from_slice::<Value>(text).unwrap_err();
            assert!(!error.is_eof(), "{text:?}: {error}");
        }
    }

    #[test]
    fn what_is_too_deep_is_cut_out() {
        for levels in [DEEPEST, 126, 10_000] {
            let deep = format!("{}0{}", "[".repeat(levels), "]".repeat(levels));
            let text = format!(r#"{{"a":{deep},"b":NaN,"c":{{"x":{deep}}},"d":1}}"#);
            let read: Value = from_slice(text.as_bytes()).unwrap();
            assert!(read["a"].to_string().contains(UNREADABLE), "{read}");
            assert_eq!(read["d"], 1);
        }
    }

    /// If a name can't be read, its value must not be taken for the value of another field.
    #[test]
    fn the_value_of_an_odd_name_is_no_value() {
        let text = r#"{ "a\ud800" : [1, {"b":"]"}] , "c":1}"#;
        let read: Value = from_slice(text.as_bytes()).unwrap();
        assert_eq!(
            read,
            json!({ r#""a\ud800""#: { UNREADABLE: r#"[1, {"b":"]"}]"# }, "c": 1 })
        );
    }

    /// Regardless of the features of `serde_json` that a program enables.
    #[test]
    fn names_that_serde_json_uses_itself_do_no_harm() {
        for name in ["Number", "RawValue"] {
            let text = format!(r#"{{"a":{{"{PRIVATE}{name}":"odd"}},"b":1}}"#);
            let read: Value = from_slice(text.as_bytes()).unwrap();
            assert_eq!(read["b"], 1, "{read}");
        }
    }

    #[test]
    fn what_is_cut_off_is_cut_off_whatever_came_before() {
        let whole = r#"{"a":1e400,"b\ud800":[1],"c":"\ud800","ü":"ü","d":{"e":[NaN , 2]}}"#;
        assert!(from_slice::<Value>(whole.as_bytes()).is_ok());
        for end in 1..whole.len() {
            let cut = &whole.as_bytes()[..end]; // also in the middle of a character
            let error = from_slice::<Value>(cut).unwrap_err();
            assert!(error.is_eof(), "{}: {error}", String::from_utf8_lossy(cut));
        }
        let deep = format!(r#"{{"a":{}"#, "[".repeat(100_000));
        assert!(from_slice::<Value>(deep.as_bytes()).unwrap_err().is_eof());
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in [
            r#"{"a":1,}"#,
            r#"{"a" 1}"#,
            r#"{"a":1}}"#,
            r#"{"a":NaN]"#,
            r"{a:1}",
            "}",
            "NaN",
            "Unavailable",
            "Service unavailable",
            "\u{c}{}",
            "<html>{</html>",
        ] {
            let error = from_slice::<Value>(text.as_bytes()).unwrap_err();
            assert!(!error.is_eof(), "{text}: {error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in r#"[\[\]{}",:\\ud8001eE.\-+ \n\x0c]{0,60}"#) {
            let _ = from_slice::<Value>(text.as_bytes());
        }
    }
}
