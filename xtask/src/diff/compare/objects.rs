//! The parts of a schema: properties, alternatives, items of lists and maps.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    Compare, Place,
    effects::{Direction, SetChange, in_rust, on_the_wire},
};
use crate::{
    diff::{
        Effect::{Additive, Breaking, Documentation},
        lookup::{field, items, object, pairs, required_in_object},
        normal::{object as as_object, without_words},
    },
    document::pointer::{child, last, target},
};

impl Compare<'_> {
    pub(super) fn required(&mut self, place: &Place, way: Direction) {
        let place = place.child("required");
        let (from, to) = (items(self.before(&place.old)), items(self.after(&place.new)));
        let properties = |root: &Value, list: &str| {
            let pointer = list.trim_end_matches("required").to_owned() + "properties";
            object(root, &pointer)
                .map(|found| found.keys().cloned().collect::<BTreeSet<_>>())
                .unwrap_or_default()
        };
        let (before, after) = (properties(self.old, &place.old), properties(self.new, &place.new));
        let known = |value: &Value| {
            value
                .as_str()
                .is_some_and(|name| before.contains(name) && after.contains(name))
        };
        // If the property itself was added or removed, that is reported with the property.
        self.reported.extend([place.old.clone(), place.new.clone()]);
        for name in to.iter().filter(|name| !from.contains(name) && known(name)) {
            let rust = if way == Direction::Request {
                Breaking
            } else {
                Documentation
            };
            self.report(
                &place.new,
                None,
                Some(name),
                on_the_wire(way, SetChange::Narrower),
                rust,
                "the property became required",
            );
        }
        for name in from.iter().filter(|name| !to.contains(name) && known(name)) {
            let rust = if way == Direction::Request {
                Breaking
            } else {
                Documentation
            };
            self.report(
                &place.old,
                Some(name),
                None,
                on_the_wire(way, SetChange::Wider),
                rust,
                "the property became optional",
            );
        }
    }

    pub(super) fn properties(&mut self, place: &Place, way: Direction) {
        let list = place.child("properties");
        self.order(place, way);
        let needed = items(self.after(&child(&place.new, "required")));
        let fields = |value: Option<&Value>| -> BTreeSet<String> {
            as_object(value).map(|(name, schema)| field(name, schema)).collect()
        };
        let (before, after) = (fields(self.before(&list.old)), fields(self.after(&list.new)));
        for name in self.names(&list) {
            let here = list.child(&name);
            // A property that is spelt differently on the wire may be the same field in Rust.
            let schema = self.after(&here.new).or(self.before(&here.old));
            let spelt = schema.map_or_else(String::new, |schema| field(&name, schema));
            let is_spelling = before.contains(&spelt) && after.contains(&spelt);
            let rust = |effect| {
                if is_spelling {
                    Documentation
                } else {
                    in_rust(way, effect)
                }
            };
            match (self.before(&here.old), self.after(&here.new)) {
                (None, new) => {
                    let (effect, what) = match way {
                        Direction::Request if needed.contains(&Value::from(name)) => {
                            (Breaking, "a required property was added")
                        }
                        Direction::Request => (Additive, "an optional property was added"),
                        Direction::Response | Direction::Error => (Additive, "a property was added"),
                    };
                    self.report(&here.new, None, new, effect, rust(effect), what);
                }
                (old, None) => self.report(
                    &here.old,
                    old,
                    None,
                    Breaking,
                    rust(Breaking),
                    "the property was removed",
                ),
                (Some(old), Some(new)) => {
                    let same = field(&name, old) == field(&name, new);
                    let effect = if same { Documentation } else { in_rust(way, Breaking) };
                    let what = "the field has another name in Rust, or the same name became explicit or implicit";
                    self.keyword(&here, "x-rust-name", Documentation, effect, what);
                }
            }
        }
    }

    /// The order of required properties in a request.
    pub(super) fn order(&mut self, place: &Place, way: Direction) {
        if way == Direction::Request {
            let from = required_in_object(self.before(&place.old));
            let to = required_in_object(self.after(&place.new));
            self.arguments(place, &place.child("properties"), from, to);
        }
    }

    /// Required values are arguments in the order of the document, unless they are fields of a struct. Added and removed
    /// ones are reported elsewhere.
    pub(super) fn arguments(&mut self, place: &Place, list: &Place, mut from: Vec<String>, mut to: Vec<String>) {
        let named = place.child("x-required-type");
        let is_struct = self.before(&named.old).is_some() && self.after(&named.new).is_some();
        let all = from.clone();
        from.retain(|name| to.contains(name));
        to.retain(|name| all.contains(name));
        if from != to && !is_struct {
            self.report(
                &list.new,
                Some(&from.into()),
                Some(&to.into()),
                Documentation,
                Breaking,
                "the order of the required fields changed, and with it that of the arguments",
            );
        }
    }

    /// Branches of a union are compared without their descriptions.
    pub(super) fn branches(&mut self, place: &Place, way: Direction) {
        for union in ["anyOf", "oneOf"] {
            let place = place.child(union);
            // A change from or to a simple type has been reported already.
            if self.reported.contains(&place.new) {
                continue;
            }
            let branches = |value: Option<&Value>| -> Vec<Value> { items(value).iter().map(without_words).collect() };
            let (mut from, to) = (branches(self.before(&place.old)), branches(self.after(&place.new)));
            // Alternatives of the same type are compared with each other: their limits changed.
            for (old, new) in pairs(&from, &to) {
                let here = Place {
                    old: child(&place.old, &old.to_string()),
                    new: child(&place.new, &new.to_string()),
                };
                self.schema(&here, way);
                from[old] = to[new].clone();
            }
            if from == to && self.before(&place.old) != self.after(&place.new) {
                self.change(
                    &place,
                    Documentation,
                    Documentation,
                    "the documentation text of an alternative changed",
                );
            }
            for branch in to.iter().filter(|branch| !from.contains(branch)) {
                self.report(
                    &place.new,
                    None,
                    Some(branch),
                    on_the_wire(way, SetChange::Wider),
                    in_rust(way, Additive),
                    "an alternative was added",
                );
            }
            for branch in from.iter().filter(|branch| !to.contains(branch)) {
                self.report(
                    &place.old,
                    Some(branch),
                    None,
                    on_the_wire(way, SetChange::Narrower),
                    in_rust(way, Breaking),
                    "an alternative was removed",
                );
            }
        }
        self.others(place, way);
    }

    /// The fields of an object that are not described (`additionalProperties`).
    pub(super) fn others(&mut self, place: &Place, way: Direction) {
        let here = place.child("additionalProperties");
        let others = |value: Option<&Value>| match value {
            Some(Value::Bool(false)) => 0,
            Some(Value::Object(_)) => 1,
            _ => 2, // anything, which is the default
        };
        let (from, to) = (others(self.before(&here.old)), others(self.after(&here.new)));
        if from != to {
            let set = if from < to {
                SetChange::Wider
            } else {
                SetChange::Narrower
            };
            // An object without properties is a map.
            let properties = place.child("properties");
            let is_map = self.before(&properties.old).is_none() || self.after(&properties.new).is_none();
            let is_ours = crate::lint::is_handwritten(&last(&place.new));
            let rust = if is_map && !is_ours { Breaking } else { Documentation };
            let what = "the rule for unlisted fields changed";
            self.change(&here, on_the_wire(way, set), in_rust(way, rust), what);
        }
    }

    /// The schemas inside of a schema.
    pub(super) fn below(&mut self, place: &Place, way: Direction) {
        let properties = place.child("properties");
        let mut places: Vec<_> = self
            .names(&properties)
            .iter()
            .map(|name| properties.child(name))
            .collect();
        places.extend([place.child("items"), place.child("additionalProperties")]);
        for union in ["anyOf", "oneOf"] {
            // Only branches that are components are compared: they have names.
            for branch in items(self.after(&child(&place.new, union))) {
                if let Some(target) = target(&branch) {
                    places.push(Place::same(target));
                }
            }
        }
        for place in places {
            if self.before(&place.old).is_some_and(Value::is_object)
                && self.after(&place.new).is_some_and(Value::is_object)
            {
                self.renamed(&place, way);
                self.schema(&place, way);
            }
        }
    }
}
