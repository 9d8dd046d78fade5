use serde_json::Value;

use super::Lint;
use crate::{
    document::pointer::{child, is_read, local},
    finding::Rule,
};

impl Lint<'_> {
    /// Whether every `$ref` has a target, and none is a cycle; others are reported.
    pub(super) fn references(&mut self) -> bool {
        let before = self.findings.len();
        let root = self.spec.root();
        self.walk("", root);
        self.findings.len() == before
    }

    fn walk(&mut self, pointer: &str, value: &Value) {
        match value {
            Value::Object(fields) => {
                if let Some(target) = fields.get("$ref") {
                    self.reference(&child(pointer, "$ref"), target);
                }
                for (name, field) in fields {
                    if is_read(pointer, name) {
                        self.walk(&child(pointer, name), field);
                    }
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.walk(&child(pointer, &index.to_string()), item);
                }
            }
            _ => {}
        }
    }

    fn reference(&mut self, pointer: &str, target: &Value) {
        const HELP: &str = "refer to a component of this document, such as `$ref: '#/components/schemas/Opportunity'`";
        let Some(text) = target.as_str() else {
            return self.report(Rule::Reference, pointer, "`$ref` must be text", HELP);
        };
        let Some(local) = local(text).filter(|local| local.starts_with("/components/")) else {
            return self.report(
                Rule::Reference,
                pointer,
                format!("`{text}` does not lead to a component of this document"),
                HELP,
            );
        };
        if local.matches('/').count() > 3 {
            let problem = format!("`{text}` leads into a component");
            let help = "make what is there a component of its own, and refer to that from both places";
            return self.report(Rule::Reference, pointer, problem, help);
        }
        match self.spec.at(local) {
            None => {
                let help = self.nearest(local).map_or_else(
                    || format!("define it under `{}`", local.trim_start_matches('/').replace('/', ": ")),
                    |name| format!("did you mean `#{name}`? Otherwise define the component"),
                );
                self.report(Rule::Reference, pointer, format!("`{text}` does not exist"), help);
            }
            Some(found) if found.get("$ref").is_some() => {
                self.report(
                    Rule::Reference,
                    pointer,
                    format!("`{text}` is itself a reference"),
                    "refer to the component that it leads to",
                );
            }
            Some(_) => {}
        }
    }

    /// The sibling whose name has the longest common prefix.
    fn nearest(&self, local: &str) -> Option<String> {
        let (parent, name) = local.rsplit_once('/')?;
        let common = |other: &str| {
            other
                .chars()
                .zip(name.chars())
                .take_while(|(a, b)| a.eq_ignore_ascii_case(b))
                .count()
        };
        let siblings = self.spec.at(parent)?.as_object()?;
        let best = siblings.keys().max_by_key(|other| common(other))?;
        (common(best) * 2 >= name.len()).then(|| child(parent, best))
    }
}
