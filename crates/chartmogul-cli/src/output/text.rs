//! JSON as text: laid out, shortened and taken apart without a change to any value, so that numbers keep all their digits.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// The fields of an object in their order, each as it was sent.
#[derive(Debug, Clone, Default)]
pub(crate) struct RawFields(pub(crate) Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for RawFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = RawFields;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<RawFields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = object.next_entry()? {
                    fields.push(field);
                }
                Ok(RawFields(fields))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

impl RawFields {
    /// `None` if the text is no object.
    pub(crate) fn of(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let field = self.0.iter().find(|(known, _)| known == name);
        field.map(|(_, value)| value.get())
    }

    /// Sorts the fields in the order of these names; others come last.
    pub(crate) fn sort(&mut self, names: &[&str]) {
        let place = |name: &str| names.iter().position(|known| *known == name).unwrap_or(names.len());
        self.0.sort_by_key(|(name, _)| place(name));
    }

    /// As JSON, on one line if the values are.
    pub(crate) fn to_json(&self) -> String {
        object(self.0.iter().map(|(name, value)| (name.as_str(), value.get())))
    }
}

/// A JSON object from fields whose values are JSON.
pub(crate) fn object<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let fields = fields.map(|(name, value)| format!("{}:{value}", string(name)));
    format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
}

/// A text as JSON.
pub(crate) fn string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The value at a path through nested objects: `custom.seats`.
pub(crate) fn at(json: &str, path: &str) -> Option<String> {
    let fields = RawFields::of(json)?;
    if let Some(value) = fields.get(path) {
        return Some(value.to_owned()); // a name may have a dot itself
    }
    let (name, rest) = path.split_once('.')?;
    at(fields.get(name)?, rest)
}

/// A value as a cell: text without quotes, nothing for null, other values as JSON on one line.
pub(crate) fn cell(json: &str) -> String {
    match json.as_bytes() {
        b"null" => String::new(),
        [b'"', ..] => serde_json::from_str(json).unwrap_or_else(|_| json.to_owned()),
        [b'{' | b'[', ..] => compact(json),
        _ => json.to_owned(),
    }
}

/// The JSON on one line.
pub(crate) fn compact(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for token in tokens(json) {
        out.push_str(token);
    }
    out
}

/// The JSON with a line for each field, indented by two spaces per level, starting at `level`.
pub(crate) fn pretty(json: &str, level: usize) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let mut depth = level;
    let mut tokens = tokens(json).peekable();
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    while let Some(token) = tokens.next() {
        match token {
            "{" | "[" => {
                out.push_str(token);
                if tokens.peek().is_some_and(|next| *next == "}" || *next == "]") {
                    out.extend(tokens.next());
                } else {
                    depth += 1;
                    line(&mut out, depth);
                }
            }
            "}" | "]" => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push_str(token);
            }
            "," => {
                out.push(',');
                line(&mut out, depth);
            }
            ":" => out.push_str(": "),
            token => out.push_str(token),
        }
    }
    out
}

/// The tokens of a JSON text, without the whitespace between them.
fn tokens(json: &str) -> impl Iterator<Item = &str> {
    let mut rest = json;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        let length = match rest.as_bytes().first()? {
            b'{' | b'}' | b'[' | b']' | b',' | b':' => 1,
            b'"' => closing_quote(rest),
            _ => rest
                .find(|c: char| c.is_whitespace() || "{}[],:\"".contains(c))
                .unwrap_or(rest.len()),
        };
        let (token, behind) = rest.split_at(length);
        rest = behind;
        Some(token)
    })
}

/// The length of the string at the beginning of the JSON, including its quotes.
fn closing_quote(json: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in json.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    json.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str =
        r#"{ "b" : [1, {"x": "a, \"b\": {"}], "a":{}, "n": 1.10, "big": 123456789012345678901234567890, "e":[ ] }"#;

    #[test]
    fn no_digit_is_lost() {
        let short = r#"{"b":[1,{"x":"a, \"b\": {"}],"a":{},"n":1.10,"big":123456789012345678901234567890,"e":[]}"#;
        assert_eq!(compact(JSON), short);
        assert_eq!(compact(&pretty(JSON, 0)), short);
        let lines = pretty(JSON, 0);
        assert!(lines.contains("\n      \"x\": \"a, \\\"b\\\": {\"\n"), "{lines}");
        assert!(lines.contains("\n  \"e\": []\n}"), "{lines}");
    }

    #[test]
    fn members_can_be_sorted_and_reached() {
        let mut fields = RawFields::of(JSON).unwrap();
        fields.sort(&["n", "a"]);
        let names: Vec<_> = fields.0.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["n", "a", "b", "big", "e"]);
        assert_eq!(at(r#"{"a":{"b":{"c":1.10}}}"#, "a.b.c").as_deref(), Some("1.10"));
        assert_eq!(at(r#"{"a.b":2}"#, "a.b").as_deref(), Some("2"));
        assert_eq!(at(r#"{"a":1}"#, "a.b"), None);
    }

    #[test]
    fn cells_are_for_reading() {
        for (json, shown) in [
            ("null", ""),
            ("\"a\\nb\"", "a\nb"),
            ("1.10", "1.10"),
            ("true", "true"),
            ("{ \"a\": [1, 2] }", "{\"a\":[1,2]}"),
        ] {
            assert_eq!(cell(json), shown);
        }
    }
}
