use serde_json::Value;

use super::{
    Lint,
    schemas::{ANNOTATIONS, STRING_LIMITS},
};
use crate::{
    document::pointer::child,
    finding::Rule,
    model::{Kind, Limits},
};

impl Lint<'_> {
    /// What is allowed for a value, or for each item of a list.
    pub(super) fn limits(&mut self, pointer: &str, kind: &Kind) -> Limits {
        match kind {
            Kind::String => self.string_limits(pointer),
            Kind::Integer => self.integer_limits(pointer),
            Kind::List(item) => {
                let items = self.scalar(&child(pointer, "items"));
                self.limits(&items, item)
            }
            _ => Limits::default(),
        }
    }

    /// The schema of a path parameter.
    pub(super) fn string_schema(&mut self, pointer: &str) -> Limits {
        if let Some(schema) = self.object(pointer, "a schema") {
            self.known(
                pointer,
                schema,
                &[&ANNOTATIONS[..], &["type", "format"], &STRING_LIMITS].concat(),
            );
            if let Some(format) = schema.get("format").filter(|format| *format != "uuid") {
                let help = "the generator knows `uuid`; leave any other format out";
                self.say(
                    Rule::Format,
                    &child(pointer, "format"),
                    format!("{format} is not a known format of a path parameter"),
                    help,
                );
            }
        }
        self.string_limits(pointer)
    }

    fn string_limits(&mut self, pointer: &str) -> Limits {
        let spec = self.spec;
        let text = |name: &str| spec.at(&child(pointer, name)).and_then(Value::as_str);
        let pattern = text("pattern").map(|pattern| {
            if let Err(error) = regex_lite::Regex::new(pattern) {
                let help = "write a regular expression without look-around and back-references";
                self.say(
                    Rule::Limit,
                    &child(pointer, "pattern"),
                    format!("the pattern is not valid: {error}"),
                    help,
                );
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
            self.say(Rule::Limit, pointer, problem, "nothing would be allowed");
        }
        Limits {
            uuid: text("format") == Some("uuid"),
            min_length,
            max_length,
            pattern,
            ..Limits::default()
        }
    }

    fn count(&mut self, pointer: &str, name: &str) -> Option<u64> {
        let value = self.spec.at(&child(pointer, name))?;
        if value.as_u64().is_none() {
            self.say(
                Rule::Limit,
                &child(pointer, name),
                format!("`{name}` must be a whole number, 0 or more"),
                "write a number",
            );
        }
        value.as_u64()
    }

    fn integer_limits(&mut self, pointer: &str) -> Limits {
        let mut limit = |name: &str| {
            let value = self.spec.at(&child(pointer, name))?;
            if value.as_i64().is_none() {
                self.say(
                    Rule::Limit,
                    &child(pointer, name),
                    format!("`{name}` must be a whole number of 64 bit"),
                    "write it without a decimal point",
                );
            }
            value.as_i64()
        };
        let (minimum, maximum) = (limit("minimum"), limit("maximum"));
        if let (Some(least), Some(most)) = (minimum, maximum)
            && least > most
        {
            self.say(
                Rule::Limit,
                pointer,
                format!("`minimum` {least} is above `maximum` {most}"),
                "nothing would be allowed",
            );
        }
        Limits {
            minimum,
            maximum,
            ..Limits::default()
        }
    }

    /// The limits of the string in a union of scalars.
    pub(super) fn union_limits(&mut self, pointer: &str) -> Limits {
        let branches = self.spec.at(&child(pointer, "anyOf")).and_then(Value::as_array);
        let text = branches.and_then(|all| {
            all.iter()
                .position(|b| b.get("type").and_then(Value::as_str) == Some("string"))
        });
        text.map_or_else(Limits::default, |index| {
            self.string_limits(&child(&child(pointer, "anyOf"), &index.to_string()))
        })
    }
}
