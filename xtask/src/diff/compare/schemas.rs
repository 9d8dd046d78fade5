//! Schemas: the values that are allowed.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    Compare, Place,
    effects::{Direction, SetChange, in_rust, in_rust_kind, in_rust_limit, is_another_type, on_the_wire},
};
use crate::{
    diff::{
        Effect::{Additive, Breaking, Documentation},
        lookup::{items, object, text, wrapped},
    },
    document::pointer::child,
    names,
};

impl Compare<'_> {
    pub(super) fn schema(&mut self, place: &Place, way: Direction) {
        self.wrapped(place, way);
        let place = self.resolved(place);
        if !self.seen.insert((way, place.old.clone(), place.new.clone())) {
            return;
        }
        let (Some(old), Some(new)) = (object(self.old, &place.old), object(self.new, &place.new)) else {
            return;
        };
        if old == new {
            self.order(&place, way); // equal mappings may differ in order
            return self.below(&place, way);
        }
        if is_another_type(old, new) {
            // All other differences follow from the type.
            for pointer in [&place.old, &place.new] {
                if place.old == place.new || !pointer.starts_with("/components/") {
                    self.reported.insert(pointer.clone());
                }
            }
            let rust = in_rust(way, Breaking);
            return self.change(&place.child("type"), Breaking, rust, "the type changed");
        }
        self.kind(&place, way, old, new);
        self.nullable(&place, way, old, new);
        self.names_of_values(&place, way);
        self.keyword(
            &place,
            "x-envelope",
            Documentation,
            in_rust(way, Breaking),
            "the envelope was added or removed, so the method has other fields",
        );
        self.one_of(&place);
        self.limits(&place, way, old, new);
        self.values(&place, "enum", way);
        self.values(&place, "x-extensible-enum", way);
        self.required(&place, way);
        self.branches(&place, way);
        self.keyword(
            &place,
            "x-replaces-all",
            Documentation,
            Breaking,
            "the setter has another name: `x-replaces-all` was added or removed",
        );
        self.keyword(
            &place,
            "x-entries",
            Documentation,
            Breaking,
            "the list has another type: a response without it is now an error, or no longer one",
        );
        self.keyword(
            &place,
            "x-no-result",
            Documentation,
            Breaking,
            "whether the operation returns a value changed",
        );
        self.required_type(&place);
        self.keyword(&place, "default", Breaking, Documentation, "the default changed");
        self.deprecated(&place);
        self.properties(&place, way);
        self.below(&place, way);
    }

    /// A reference may be wrapped in `allOf`, so that it can have siblings. It is the same reference.
    pub(super) fn wrapped(&mut self, place: &Place, way: Direction) {
        let (old, new) = (object(self.old, &place.old), object(self.new, &place.new));
        let (Some(old), Some(new)) = (old, new) else { return };
        let is_wrapper = |schema: &Map<String, Value>| schema.contains_key("allOf");
        if !is_wrapper(old) && !is_wrapper(new) || wrapped(old).or(wrapped(new)).is_none() {
            return;
        }
        for name in ["$ref", "allOf"] {
            self.reported.extend([child(&place.old, name), child(&place.new, name)]);
        }
        self.nullable(place, way, old, new);
        self.deprecated(place);
    }

    /// The Rust variants of values that both documents have.
    pub(super) fn names_of_values(&mut self, place: &Place, way: Direction) {
        let variants = |root: &Value, pointer: &str| -> BTreeMap<String, String> {
            let values = items(root.pointer(&child(pointer, "x-extensible-enum")));
            let names = object(root, &child(pointer, "x-rust-names"));
            let named = values.iter().filter_map(Value::as_str).map(|value| {
                let given = names.and_then(|names| text(names, value));
                (
                    value.to_owned(),
                    given.map_or_else(|| names::pascal(value), str::to_owned),
                )
            });
            named.collect()
        };
        let (from, to) = (variants(self.old, &place.old), variants(self.new, &place.new));
        let renamed = from
            .iter()
            .any(|(value, name)| to.get(value).is_some_and(|other| other != name));
        let rust = if renamed { in_rust(way, Breaking) } else { Documentation };
        let what = "`x-rust-names` changed";
        self.keyword(place, "x-rust-names", Documentation, rust, what);
    }

    pub(super) fn kind(&mut self, place: &Place, way: Direction, old: &Map<String, Value>, new: &Map<String, Value>) {
        let same = in_rust_kind(old).is_some_and(|kind| in_rust_kind(new) == Some(kind));
        let rust = if same { Documentation } else { in_rust(way, Breaking) };
        let (from, to) = (text(old, "type"), text(new, "type"));
        if from.is_none() && to.is_none() && old.get("x-any") != new.get("x-any") {
            let set = if old.contains_key("x-any") {
                SetChange::Narrower
            } else {
                SetChange::Wider
            };
            let what = "values of any shape are now allowed, or no longer allowed";
            self.change(&place.child("x-any"), on_the_wire(way, set), rust, what);
            self.reported
                .extend([child(&place.old, "anyOf"), child(&place.new, "anyOf")]);
            return;
        }
        if from != to {
            let set = match (from, to) {
                (Some("integer"), Some("number")) | (Some(_), None) => SetChange::Wider,
                _ => SetChange::Narrower,
            };
            self.change(&place.child("type"), on_the_wire(way, set), rust, "the type changed");
            // The format is part of the type.
            for name in ["format", "anyOf", "x-any"] {
                self.reported.extend([child(&place.old, name), child(&place.new, name)]);
            }
            return;
        }
        let (from, to) = (text(old, "format"), text(new, "format"));
        if from != to {
            let set = match (from, to) {
                (Some(_), None) => SetChange::Wider,
                (None, Some(_)) => SetChange::Narrower,
                _ => SetChange::Other,
            };
            // Formats with a Rust type of their own; `uuid` is checked, the others of a string are documentation.
            let typed = |format: Option<&str>| {
                matches!(
                    format,
                    Some("date" | "date-time" | "int32" | "int64" | "float" | "double")
                )
            };
            let checked = |format: Option<&str>| format == Some("uuid");
            let rust = if typed(from) || typed(to) {
                rust
            } else if checked(from) || checked(to) {
                in_rust_limit(way, set)
            } else {
                Documentation
            };
            self.change(
                &place.child("format"),
                on_the_wire(way, set),
                rust,
                "the format changed",
            );
        }
    }

    pub(super) fn nullable(
        &mut self,
        place: &Place,
        way: Direction,
        old: &Map<String, Value>,
        new: &Map<String, Value>,
    ) {
        let flag = |schema: &Map<String, Value>| schema.get("nullable").and_then(Value::as_bool).unwrap_or(false);
        let (set, what) = match (flag(old), flag(new)) {
            (false, true) => (SetChange::Wider, "it may be `null`"),
            (true, false) => (SetChange::Narrower, "it may no longer be `null`"),
            _ => return,
        };
        // In a response `Field` holds `null` anyway; in a request the type changes.
        let rust = if way == Direction::Request {
            Breaking
        } else {
            Documentation
        };
        self.change(&place.child("nullable"), on_the_wire(way, set), rust, what);
    }

    pub(super) fn limits(&mut self, place: &Place, way: Direction, old: &Map<String, Value>, new: &Map<String, Value>) {
        for (name, least) in [
            ("minimum", true),
            ("minLength", true),
            ("minItems", true),
            ("minProperties", true),
            ("maximum", false),
            ("maxLength", false),
            ("maxItems", false),
            ("maxProperties", false),
        ] {
            let number = |schema: &Map<String, Value>| schema.get(name).and_then(Value::as_f64);
            let (from, to) = (number(old), number(new));
            if old.get(name) == new.get(name) {
                continue;
            }
            let narrower = match (from, to) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(from), Some(to)) => (to > from) == least,
            };
            let (set, what) = if narrower {
                (SetChange::Narrower, "the limit was tightened")
            } else {
                (SetChange::Wider, "the limit was loosened")
            };
            self.change(&place.child(name), on_the_wire(way, set), in_rust_limit(way, set), what);
        }
        let (set, what) = match (old.get("pattern"), new.get("pattern")) {
            (from, to) if from == to => return,
            (Some(_), None) => (SetChange::Wider, "the pattern was removed"),
            (None, Some(_)) => (SetChange::Narrower, "a pattern was added"),
            _ => (
                SetChange::Other,
                "the pattern changed; whether it allows less is unknown",
            ),
        };
        self.change(
            &place.child("pattern"),
            on_the_wire(way, set),
            in_rust_limit(way, set),
            what,
        );
    }

    pub(super) fn values(&mut self, place: &Place, name: &str, way: Direction) {
        let place = place.child(name);
        let (old, new) = (self.before(&place.old), self.after(&place.new));
        let (from, to) = (items(old), items(new));
        let open = name == "x-extensible-enum";
        if from.is_empty() != to.is_empty() {
            let set = if to.is_empty() {
                SetChange::Wider
            } else {
                SetChange::Narrower
            };
            let http = if open { Documentation } else { on_the_wire(way, set) };
            return self.change(
                &place,
                http,
                in_rust(way, Breaking),
                "the list of values was added or removed",
            );
        }
        for value in to.iter().filter(|value| !from.contains(value)) {
            // The set was open: readers had to expect new values.
            let http = if open {
                Additive
            } else {
                on_the_wire(way, SetChange::Wider)
            };
            self.report(
                &place.new,
                None,
                Some(value),
                http,
                in_rust(way, Additive),
                "a value was added",
            );
        }
        for value in from.iter().filter(|value| !to.contains(value)) {
            self.report(
                &place.old,
                Some(value),
                None,
                on_the_wire(way, SetChange::Narrower),
                in_rust(way, Breaking),
                "a value was removed",
            );
        }
    }
}
