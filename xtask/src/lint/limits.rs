use serde_json::{Value, json};

use super::Lint;
use crate::{document::pointer::child, finding::Rule, model::Limits};

impl Lint<'_> {
    pub(super) fn string_limits(&mut self, pointer: &str) -> Limits {
        let spec = self.spec;
        let text = |name: &str| spec.at(&child(pointer, name)).and_then(Value::as_str);
        let pattern = text("pattern").map(|pattern| {
            let at = child(pointer, "pattern");
            if let Err(error) = regex_lite::Regex::new(pattern) {
                let help = "write a short regular expression without look-around and back-references";
                self.report(Rule::Limit, &at, format!("the pattern is not valid: {error}"), help);
            } else if jsonschema::draft4::new(&json!({ "pattern": pattern })).is_err() {
                let help = "OpenAPI patterns are ECMA 262, and the SDK checks them in Rust; write what both have: `^` and `$`, ranges such as `[A-Z]`, groups \
                            without names and flags";
                self.report(Rule::Limit, &at, "the pattern is valid in Rust, but not in ECMA 262", help);
            }
            let help =
                "say what it allows, for the error message: `x-pattern-description: letters, digits and underscores`";
            (pattern.to_owned(), self.text(pointer, "x-pattern-description", help))
        });
        let (min_length, max_length) = (self.count(pointer, "minLength"), self.count(pointer, "maxLength"));
        if let (Some(least), Some(most)) = (min_length, max_length)
            && least > most
        {
            let problem = format!("`minLength` {least} is above `maxLength` {most}");
            self.report(
                Rule::Limit,
                pointer,
                problem,
                "correct one of them: no value satisfies both",
            );
        }
        Limits {
            uuid: text("format") == Some("uuid"),
            min_length,
            max_length,
            pattern,
            ..Limits::default()
        }
    }

    pub(super) fn count(&mut self, pointer: &str, name: &str) -> Option<u64> {
        let value = self.spec.at(&child(pointer, name))?;
        if value.as_u64().is_none() {
            self.report(
                Rule::Limit,
                &child(pointer, name),
                format!("`{name}` must be a whole number, 0 or more"),
                "write a number",
            );
        }
        value.as_u64()
    }

    pub(super) fn integer_limits(&mut self, pointer: &str) -> Limits {
        let mut limit = |name: &str| {
            let value = self.spec.at(&child(pointer, name))?;
            if value.as_i64().is_none() {
                self.report(
                    Rule::Limit,
                    &child(pointer, name),
                    format!("`{name}` must be a 64-bit integer"),
                    "write an integer of at most 64 bits; leave it out if no value is that large",
                );
            }
            value.as_i64()
        };
        let (minimum, maximum) = (limit("minimum"), limit("maximum"));
        if let (Some(least), Some(most)) = (minimum, maximum)
            && least > most
        {
            self.report(
                Rule::Limit,
                pointer,
                format!("`minimum` {least} is above `maximum` {most}"),
                "correct one of them: no value satisfies both",
            );
        }
        Limits {
            minimum,
            maximum,
            ..Limits::default()
        }
    }

    /// The string limits of a value that may also be a number or a Boolean: of any shape, or a union.
    pub(super) fn union_limits(&mut self, pointer: &str) -> Limits {
        let branches = self.spec.at(&child(pointer, "anyOf")).and_then(Value::as_array);
        let text = branches.and_then(|all| {
            all.iter()
                .position(|b| b.get("type").and_then(Value::as_str) == Some("string"))
        });
        match text {
            Some(index) => self.string_limits(&child(&child(pointer, "anyOf"), &index.to_string())),
            None => self.string_limits(pointer),
        }
    }
}
