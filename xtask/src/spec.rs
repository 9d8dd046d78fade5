//! Reads the document, and remembers where everything stands in it.

use std::collections::{HashMap, HashSet};

use anyhow::Context as _;
use camino::Utf8Path;
use granit_parser::{Event, Parser, Span};
use serde_json::Value;

use crate::finding::{Finding, Findings, Rule};

/// The document: its content, and the line and column of each JSON pointer.
#[derive(Debug)]
pub struct Spec {
    file: String,
    root: Value,
    locations: HashMap<String, (usize, usize)>,
}

impl Spec {
    /// Reads `file`, a path below `root`.
    pub fn read(root: &Utf8Path, file: &str) -> anyhow::Result<Self> {
        let path = root.join(file);
        let bytes = std::fs::read(&path).with_context(|| format!("reading {path}"))?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = before.split(|byte| *byte == b'\n').count();
            let column = 1 + before.iter().rev().take_while(|byte| **byte != b'\n').count();
            Findings::from(Finding {
                rule: Rule::Yaml,
                file: file.to_owned(),
                line,
                column,
                pointer: String::new(),
                operation: None,
                problem: "not UTF-8".to_owned(),
                help: "save the document as UTF-8; the column counts bytes".to_owned(),
            })
        })?;
        Ok(Self::parse(file, &text)?)
    }

    /// Parses the text of a document; `file` is for messages.
    pub fn parse(file: &str, text: &str) -> Result<Self, Findings> {
        // YAML 1.2: `no` and `on` are strings. Repeated keys, deep nesting and alias bombs are errors.
        // The usual limit of 250,000 values would be reached at some 600 operations.
        let options = serde_saphyr::options! {
            strict_booleans: true,
            budget: serde_saphyr::budget! { max_nodes: 1_000_000 },
        };
        let root: Value = serde_saphyr::from_str_with_options(text, options).map_err(|error| {
            let location = error.location();
            let at = |pick: fn(&serde_saphyr::Location) -> u64| {
                location
                    .as_ref()
                    .and_then(|l| usize::try_from(pick(l)).ok())
                    .unwrap_or(1)
                    .max(1)
            };
            Finding {
                rule: Rule::Yaml,
                file: file.to_owned(),
                line: at(serde_saphyr::Location::line),
                column: at(serde_saphyr::Location::column),
                pointer: String::new(),
                operation: None,
                problem: format!("not valid YAML: {}", first_line(&error.without_snippet().to_string())),
                help: "correct the syntax; the place is where the parser noticed, the cause may be above".to_owned(),
            }
        })?;
        Ok(Self {
            file: file.to_owned(),
            root,
            locations: locate(text),
        })
    }

    /// The path of the document, for messages.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The whole content.
    pub fn root(&self) -> &Value {
        &self.root
    }

    /// What a pointer leads to.
    pub fn at(&self, pointer: &str) -> Option<&Value> {
        self.root.pointer(pointer)
    }

    /// A finding at a pointer. Where nothing stands there, it points to the nearest thing around it.
    pub fn finding(&self, rule: Rule, pointer: &str, problem: impl Into<String>, help: impl Into<String>) -> Finding {
        let mut known = pointer;
        let (line, column) = loop {
            match (self.locations.get(known), known.rfind('/')) {
                (Some(place), _) => break *place,
                (None, Some(slash)) => known = &known[..slash],
                (None, None) => break (1, 1),
            }
        };
        Finding {
            rule,
            file: self.file.clone(),
            line,
            column,
            pointer: if pointer.is_empty() {
                "/".to_owned()
            } else {
                pointer.to_owned()
            },
            operation: self.operation_at(pointer),
            problem: problem.into(),
            help: help.into(),
        }
    }

    /// The operation that a pointer lies in, or those that use the component: id, or method and path.
    fn operation_at(&self, pointer: &str) -> Option<String> {
        if let Some(component) = component(pointer) {
            let users: Vec<_> = self
                .operations()
                .into_iter()
                .filter(|(at, _)| self.uses(at, &component))
                .collect();
            let names: Vec<_> = users.into_iter().map(|(_, name)| name).collect();
            return (!names.is_empty()).then(|| names.join(", "));
        }
        let mut parts = pointer.strip_prefix("/paths/")?.split('/');
        let at = format!("/paths/{}/{}", parts.next()?, parts.next()?);
        self.operations()
            .into_iter()
            .find(|(known, _)| *known == at)
            .map(|(_, name)| name)
    }

    /// Pointer and name of everything below a path.
    fn operations(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for (path, item) in self.at("/paths").and_then(Value::as_object).into_iter().flatten() {
            for (method, operation) in item.as_object().into_iter().flatten() {
                let id = operation.get("operationId").and_then(Value::as_str).map(str::to_owned);
                let name = id.unwrap_or_else(|| format!("{} {path}", method.to_uppercase()));
                found.push((child(&child("/paths", path), method), name));
            }
        }
        found
    }

    /// Whether what stands at a pointer refers to a component, directly or not.
    fn uses(&self, pointer: &str, component: &str) -> bool {
        let mut seen = HashSet::new();
        let mut open: Vec<&Value> = self.at(pointer).into_iter().collect();
        while let Some(value) = open.pop() {
            match value {
                Value::Object(members) => {
                    if let Some(target) = members
                        .get("$ref")
                        .and_then(Value::as_str)
                        .and_then(|t| t.strip_prefix('#'))
                        && seen.insert(target)
                    {
                        if target == component {
                            return true;
                        }
                        open.extend(self.at(target));
                    }
                    open.extend(members.values());
                }
                Value::Array(items) => open.extend(items),
                _ => {}
            }
        }
        false
    }
}

/// The component that a pointer leads into.
pub fn component(pointer: &str) -> Option<String> {
    let mut parts = pointer.strip_prefix("/components/")?.split('/');
    Some(format!("/components/{}/{}", parts.next()?, parts.next()?))
}

/// Appends a member or an index to a JSON pointer.
pub fn child(pointer: &str, name: &str) -> String {
    if name.contains(['~', '/']) {
        format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
    } else {
        [pointer, name].join("/") // nearly all of them, and there are many
    }
}

fn first_line(text: &str) -> &str {
    let line = text.lines().next().unwrap_or("unknown error");
    line.split(" at line ").next().unwrap_or(line) // the place is told in front
}

/// Where each JSON pointer stands: a member at its key, an element at its start.
fn locate(text: &str) -> HashMap<String, (usize, usize)> {
    enum Open {
        Mapping { pointer: String, key: Option<String> },
        Sequence { pointer: String, next: usize },
    }
    let mut found = HashMap::new();
    let mut open: Vec<Open> = Vec::new();
    for event in Parser::new_from_str(text) {
        // The document was read before; what can't be located points to its parent.
        let Ok((event, span)) = event else { break };
        let is_node = matches!(
            event,
            Event::Scalar(..) | Event::MappingStart(..) | Event::SequenceStart(..) | Event::Alias(..)
        );
        let mut pointer = String::new();
        if is_node {
            match open.last_mut() {
                Some(Open::Mapping { pointer: parent, key }) => {
                    if let Some(name) = key.take() {
                        pointer = child(parent, &name);
                    } else {
                        // A key that is not a scalar can't be in JSON either.
                        let name = if let Event::Scalar(name, ..) = &event {
                            name.to_string()
                        } else {
                            String::new()
                        };
                        found.insert(child(parent, &name), place(&span));
                        *key = Some(name);
                        continue;
                    }
                }
                Some(Open::Sequence { pointer: parent, next }) => {
                    pointer = child(parent, &next.to_string());
                    *next += 1;
                }
                None => {}
            }
            found.entry(pointer.clone()).or_insert_with(|| place(&span));
        }
        match event {
            Event::MappingStart(..) => open.push(Open::Mapping { pointer, key: None }),
            Event::SequenceStart(..) => open.push(Open::Sequence { pointer, next: 0 }),
            Event::MappingEnd | Event::SequenceEnd => {
                open.pop();
            }
            _ => {}
        }
    }
    found
}

fn place(span: &Span) -> (usize, usize) {
    (span.start.line(), span.start.col() + 1)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // tests
mod tests {
    use super::*;

    #[test]
    fn a_pointer_leads_to_line_and_column() {
        let text = "openapi: 3.0.3\npaths:\n  /a/{b}:\n    get: {tags: [x,\n      y]}\n";
        let spec = Spec::parse("t.yaml", text).unwrap();
        let place = |pointer: &str| {
            let finding = spec.finding(Rule::Reference, pointer, "", "");
            (finding.line, finding.column, finding.operation)
        };
        let get = Some("GET /a/{b}".to_owned());
        assert_eq!(place(""), (1, 1, None));
        assert_eq!(place("/paths"), (2, 1, None));
        assert_eq!(place("/paths/~1a~1{b}"), (3, 3, None));
        assert_eq!(place("/paths/~1a~1{b}/get/tags/1"), (5, 7, get.clone()));
        assert_eq!(
            place("/paths/~1a~1{b}/get/responses/200"),
            (4, 5, get),
            "falls back to the parent"
        );
    }

    #[test]
    fn yaml_1_2_words_stay_strings() {
        let spec = Spec::parse("t.yaml", "a: no\nb: on\nc: true\n'200': 3.0.3\n").unwrap();
        assert_eq!(
            spec.root(),
            &serde_json::json!({"a": "no", "b": "on", "c": true, "200": "3.0.3"})
        );
    }
}
