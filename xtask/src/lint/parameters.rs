//! Parameters of a path, and the pointers of those in the query.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    Lint,
    kinds::{Schema, Use},
};
use crate::{
    document::pointer::child,
    finding::Rule,
    model::{Direction, Kind, Parameter},
    names,
};

impl<'a> Lint<'a> {
    /// The path parameters, in the order of the path; and the query parameters, each with its pointer.
    pub(super) fn parameters(&mut self, pointer: &str, path: &str) -> (Vec<Parameter>, Vec<(String, String)>) {
        let spec = self.spec;
        let path_pointer = child("/paths", path);
        // `None` is an invalid one, which was reported.
        let mut declared: BTreeMap<String, Option<Parameter>> = BTreeMap::new();
        let mut query: Vec<(String, String)> = Vec::new();
        // Parameters of the operation come last and replace those of the path.
        for list in [child(&path_pointer, "parameters"), child(pointer, "parameters")] {
            let Some(value) = spec.at(&list) else { continue };
            let Some(items) = value.as_array() else {
                self.report(
                    Rule::Shape,
                    &list,
                    "`parameters` must be a list",
                    "write each parameter with a dash",
                );
                continue;
            };
            let mut seen = BTreeSet::new();
            for index in 0..items.len() {
                let entry = child(&list, &index.to_string());
                let at = self.resolved(&entry);
                let Some((name, place)) = self.parameter(&at) else {
                    continue;
                };
                if !seen.insert((place, name.clone())) {
                    let problem = format!("parameter `{name}` is declared twice");
                    self.report(Rule::Shape, &entry, problem, "leave one out");
                }
                if let Some(place) = place {
                    let key = (pointer.to_owned(), format!("{place} {name}"));
                    self.places.parameters.insert(key, at.clone());
                }
                match place {
                    Some("path") => {
                        let parameter = self.path_parameter(&at, name.clone(), path);
                        declared.insert(name, parameter);
                    }
                    Some("query") => {
                        query.retain(|(known, _)| *known != name);
                        query.push((name, at));
                    }
                    place => self.report(
                        Rule::QueryParameter,
                        &at,
                        format!(
                            "parameter `{name}` in `{}` is not supported",
                            place.unwrap_or("nothing")
                        ),
                        "write `in: path` or `in: query`; the transport sets the headers",
                    ),
                }
            }
        }

        (self.in_the_path(pointer, path, declared), query)
    }

    /// The parameters of a path, in its order.
    fn in_the_path(
        &mut self,
        pointer: &str,
        path: &str,
        mut declared: BTreeMap<String, Option<Parameter>>,
    ) -> Vec<Parameter> {
        let path_pointer = child("/paths", path);
        let mut ordered = Vec::new();
        let is_plain = |part: &str| {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
            part.chars().all(plain)
        };
        // Only the text outside of the braces; names inside have their own rule.
        let is_plain_outside = |part: &str| {
            let mut pieces = part.split(['{', '}']);
            pieces.next().is_none_or(is_plain) && pieces.next_back().is_none_or(is_plain)
        };
        if !path.split('/').all(is_plain_outside) {
            self.report(
                Rule::Paths,
                &path_pointer,
                "the path has characters other than letters, digits, `/`, `-`, `_` and parameters in braces",
                "use query parameters",
            );
        }
        if path.contains("//") || path.ends_with('/') {
            self.report(
                Rule::Paths,
                &path_pointer,
                "the path has an empty part",
                "write one `/` between two parts, and none at the end",
            );
        }
        if !path.starts_with("/v1/") {
            self.report(
                Rule::Paths,
                &path_pointer,
                "the path does not begin with `/v1/`",
                "write the path as the API has it, with `/v1/` in front",
            );
        }
        for part in path.split('/').filter(|part| part.contains(['{', '}'])) {
            let inside = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
            let Some(name) = inside.filter(|name| !name.contains(['{', '}'])) else {
                if is_plain_outside(part) {
                    let problem = format!("`{part}` has braces and is not one parameter");
                    let help = "write a parameter as `{opportunity_uuid}`, and nothing else between its two slashes";
                    self.report(Rule::Paths, &path_pointer, problem, help);
                }
                continue;
            };
            if !is_plain(name) || !names::is_ident(&names::field(name)) {
                self.report(
                    Rule::Paths,
                    &path_pointer,
                    format!("`{{{name}}}` is not a name"),
                    "write parameters as `{opportunity_uuid}`",
                );
            } else if let Some(parameter) = declared.remove(name) {
                ordered.extend(parameter);
            } else if ordered.iter().any(|known: &Parameter| known.name == name) {
                self.report(
                    Rule::Paths,
                    &path_pointer,
                    format!("`{{{name}}}` is in the path twice"),
                    "give each parameter a name of its own",
                );
            } else {
                self.report(
                    Rule::PathParameter,
                    pointer,
                    format!("path parameter `{name}` is not declared"),
                    format!(
                        "add `- {{ name: {name}, in: path, required: true, description: .., schema: {{ type: string }} }}` to `parameters`"
                    ),
                );
            }
        }
        ordered
    }

    /// The name of a parameter, and its `in`.
    fn parameter(&mut self, pointer: &str) -> Option<(String, Option<&'a str>)> {
        let parameter = self.object(pointer, "a parameter")?;
        let name = self.text(pointer, "name", "name the parameter");
        if name.is_empty() {
            return None;
        }
        Some((name, parameter.get("in").and_then(Value::as_str)))
    }

    fn path_parameter(&mut self, pointer: &str, name: String, path: &str) -> Option<Parameter> {
        let spec = self.spec;
        if !path.contains(&format!("{{{name}}}")) {
            self.report(
                Rule::PathParameter,
                pointer,
                format!("parameter `{name}` is not in the path `{path}`"),
                "correct its name, or the path",
            );
        }
        if spec.at(&child(pointer, "required")).and_then(Value::as_bool) != Some(true) {
            self.report(
                Rule::PathParameter,
                pointer,
                format!("path parameter `{name}` is not required"),
                "add `required: true`",
            );
        }
        for (keyword, implied) in [("style", Value::from("simple")), ("explode", Value::from(false))] {
            let at = child(pointer, keyword);
            if spec.at(&at).is_some_and(|said| *said != implied) {
                let problem = format!("`{keyword}` of path parameter `{name}` is not supported");
                self.report(Rule::PathParameter, &at, problem, format!("leave `{keyword}` out"));
            }
        }
        let description = self.text(pointer, "description", "say what it identifies");
        let deprecated = self.deprecated(pointer);
        let schema = child(pointer, "schema");
        self.walk.direction = Direction::Query;
        let target = spec.at(&self.resolved(&schema));
        let is_enum = |schema: &Value| {
            ["enum", "x-extensible-enum"]
                .iter()
                .any(|key| schema.get(key).is_some())
        };
        let said = if target.is_some_and(is_enum) {
            None
        } else {
            Some(self.schema(&schema, Use::Parameter)?)
        };
        let Some(Schema {
            kind: kind @ (Kind::String | Kind::Integer),
            limits,
            nullable: false,
            ..
        }) = said
        else {
            self.report(
                Rule::PathParameter,
                &schema,
                format!("path parameter `{name}` is neither text nor an integer"),
                "write `schema: { type: string }`, or `schema: { type: integer, format: int64 }`",
            );
            return None;
        };
        Some(Parameter {
            field: self.field(pointer, &name, &mut BTreeMap::new())?,
            kind,
            example: spec.at(&child(pointer, "example")).cloned(),
            name,
            description,
            limits,
            deprecated,
        })
    }
}
