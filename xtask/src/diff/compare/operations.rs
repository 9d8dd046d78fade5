//! Operations: parameters, bodies and responses.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{Compare, Place, effects::Direction};
use crate::{
    diff::{
        Effect::{Additive, Breaking, Documentation},
        lookup::{field, is_value, items, object, parameters, range, reference_at, required, required_in_query, text},
    },
    names,
};

impl Compare<'_> {
    pub(super) fn operation(&mut self, place: &Place) {
        self.keyword(
            place,
            "operationId",
            Documentation,
            Breaking,
            "the operation was renamed, and so are its method and its builder",
        );
        self.keyword(
            place,
            "tags",
            Documentation,
            Breaking,
            "the operation moved to another resource",
        );
        self.keyword(
            place,
            "x-idempotent",
            Documentation,
            Additive,
            "whether the operation is idempotent changed",
        );
        self.keyword(
            place,
            "x-destructive",
            Documentation,
            Additive,
            "whether the operation is destructive changed",
        );
        self.keyword(
            place,
            "x-identifier",
            Documentation,
            Breaking,
            "the argument that identifies the object changed",
        );
        self.given_name(place, "x-method", "the method of the resource", |operation| {
            let id = text(operation, "operationId").unwrap_or_default();
            let tag = operation
                .get("tags")
                .and_then(|tags| tags.get(0))
                .and_then(Value::as_str);
            names::verb(id, tag.unwrap_or_default())
        });
        self.given_name(place, "x-query-type", "the type of the query", |operation| {
            format!(
                "{}Query",
                names::pascal(text(operation, "operationId").unwrap_or_default())
            )
        });
        self.one_of(place);
        self.security(place);
        self.deprecated(place);
        self.required_type(place);
        self.parameters(place);
        self.body(place);
        self.responses(place);
    }

    pub(super) fn required_type(&mut self, place: &Place) {
        self.keyword(
            place,
            "x-required-type",
            Documentation,
            Breaking,
            "the struct of the required fields was renamed, added or removed",
        );
    }

    /// A name that the document may set; `default` is the name without it.
    pub(super) fn given_name(
        &mut self,
        place: &Place,
        keyword: &str,
        what: &str,
        default: fn(&Map<String, Value>) -> String,
    ) {
        let name = |root: &Value, pointer: &str| {
            let owner = object(root, pointer)?;
            Some(text(owner, keyword).map_or_else(|| default(owner), str::to_owned))
        };
        let same = name(self.old, &place.old) == name(self.new, &place.new);
        let rust = if same { Documentation } else { Breaking };
        let what = format!("{what} has another name in Rust, or the same name became explicit or implicit");
        self.keyword(place, keyword, Documentation, rust, &what);
    }

    /// `x-one-of`: groups of which exactly one is given. Their order has no meaning.
    pub(super) fn one_of(&mut self, place: &Place) {
        let place = place.child("x-one-of");
        let groups = |value: Option<&Value>| -> BTreeSet<BTreeSet<String>> {
            let names = |group: &Value| items(Some(group)).iter().map(ToString::to_string).collect();
            items(value).iter().map(names).collect()
        };
        let (old, new) = (self.before(&place.old), self.after(&place.new));
        if old == new {
            return;
        }
        let (from, to) = (groups(old), groups(new));
        let (effect, what) = if from == to {
            (Documentation, "the groups of `x-one-of` were reordered")
        } else if to.is_empty() {
            (Additive, "any of these may be given together")
        } else if !from.is_empty() && from.is_subset(&to) {
            (Additive, "a group was added to `x-one-of`")
        } else {
            (Breaking, "the groups of `x-one-of` changed")
        };
        self.change(&place, effect, effect, what);
    }

    pub(super) fn parameters(&mut self, place: &Place) {
        let from = required_in_query(self.old, &place.old);
        let to = required_in_query(self.new, &place.new);
        self.arguments(place, &place.child("parameters"), from, to);
        let (old, new) = (parameters(self.old, &place.old), parameters(self.new, &place.new));
        let has_query = |all: &BTreeMap<(String, String), String>| all.keys().any(|(place, _)| place == "query");
        // A caller does not see the names of arguments, but those of struct fields.
        let named = place.child("x-required-type");
        let is_named = self.before(&named.old).is_some() && self.after(&named.new).is_some();
        let has_fields = is_named && old.keys().filter(|(place, _)| place == "path").count() > 1;
        let rust_name = |parameter: Option<&Value>| {
            let name = parameter?.get("name")?.as_str()?;
            Some(field(name, parameter?))
        };
        for (key, pointer) in &old {
            let Some(there) = new.get(key) else {
                let value = self.before(pointer);
                self.report(pointer, value, None, Breaking, Breaking, "a parameter was removed");
                continue;
            };
            let place = Place {
                old: pointer.clone(),
                new: there.clone(),
            };
            let what = "a path parameter was renamed; the path on the wire is the same";
            let same = rust_name(self.before(pointer)) == rust_name(self.after(there));
            let rust = if has_fields && !same { Breaking } else { Documentation };
            self.keyword(&place, "name", Documentation, rust, what);
            let what = "how a list is sent changed";
            self.keyword(&place, "style", Breaking, Documentation, what);
            self.keyword(&place, "explode", Breaking, Documentation, what);
            self.given_name(&place, "x-rust-name", "the parameter", |parameter| {
                names::field(text(parameter, "name").unwrap_or_default())
            });
            self.deprecated(&place);
            self.renamed(&place.child("schema"), Direction::Request);
            match (required(self.old, pointer), required(self.new, there)) {
                (false, true) => self.change(
                    &place.child("required"),
                    Breaking,
                    Breaking,
                    "the parameter became required",
                ),
                (true, false) => self.change(
                    &place.child("required"),
                    Additive,
                    Breaking,
                    "the parameter became optional",
                ),
                _ => {}
            }
            self.schema(&place.child("schema"), Direction::Request);
        }
        for (key, pointer) in &new {
            if !old.contains_key(key) {
                let value = self.after(pointer);
                let (http, rust, what) = if required(self.new, pointer) {
                    (Breaking, Breaking, "a required parameter was added")
                } else if key.0 == "query" && !has_query(&old) {
                    let what = "the first optional parameter was added: the method takes a query now";
                    (Additive, Breaking, what)
                } else {
                    (Additive, Additive, "an optional parameter was added")
                };
                self.report(pointer, None, value, http, rust, what);
            }
        }
    }

    pub(super) fn body(&mut self, place: &Place) {
        let place = place.child("requestBody");
        match (self.before(&place.old), self.after(&place.new)) {
            (None, Some(body)) => {
                let needed = required(self.new, &self.resolved(&place).new);
                let http = if needed { Breaking } else { Additive };
                self.report(&place.new, None, Some(body), http, Breaking, "a request body was added");
            }
            (Some(body), None) => self.gone(&place.old, body, "the request body was removed"),
            (Some(_), Some(_)) => {
                let place = self.resolved(&place);
                match (required(self.old, &place.old), required(self.new, &place.new)) {
                    (false, true) => {
                        let what = "the body became required";
                        self.change(&place.child("required"), Breaking, Documentation, what);
                    }
                    (true, false) => {
                        let what = "the body became optional";
                        self.change(&place.child("required"), Additive, Documentation, what);
                    }
                    _ => {}
                }
                self.content(&place, Direction::Request);
            }
            (None, None) => {}
        }
    }

    pub(super) fn content(&mut self, place: &Place, way: Direction) {
        let place = place.child("content");
        let rust = |effect| if way == Direction::Error { Documentation } else { effect };
        for name in self.names(&place) {
            let place = place.child(&name);
            match (self.before(&place.old), self.after(&place.new)) {
                (Some(_), Some(_)) => {
                    let schema = place.child("schema");
                    self.renamed(&schema, way);
                    self.schema(&schema, way);
                }
                (None, Some(media)) if way == Direction::Request => {
                    self.report(
                        &place.new,
                        None,
                        Some(media),
                        Additive,
                        rust(Breaking),
                        "a content type was added",
                    );
                }
                (None, media) => self.report(
                    &place.new,
                    None,
                    media,
                    Documentation,
                    Documentation,
                    "a content type was added",
                ),
                (media, None) => self.report(
                    &place.old,
                    media,
                    None,
                    Breaking,
                    rust(Breaking),
                    "a content type was removed",
                ),
            }
        }
    }

    pub(super) fn responses(&mut self, place: &Place) {
        let place = place.child("responses");
        for status in self.names(&place) {
            let here = place.child(&status);
            let success = status.starts_with('2');
            // Rust accepts any 2xx and handles every error; only 304 has its own method.
            let (added, removed) = match (success, status.as_str()) {
                (true, _) => ((Additive, Documentation), (Breaking, Documentation)),
                (_, "304") => ((Additive, Additive), (Documentation, Breaking)),
                _ => ((Documentation, Documentation), (Documentation, Documentation)),
            };
            match (self.before(&here.old), self.after(&here.new)) {
                (Some(_), Some(_)) => {
                    let here = self.resolved(&here);
                    self.headers(&here);
                    self.keyword(&here, "links", Documentation, Documentation, "a link changed");
                    self.content(&here, if success { Direction::Response } else { Direction::Error });
                }
                (old, None) if self.after(&place.child(&range(&status)).new).is_some() => {
                    let what = "a status is now covered by its range";
                    self.report(&here.old, old, None, Documentation, Documentation, what);
                }
                (None, new) => self.report(&here.new, None, new, added.0, added.1, "a status was added"),
                (old, None) => self.report(&here.old, old, None, removed.0, removed.1, "a status was removed"),
            }
        }
    }

    pub(super) fn headers(&mut self, place: &Place) {
        let place = place.child("headers");
        for name in self.names(&place) {
            let here = place.child(&name);
            match (self.before(&here.old), self.after(&here.new)) {
                (Some(_), Some(_)) => {}
                (None, new) => self.report(&here.new, None, new, Additive, Documentation, "a header was added"),
                (old, None) => self.report(&here.old, old, None, Breaking, Documentation, "a header was removed"),
            }
        }
    }

    pub(super) fn deprecated(&mut self, place: &Place) {
        let what = "it was deprecated, or no longer is";
        self.keyword(place, "deprecated", Additive, Documentation, what);
    }

    /// A renamed component is the same on the wire, but another type in Rust.
    pub(super) fn renamed(&mut self, place: &Place, way: Direction) {
        let there = self.resolved(place);
        let place = Place {
            old: reference_at(self.old, &place.old),
            new: reference_at(self.new, &place.new),
        };
        if let (Some(old), Some(new)) = (self.before(&place.old), self.after(&place.new))
            && old != new
        {
            let values = is_value(self.before(&there.old)) && is_value(self.after(&there.new));
            let rust = if way == Direction::Error || values {
                Documentation
            } else {
                Breaking
            };
            self.report(
                &place.new,
                Some(old),
                Some(new),
                Documentation,
                rust,
                "another component is used here",
            );
        }
    }
}
