//! Reads the body of an error response, in any of the known shapes.
//!
//! | # | shape |
//! |---|---|
//! | 1 | `{"code": 400, "message": "...", "param": "name"}` |
//! | 2 | `{"errors": {"name": "..."}}` |
//! | 3 | `{"error": "..."}` |
//! | 4 | `{"name": ["..."], "error_details": [{"param": ..., "code": ..., "message": ...}]}`; `error_details` may be missing |
//! | 5 | 3 and 4 together |
//! | 6 | plain text |
//! | 7 | an HTML page |
//! | 8 | nothing |
//! | 9 | `{"message": "..."}` |
//!
//! The declared content type is ignored, because it is often wrong.

use serde_json::{Map, Value};

use crate::{
    error::{Problem, shorten},
    value::json::{self, UNREADABLE},
};

const LIMIT: usize = 300;
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// Maximum size of a body to parse. Errors are short; parsed as a tree, a large `[0,0,..]` would take many times the
/// memory that the size limit of responses allows.
const READ: usize = 256 * 1024;
/// Maximum number of problems to take from a body; the body itself has all.
const PROBLEMS: usize = 100;
/// Maximum number of characters of each of their texts. Fields are paths: without a limit, each problem would repeat
/// the names of all its parents.
const TEXT: usize = 1_000;
const HTML_SEARCHED: usize = 64 * 1024;

#[derive(Debug, Default, PartialEq)]
pub(crate) struct ParsedError {
    pub(crate) message: Option<String>,
    pub(crate) problems: Vec<Problem>,
}

/// Reads a body; `hide` removes from each text what must not be shown.
pub(crate) fn read(body: &[u8], hide: &dyn Fn(&str) -> String) -> ParsedError {
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    let json = match body.len() {
        0..=READ => json::from_slice(body).ok(),
        _ => None,
    };
    match json {
        // `hide` works on decoded texts, because in the body they may be escaped.
        Some(json) => from_json(hidden(json, hide)),
        None => ParsedError {
            message: from_text(&hide(&String::from_utf8_lossy(&body[..body.len().min(READ)]))),
            problems: Vec::new(),
        },
    }
}

fn hidden(json: Value, hide: &dyn Fn(&str) -> String) -> Value {
    match json {
        Value::String(text) => Value::String(hide(&text)),
        Value::Array(items) => items.into_iter().map(|item| hidden(item, hide)).collect(),
        // Not decoded, so `hide` can't search it.
        Value::Object(fields) if fields.contains_key(UNREADABLE) => Value::Null,
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| (hide(&name), hidden(value, hide)))
            .collect(),
        other => other,
    }
}

fn from_json(json: Value) -> ParsedError {
    let fields = match json {
        Value::Object(fields) => fields,
        other => {
            return ParsedError {
                message: texts(&other).first().and_then(|text| message(text)),
                problems: Vec::new(),
            };
        }
    };
    let mut problems = Vec::new();
    for (name, value) in sorted(&fields) {
        match (name, value) {
            ("errors", Value::Object(fields)) => {
                for (field, value) in sorted(fields) {
                    add(&mut problems, &mut vec![field], value);
                }
            }
            ("code" | "message" | "param" | "error" | "errors" | "error_details", _) => {}
            (field, value) => add(&mut problems, &mut vec![field], value),
        }
    }
    let details = fields.get("error_details").and_then(Value::as_array);
    for detail in details.into_iter().flatten().take(PROBLEMS) {
        add_detail(&mut problems, detail);
    }

    let text = |name: &str| message(&texts(fields.get(name)?).join("; "));
    let listed = || {
        message(
            &problems
                .iter()
                .map(|p| format!("{}: {}", p.field, p.message))
                .collect::<Vec<_>>()
                .join("; "),
        )
    };
    let own = text("message").or_else(|| text("error"));
    let said = own.clone().or_else(listed).or_else(|| text("errors"));
    if let (Some(own), Some(param)) = (&own, fields.get("param").and_then(Value::as_str)) {
        push(&mut problems, problem(param, own, None));
    }
    ParsedError {
        message: said,
        problems,
    }
}

/// The fields in an order that does not depend on `serde_json`'s feature `preserve_order`.
fn sorted(fields: &Map<String, Value>) -> Vec<(&str, &Value)> {
    let mut fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value)).collect();
    fields.sort_unstable_by_key(|(name, _)| *name);
    fields
}

/// The first texts in a value, at any depth: a message, a list of messages, or objects that contain one.
fn texts(value: &Value) -> Vec<&str> {
    let mut found = Vec::new();
    find_texts(value, &mut found);
    found
}

fn find_texts<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    if found.len() == PROBLEMS {
        return;
    }
    match value {
        Value::String(text) => found.push(text),
        Value::Array(items) => items.iter().for_each(|item| find_texts(item, found)),
        Value::Object(fields) => match fields.get("message") {
            Some(message) => find_texts(message, found),
            None => sorted(fields)
                .into_iter()
                .for_each(|(_, value)| find_texts(value, found)),
        },
        _ => {}
    }
}

/// Adds the messages about a field; nested fields are named by their path.
fn add<'a>(problems: &mut Vec<Problem>, path: &mut Vec<&'a str>, value: &'a Value) {
    if problems.len() == PROBLEMS {
        return;
    }
    if let Value::Object(fields) = value {
        for (name, value) in sorted(fields) {
            path.push(name);
            add(problems, path, value);
            path.pop();
        }
        return;
    }
    for text in texts(value) {
        push(problems, problem(&joined(path), text, None));
    }
}

/// The path with dots, up to the length that is kept.
fn joined(path: &[&str]) -> String {
    let mut field = String::new();
    for name in path {
        if !field.is_empty() {
            field.push('.');
        }
        field.push_str(&cut(name));
        if field.len() > 4 * TEXT {
            break; // it has at least `TEXT` characters
        }
    }
    field
}

/// Adds an item of `error_details`, which usually repeats a problem and adds its code.
fn add_detail(problems: &mut Vec<Problem>, detail: &Value) {
    let part = |name: &str| detail.get(name).and_then(Value::as_str);
    let (Some(field), Some(text)) = (part("param"), part("message")) else {
        return;
    };
    let detail = problem(field, text, part("code"));
    let said = problems
        .iter_mut()
        .find(|p| p.field == detail.field && p.message == detail.message && p.code.is_none());
    match said {
        Some(problem) => problem.code = detail.code,
        None => push(problems, detail),
    }
}

fn push(problems: &mut Vec<Problem>, problem: Problem) {
    if problems.len() < PROBLEMS {
        problems.push(problem);
    }
}

fn problem(field: &str, message: &str, code: Option<&str>) -> Problem {
    Problem {
        field: cut(field),
        message: cut(message),
        code: code.map(cut),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(TEXT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn from_text(body: &str) -> Option<String> {
    let body = body.trim();
    if body.starts_with(['{', '[', '"']) {
        return None; // truncated JSON: a piece of it is not a message, and may contain anything
    }
    if !body.starts_with('<') {
        return message(body.lines().next()?);
    }
    let start: String = body.chars().take(HTML_SEARCHED).collect();
    // Lower case in ASCII only, which keeps byte offsets.
    let lower = start.to_ascii_lowercase();
    let inside = |tag: &str| {
        let open = lower.find(&format!("<{tag}"))?;
        let from = open + lower[open..].find('>')? + 1;
        let to = from + lower[from..].find(&format!("</{tag}"))?;
        message(&start[from..to])
    };
    inside("title")
        .or_else(|| inside("h1"))
        .or_else(|| Some("an HTML page".to_owned()))
}

fn message(text: &str) -> Option<String> {
    let line = shorten(text, LIMIT);
    (!line.is_empty()).then_some(line)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // tests
mod tests {
    use super::*;

    fn check(body: &str, message: Option<&str>, fields: &[(&str, &str, Option<&str>)]) {
        let expected = ParsedError {
            message: message.map(str::to_owned),
            problems: fields.iter().map(|(f, m, c)| problem(f, m, *c)).collect(),
        };
        assert_eq!(read(body.as_bytes(), &str::to_owned), expected, "for {body}");
    }

    #[test]
    fn every_known_shape_is_read() {
        check(
            r#"{"code":400,"message":"Parameter \"name\" is missing","param":"name"}"#,
            Some("Parameter \"name\" is missing"),
            &[("name", "Parameter \"name\" is missing", None)],
        );
        check(r#"{"code":401,"message":"No key","param":null}"#, Some("No key"), &[]);
        check(
            r#"{"errors":{"name":"is required"}}"#,
            Some("name: is required"),
            &[("name", "is required", None)],
        );
        check(
            r#"{"errors":{"name":["is required","is short"]}}"#,
            Some("name: is required; name: is short"),
            &[("name", "is required", None), ("name", "is short", None)],
        );
        check(
            r#"{"error":"Data source not found"}"#,
            Some("Data source not found"),
            &[],
        );
        check(
            r#"{"name":["can't be blank"],"error_details":[{"param":"name","code":"blank","message":"can't be blank"}]}"#,
            Some("name: can't be blank"),
            &[("name", "can't be blank", Some("blank"))],
        );
        check(
            r#"{"error":"Invoice not found","error_details":[{"param":"invoice","code":"invalid","message":"Invoice not found"}]}"#,
            Some("Invoice not found"),
            &[("invoice", "Invoice not found", Some("invalid"))],
        );
        check("504 Gateway Timeout Error", Some("504 Gateway Timeout Error"), &[]);
        check(
            "<!DOCTYPE html>\n<HTML><head><title>We're sorry\n(500)</title>",
            Some("We're sorry (500)"),
            &[],
        );
        check("<html><body><h1 class=x>Bad gateway</h1>", Some("Bad gateway"), &[]);
        check("<html>", Some("an HTML page"), &[]);
        check("", None, &[]);
        check(r#"{"message":"Not found"}"#, Some("Not found"), &[]);
    }

    #[test]
    fn neighbours_of_the_known_shapes_are_read() {
        check(r#"{"errors":["a","b"]}"#, Some("a; b"), &[]);
        check(r#"{"errors":[{"message":"a"}]}"#, Some("a"), &[]);
        check(r#"{"error":{"message":"deep","code":5}}"#, Some("deep"), &[]);
        check(r#"{"errors":{"a":{"b":["x"]}}}"#, Some("a.b: x"), &[("a.b", "x", None)]);
        check(r#"["a"]"#, Some("a"), &[]);
        check(
            r#"{"plans":["are missing"]}"#,
            Some("plans: are missing"),
            &[("plans", "are missing", None)],
        );
        check(
            r#"{"b":"x","a":{"d":"y","c":"z"}}"#,
            Some("a.c: z; a.d: y; b: x"),
            &[("a.c", "z", None), ("a.d", "y", None), ("b", "x", None)],
        );
        check("\u{feff}{\"message\":\"a\"}", Some("a"), &[]);
    }

    #[test]
    fn an_odd_value_costs_only_itself() {
        check(r#"{"message":"a","n":1e400}"#, Some("a"), &[]);
        let deep = format!(
            r#"{{"errors":{{"a":"x","b":"half \ud800","c":{}1{}}}}}"#,
            "[".repeat(500),
            "]".repeat(500)
        );
        check(&deep, Some("a: x"), &[("a", "x", None)]);
    }

    #[test]
    fn unknown_shapes_do_no_harm() {
        check("[1]", None, &[]);
        check("null", None, &[]);
        check("{}", None, &[]);
        check(
            r#"{"message":{"a":1},"errors":[1],"error_details":[{"param":1}],"n":5}"#,
            None,
            &[],
        );
        check("\"text\"", Some("text"), &[]);
        check("{\"broken", None, &[]);
        assert_eq!(
            read(&[0xff, 0xfe], &str::to_owned).message.as_deref(),
            Some("\u{fffd}\u{fffd}")
        );
        assert_eq!(read("[".repeat(100_000).as_bytes(), &str::to_owned).problems, []);
    }

    #[test]
    fn what_is_too_long_for_an_error_is_not_taken_apart() {
        let json = |texts: usize| format!("[\"first\"{}]", ",0".repeat(texts));
        check(&json(100_000), Some("first"), &[]);
        check(&json(200_000), None, &[]);
        check(&format!("first\n{}", " ".repeat(READ)), Some("first"), &[]);
    }

    /// Regardless of the length of names, the number of fields and their depth.
    #[test]
    fn problems_are_few_and_short() {
        let long = "n".repeat(5_000);
        let many = |field: &dyn Fn(usize) -> String| (0..500).map(field).collect::<Vec<_>>().join(",");
        let deep = format!("{}{}{}", format!(r#"{{"{long}":"#).repeat(40), "\"x\"", "}".repeat(40));
        for body in [
            format!(
                r#"{{"errors":{{"{long}":{{{}}}}}}}"#,
                many(&|n| format!(r#""m{n}":"wrong""#))
            ),
            format!(r#"{{"a":[{}]}}"#, many(&|_| format!(r#""{}""#, &long[..400]))),
            format!(r"{{{}}}", many(&|n| format!(r#""f{n}":["wrong"]"#))),
            format!(
                r#"{{"error":"x","param":"y","error_details":[{}]}}"#,
                many(&|n| format!(r#"{{"param":"p{n}","message":"{0}","code":"{0}"}}"#, &long[..150]))
            ),
            format!(r#"{{"a":"{0}","b":"{0}"}}"#, "ü".repeat(20_000)),
            deep,
        ] {
            assert!(body.len() <= READ, "{}", body.len());
            let said = read(body.as_bytes(), &str::to_owned);
            assert!((1..=PROBLEMS).contains(&said.problems.len()), "{}", said.problems.len());
            for problem in &said.problems {
                let code = problem.code.as_deref().unwrap_or_default();
                for text in [&problem.field, &problem.message, code] {
                    assert!(text.chars().count() <= TEXT + 1, "{}", text.len());
                }
            }
            assert!(said.message.is_some());
        }
    }

    #[test]
    fn a_long_message_is_shortened_on_a_character() {
        let said = read("ü\u{7}".repeat(1000).as_bytes(), &str::to_owned)
            .message
            .unwrap_or_default();
        assert_eq!(said.chars().count(), LIMIT + 1);
        assert!(said.ends_with('…') && !said.contains('\u{7}'));
    }
}
