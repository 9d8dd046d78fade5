//! Structs for arguments that callers would confuse.

use super::{Lint, components::SCHEMAS};
use crate::{
    document::pointer::child,
    finding::Rule,
    model::{Direction, Kind, Object, Parameter, Property, Type},
    names,
};

const REQUIRED_TYPE: &str = "x-required-type";

/// Whether callers would confuse arguments of these types: more than two, or two of one type.
pub(super) fn mixed_up(kinds: &[&Kind]) -> bool {
    kinds.len() > 2 || matches!(kinds[..], [one, other] if one == other)
}

impl Lint<'_> {
    /// The name of the struct for required values, if one is needed.
    pub(super) fn required_type(
        &mut self,
        pointer: &str,
        direction: Direction,
        properties: &[Property],
    ) -> Option<String> {
        let at = child(pointer, REQUIRED_TYPE);
        let kinds: Vec<_> = properties.iter().filter(|p| p.required).map(|p| &p.kind).collect();
        let needed = direction != Direction::Response && mixed_up(&kinds);
        if self.spec.at(&at).is_none() {
            if needed {
                let problem =
                    "what is required is more than two fields, or two of one type, and its struct has no name";
                let help = "name it: `x-required-type: NewOpportunity`; callers write `create(NewOpportunity { owner: ..., ... })`";
                self.report(Rule::RequiredType, pointer, problem, help);
            }
            return None;
        }
        if !needed {
            let problem = "this struct is not needed";
            let help = "leave it out: up to two required fields of different types become arguments";
            self.report(Rule::RequiredType, &at, problem, help);
            return None;
        }
        self.struct_name(&at, "NewOpportunity")
    }

    /// The name of the struct for the arguments of a path, if one is needed.
    pub(super) fn path_type(&mut self, pointer: &str, parameters: &[Parameter]) -> Option<String> {
        let kinds: Vec<_> = parameters.iter().map(|parameter| &parameter.kind).collect();
        if !mixed_up(&kinds) {
            return None;
        }
        let at = child(pointer, REQUIRED_TYPE);
        if self.spec.at(&at).is_none() {
            let problem = "the path has more than two parameters, or two of one type, and their struct has no name";
            let help = "name it: `x-required-type: MergedContacts`; callers write `merge(MergedContacts { into_uuid: ..., from_uuid: ... })`";
            self.report(Rule::RequiredType, pointer, problem, help);
            return None;
        }
        self.struct_name(&at, "MergedContacts")
    }

    /// The type name that an extension sets.
    pub(super) fn struct_name(&mut self, pointer: &str, example: &str) -> Option<String> {
        let name = self.spec.at(pointer)?;
        let is_name = |name: &&str| names::pascal(name) == **name && names::is_ident(name);
        match name.as_str().filter(is_name) {
            Some(name) => Some(name.to_owned()),
            None => {
                let problem = format!("{name} is not a type name");
                self.report(
                    Rule::RustName,
                    pointer,
                    problem,
                    format!("write one such as `{example}`"),
                );
                None
            }
        }
    }

    /// Checks that requests that share a struct have the same fields in it.
    pub(super) fn shared_structs(&mut self) {
        let mut required: Vec<(String, Vec<Property>, String)> = Vec::new();
        let mut differ = Vec::new();
        for (name, ty) in &self.walk.types {
            let Type::Object(Object {
                required_type: Some(shared),
                properties,
                ..
            }) = ty
            else {
                continue;
            };
            let fields: Vec<_> = properties.iter().filter(|p| p.required).cloned().collect();
            let at = match self.spec.at(&child(SCHEMAS, name)) {
                Some(_) => child(&child(SCHEMAS, name), REQUIRED_TYPE),
                None => child(&self.places.query(name), REQUIRED_TYPE),
            };
            match required.iter().find(|(known, ..)| known == shared) {
                None => required.push((shared.clone(), fields, name.clone())),
                Some((_, known, other)) if *known != fields => {
                    let problem = format!("`{shared}` has other fields in `{other}`");
                    differ.push((at, problem, difference(known, &fields)));
                }
                Some(_) => {}
            }
        }
        for (at, problem, help) in differ {
            self.report(Rule::RequiredType, &at, problem, help);
        }
    }
}

/// Help that says how to make two lists of fields equal.
pub(super) fn difference(one: &[Property], other: &[Property]) -> String {
    let names = |fields: &[Property]| fields.iter().map(|p| p.name.clone()).collect::<Vec<_>>();
    if names(one) != names(other) {
        return format!(
            "give it another name, or the same fields in the same order: {}",
            names(one).join(", ")
        );
    }
    let differs = one.iter().zip(other).find(|(one, other)| one != other);
    let name = differs.map(|(one, _)| one.name.clone()).unwrap_or_default();
    format!(
        "give it another name, or write `{name}` once, as a component, and refer to it: types, limits and words are the same"
    )
}
