//! Integers of more than 64 bits, which a JSON `Value` would round. Inside the fake they are text with a marker.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// A noncharacter, with which no real text begins.
const MARK: char = '\u{10fffe}';

/// Replaces integers that are too large by text.
pub(crate) fn read(json: &[u8]) -> Cow<'_, [u8]> {
    let mut marked = Vec::new();
    let (mut copied, mut at, mut in_text) = (0, 0, false);
    while let Some(byte) = json.get(at) {
        match byte {
            b'\\' if in_text => at += 1,
            b'"' => in_text = !in_text,
            b'-' | b'0'..=b'9' if !in_text => {
                let rest = &json[at..];
                let part_of_number = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
                let token = &rest[..rest.iter().position(|byte| !part_of_number(byte)).unwrap_or(rest.len())];
                if let Some(text) = std::str::from_utf8(token).ok().filter(|text| is_large(text)) {
                    marked.extend_from_slice(&json[copied..at]);
                    marked.extend_from_slice(format!("\"{MARK}{text}\"").as_bytes());
                    copied = at + token.len();
                }
                at += token.len();
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    if copied == 0 {
        return json.into();
    }
    marked.extend_from_slice(&json[copied..]);
    marked.into()
}

/// Restores the integers.
pub(crate) fn written(json: &[u8]) -> Cow<'_, [u8]> {
    let begin = format!("\"{MARK}");
    let Some(text) = std::str::from_utf8(json).ok().filter(|text| text.contains(&begin)) else {
        return json.into();
    };
    let mut parts = text.split(&begin);
    let mut written = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        written.push_str(&part.replacen('"', "", 1));
    }
    written.into_bytes().into()
}

/// Whether a value represents an integer that is too large.
pub(crate) fn is_number(value: &Value) -> bool {
    value
        .as_str()
        .and_then(|text| text.strip_prefix(MARK))
        .is_some_and(is_large)
}

/// An object with large integers rounded to what `Value` supports.
pub(crate) fn rounded(object: Map<String, Value>) -> Value {
    let json = Value::Object(object);
    match json.to_string() {
        text if text.contains(MARK) => serde_json::from_slice(&written(text.as_bytes())).unwrap_or(json),
        _ => json,
    }
}

fn is_large(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let whole = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0') && !digits.is_empty();
    whole && text.parse::<i64>().is_err() && text.parse::<u64>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_of_any_size_come_back_as_they_were() {
        let json = r#"{"a":[18446744073709551616,-9223372036854775809,18446744073709551615,1e30,0.5],"b":"99999999999999999999 \\\" 99999999999999999999"}"#;
        let marked = read(json.as_bytes());
        let value: Value = serde_json::from_slice(&marked).unwrap();
        let large: Vec<_> = value["a"].as_array().unwrap().iter().map(is_number).collect();
        assert_eq!(large, [true, true, false, false, false]);
        assert_eq!(String::from_utf8(written(&marked).into_owned()).unwrap(), json);
        assert!(matches!(read(b"[1,2]"), Cow::Borrowed(_)));
        for no_json in [
            "01234567890123456789012",
            "--99999999999999999999",
            "99999999999999999999.5",
        ] {
            assert!(matches!(read(no_json.as_bytes()), Cow::Borrowed(_)), "{no_json}");
        }
        let object = value.as_object().unwrap().clone();
        assert_eq!(rounded(object)["a"][0].as_f64(), Some(18_446_744_073_709_551_616_f64));
    }
}
