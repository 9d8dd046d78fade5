//! Reads the document, with the position of each value.

mod bundle;
pub mod pointer;
mod source;
mod yaml;

use std::collections::{HashMap, HashSet};

use anyhow::Context as _;
use camino::Utf8Path;
use serde_json::Value;

pub use self::{bundle::COMMON_RESPONSES, yaml::write};
use self::{
    pointer::{child, component, target},
    source::Place,
};
use crate::finding::{Finding, Findings, Rule};

/// The folders of the other files, beside the root.
const FOLDERS: [&str; 2] = ["resources", "shared"];

/// The document: its content, and the file, line and column of each JSON pointer.
#[derive(Debug)]
pub struct Spec {
    files: Vec<String>,
    root: Value,
    places: HashMap<String, (usize, Place)>,
}

impl Spec {
    /// Reads `file`, a path below `root`, and the files that it refers to.
    pub fn read(root: &Utf8Path, file: &str) -> anyhow::Result<Self> {
        let spec = Self::load(file, &|file| {
            let path = root.join(file);
            match std::fs::read(&path) {
                Ok(bytes) => Ok(Some(bytes)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error).with_context(|| format!("reading {path}")),
            }
        })?;
        let unused = spec.unused(root, Utf8Path::new(file))?;
        if unused.is_empty() {
            Ok(spec)
        } else {
            Err(Findings::sorted(unused).into())
        }
    }

    /// Reports files in these folders that no reference leads to: they would be ignored silently.
    fn unused(&self, root: &Utf8Path, file: &Utf8Path) -> anyhow::Result<Vec<Finding>> {
        let mut found = Vec::new();
        for folder in FOLDERS {
            let folder = file.with_file_name(folder);
            let Ok(entries) = root.join(&folder).read_dir_utf8() else {
                continue;
            };
            for entry in entries {
                let entry = entry.with_context(|| format!("listing {folder}"))?;
                let path = folder.join(entry.file_name());
                if path.extension() == Some("yaml") && !self.files.iter().any(|known| *known == path) {
                    found.push(Finding {
                        rule: Rule::Files,
                        file: path.into_string(),
                        line: 1,
                        column: 1,
                        pointer: String::new(),
                        operation: None,
                        problem: "no reference leads to this file".to_owned(),
                        help: format!("add its paths to the index in {file}, or remove it"),
                    });
                }
            }
        }
        Ok(found)
    }

    /// Reads a document whose root is `file`; `read` returns the bytes of a file, or `None` if it does not exist.
    pub fn load(file: &str, read: &dyn Fn(&str) -> anyhow::Result<Option<Vec<u8>>>) -> anyhow::Result<Self> {
        let bundle::Bundle { files, root, places } = bundle::bundle(file, read)?;
        Ok(Self { files, root, places })
    }

    /// Parses a document in one text; `file` is used in messages.
    pub fn parse(file: &str, text: &str) -> anyhow::Result<Self> {
        Self::load(file, &|path| Ok((path == file).then(|| text.as_bytes().to_owned())))
    }

    /// The files of the document, the root first.
    pub fn files(&self) -> &[String] {
        &self.files
    }

    /// The whole content.
    pub fn root(&self) -> &Value {
        &self.root
    }

    /// The value at a pointer.
    pub fn at(&self, pointer: &str) -> Option<&Value> {
        self.root.pointer(pointer)
    }

    /// The file of the value at a pointer.
    pub fn file(&self, pointer: &str) -> &str {
        let (file, _) = nearest(pointer, |at| self.places.get(at).copied()).unwrap_or_default();
        self.files.get(file).map_or("", String::as_str)
    }

    /// A finding at a pointer. If there is no value, it has the position of the nearest one above.
    pub fn finding(&self, rule: Rule, pointer: &str, problem: impl Into<String>, help: impl Into<String>) -> Finding {
        let found = nearest(pointer, |at| self.places.get(at).copied());
        let (file, (line, column)) = found.unwrap_or((0, (1, 1)));
        Finding {
            rule,
            file: self.files.get(file).cloned().unwrap_or_default(),
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

    /// The operation that contains a pointer, or those that use its component: id, or method and path.
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

    /// Pointer and name of every operation.
    pub(crate) fn operations(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for (path, item) in self.at("/paths").and_then(Value::as_object).into_iter().flatten() {
            for (method, operation) in item.as_object().into_iter().flatten() {
                let id = operation.get("operationId").and_then(Value::as_str);
                let id = id.filter(|id| !id.is_empty()).map(str::to_owned);
                let name = id.unwrap_or_else(|| format!("{} {path}", method.to_uppercase()));
                found.push((child(&child("/paths", path), method), name));
            }
        }
        found
    }

    /// Whether the value at a pointer refers to a component, directly or indirectly.
    fn uses(&self, pointer: &str, component: &str) -> bool {
        let mut seen = HashSet::new();
        let mut open: Vec<&Value> = self.at(pointer).into_iter().collect();
        while let Some(value) = open.pop() {
            match value {
                Value::Object(fields) => {
                    if let Some(target) = target(value)
                        && seen.insert(target)
                    {
                        if target == component {
                            return true;
                        }
                        open.extend(self.at(target));
                    }
                    open.extend(fields.values());
                }
                Value::Array(items) => open.extend(items),
                _ => {}
            }
        }
        false
    }
}

/// What is known about a pointer, or about the nearest pointer above it.
fn nearest<T>(pointer: &str, known: impl Fn(&str) -> Option<T>) -> Option<T> {
    let mut at = pointer;
    loop {
        match (known(at), at.rfind('/')) {
            (Some(found), _) => return Some(found),
            (None, Some(slash)) => at = &at[..slash],
            (None, None) => return None,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // tests
mod tests {
    use super::*;

    #[test]
    fn a_pointer_leads_to_line_and_column() {
        let text = "openapi: 3.0.3\npaths:\n  /a/{b}:\n    get: {tags: [x,\n      z]}\n";
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
}
