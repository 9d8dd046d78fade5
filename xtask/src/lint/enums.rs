//! Open enums: strings with known values.

use serde_json::{Map, Value};

use super::{Lint, kinds::ANNOTATIONS};
use crate::{document::pointer::child, finding::Rule, names};

const NAMES: &str = "x-rust-names";

impl Lint<'_> {
    /// Reads the known values, each with its variant.
    pub(super) fn values(&mut self, pointer: &str, schema: &Map<String, Value>) -> Vec<(String, String)> {
        const HELP: &str = "list the known values: `x-extensible-enum: [recurring, one-time]`";
        let allowed = [&ANNOTATIONS[..], &["type", "x-extensible-enum", NAMES]].concat();
        self.known(pointer, schema, &allowed);
        if schema.get("type").and_then(Value::as_str) != Some("string") {
            let problem = "an enum that is not a string";
            self.report(Rule::OpenEnum, pointer, problem, "add `type: string`");
        }
        let at = child(pointer, "x-extensible-enum");
        let list = schema.get("x-extensible-enum").and_then(Value::as_array);
        let list = list.map_or(&[][..], Vec::as_slice);
        let texts = list.iter().filter_map(Value::as_str);
        let variants: Vec<_> = texts.map(|value| self.variant(pointer, value)).collect();
        let mut values: Vec<(String, String)> = Vec::new();
        for (index, value) in list.iter().enumerate() {
            let place = child(&at, &index.to_string());
            let Some(value) = value.as_str() else {
                let problem = format!("{value} is not text");
                self.report(Rule::OpenEnum, &place, problem, "put it in quotes");
                continue;
            };
            let variant = self.variant(pointer, value);
            let example = names::is_ident(&variant).then(|| format!("{variant}Value"));
            let example = example.filter(|name| !variants.contains(name));
            let example = example.unwrap_or_else(|| "SomeName".to_owned());
            let quoted = value.replace('\'', "''");
            let help = format!("name it: `{NAMES}: {{ '{quoted}': {example} }}`");
            if values.iter().any(|(known, _)| known == value) {
                let problem = format!("`{value}` is listed twice");
                self.report(Rule::OpenEnum, &place, problem, "list it once");
            } else if value.chars().any(char::is_control) {
                let problem = "the value holds a line break or another control character";
                self.report(Rule::OpenEnum, &place, problem, "leave it out");
            } else if !names::is_ident(&variant) || variant == "Unknown" {
                let problem = format!("`{value}` can't be a variant in Rust");
                self.report(Rule::RustName, &place, problem, help);
            } else if let Some((other, _)) = values.iter().find(|(_, known)| *known == variant) {
                let problem = format!("`{other}` and `{value}` are both `{variant}` in Rust");
                self.report(Rule::NameCollision, &place, problem, help);
            } else {
                values.push((value.to_owned(), variant));
            }
        }
        if list.is_empty() {
            self.report(Rule::OpenEnum, &at, "the enum has no values", HELP);
        }
        self.names_of_values(pointer, list);
        values
    }

    /// The variant of a value: the name that the document sets, or one made from the value.
    fn variant(&self, pointer: &str, value: &str) -> String {
        let named = self
            .spec
            .at(&child(&child(pointer, NAMES), value))
            .and_then(Value::as_str);
        named.map_or_else(|| names::pascal(value), str::to_owned)
    }

    fn names_of_values(&mut self, pointer: &str, values: &[Value]) {
        let at = child(pointer, NAMES);
        if self.spec.at(&at).is_none() {
            return;
        }
        let help = format!("write `{NAMES}: {{ '-date': DateDescending }}`");
        let Some(named) = self.object(&at, "the names of values") else {
            return;
        };
        for (value, name) in named {
            let place = child(&at, value);
            if !values.iter().any(|known| known.as_str() == Some(value)) {
                let problem = format!("`{value}` is not one of the values");
                self.report(Rule::RustName, &place, problem, "correct it, or leave it out");
            }
            let is_name = |name: &str| names::pascal(name) == name && names::is_ident(name);
            if !name.as_str().is_some_and(is_name) {
                let problem = format!("{name} is not the name of a variant");
                self.report(Rule::RustName, &place, problem, help.clone());
            }
        }
    }
}
