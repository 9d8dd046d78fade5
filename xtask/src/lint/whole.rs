//! Checks of the whole document: duplicates, and unused components.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Lint;
use crate::{
    document::pointer::{child, component, each_reference, last, local},
    finding::Rule,
};

impl Lint<'_> {
    pub(super) fn whole(&mut self) {
        self.tags();
        self.unused();
        self.security();
        self.links();
    }

    /// Checks that `security` names defined schemes, and that all of them are used.
    fn security(&mut self) {
        const SCHEMES: &str = "/components/securitySchemes";
        let spec = self.spec;
        let schemes = spec.at(SCHEMES).and_then(Value::as_object);
        let known: Vec<_> = schemes.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        let mut named = BTreeSet::new();
        let requirements = spec.at("/security").and_then(Value::as_array);
        for (index, requirement) in requirements.into_iter().flatten().enumerate() {
            for (name, scopes) in requirement.as_object().into_iter().flatten() {
                let at = child(&format!("/security/{index}"), name);
                if !known.contains(&name.as_str()) {
                    let problem = format!("`{name}` is not a security scheme");
                    let help = match known.as_slice() {
                        [] => "describe it under `components: securitySchemes:`".to_owned(),
                        known => format!("those of `components: securitySchemes:` are: {}", known.join(", ")),
                    };
                    self.report(Rule::Reference, &at, problem, help);
                }
                if !scopes.is_array() {
                    let problem = format!("`{name}` must be a list");
                    self.report(Rule::Shape, &at, problem, format!("write `- {name}: []`"));
                }
                named.insert(name.as_str());
            }
        }
        for name in known.into_iter().filter(|name| !named.contains(name)) {
            let problem = format!("`security` does not name `{name}`");
            let help = format!("write `security: [{{ {name}: [] }}]` in the root, or remove the scheme");
            self.report(Rule::Unused, &child(SCHEMES, name), problem, help);
        }
    }

    fn tags(&mut self) {
        let spec = self.spec;
        let list = |pointer: &str| {
            spec.at(pointer)
                .and_then(Value::as_array)
                .map_or(&[][..], Vec::as_slice)
        };
        let name = |tag: &Value| tag.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let declared: Vec<_> = list("/tags").iter().map(name).collect();
        let mut used = BTreeSet::new();
        for (pointer, _) in spec.operations() {
            let pointer = child(&pointer, "tags");
            for (index, tag) in list(&pointer).iter().enumerate() {
                let tag = tag.as_str().unwrap_or_default().to_owned();
                if !tag.is_empty() && !declared.contains(&tag) {
                    let pointer = child(&pointer, &index.to_string());
                    let help = format!("add `- {{ name: {tag}, description: .. }}` to `tags` of the root");
                    self.report(Rule::Tag, &pointer, format!("the tag `{tag}` is not declared"), help);
                }
                used.insert(tag);
            }
        }
        for (index, tag) in declared.iter().enumerate() {
            let problem = if declared[..index].contains(tag) {
                format!("`{tag}` is declared twice")
            } else if !tag.is_empty() && !used.contains(tag) {
                format!("no operation has the tag `{tag}`")
            } else {
                continue;
            };
            self.report(Rule::Tag, &format!("/tags/{index}"), problem, "leave it out");
        }
    }

    /// Reports components that no operation uses.
    fn unused(&mut self) {
        let spec = self.spec;
        let mut used = BTreeSet::new();
        let mut open: Vec<(String, &Value)> = spec
            .at("/paths")
            .map(|paths| ("/paths".to_owned(), paths))
            .into_iter()
            .collect();
        while let Some((pointer, value)) = open.pop() {
            each_reference(value, &pointer, &mut |_, target| {
                let Some(target) = local(target).and_then(component) else {
                    return;
                };
                if let Some(value) = spec.at(&target)
                    && used.insert(target.clone())
                {
                    open.push((target, value));
                }
            });
        }
        for section in [
            "schemas",
            "parameters",
            "responses",
            "requestBodies",
            "examples",
            "headers",
        ] {
            let at = child("/components", section);
            for name in spec
                .at(&at)
                .and_then(Value::as_object)
                .into_iter()
                .flat_map(|fields| fields.keys())
            {
                let pointer = child(&at, name);
                if !used.contains(&pointer) {
                    let help = "refer to it, or remove it: nothing is generated from it";
                    self.report(
                        Rule::Unused,
                        &pointer,
                        format!("no operation uses `{}`", last(&pointer)),
                        help,
                    );
                }
            }
        }
    }

    /// Checks that links to documentation are URLs.
    fn links(&mut self) {
        let mut wrong = Vec::new();
        walk("", self.spec.root(), &mut |pointer, value| {
            if let Some(url) = value
                .get("externalDocs")
                .and_then(|docs| docs.get("url"))
                .and_then(Value::as_str)
                && !is_link(url)
            {
                wrong.push((child(&child(pointer, "externalDocs"), "url"), url.to_owned()));
            }
        });
        for (pointer, url) in wrong {
            let help = "write the whole URL, such as `https://dev.chartmogul.com/reference/opportunities`";
            self.report(Rule::SourceLink, &pointer, format!("`{url}` is not a link"), help);
        }
    }
}

fn is_link(url: &str) -> bool {
    let rest = url.strip_prefix("https://").unwrap_or_default();
    rest.contains('.')
        && !rest.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"' | '`'))
}

fn walk(pointer: &str, value: &Value, visit: &mut impl FnMut(&str, &Value)) {
    visit(pointer, value);
    match value {
        Value::Object(fields) => fields
            .iter()
            .for_each(|(name, field)| walk(&child(pointer, name), field, visit)),
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, item)| walk(&child(pointer, &index.to_string()), item, visit));
        }
        _ => {}
    }
}
