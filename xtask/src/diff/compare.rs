//! What each change means.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::normal::{object as object_members, without_words};
use super::{
    Change,
    Effect::{self, Additive, Breaking, Documentation},
};
use crate::{
    document::pointer::{child, last},
    names,
};

/// Everything that changed between two documents, as far as its meaning is known; and the pointers of what changed without
/// a meaning of its own.
pub(super) fn compare(old: &Value, new: &Value) -> (Vec<Change>, BTreeSet<String>) {
    let mut comparison = Compare {
        old,
        new,
        changes: Vec::new(),
        places: BTreeMap::new(),
        seen: BTreeSet::new(),
        told: BTreeSet::new(),
    };
    comparison.document();
    (comparison.changes, comparison.told)
}

/// Which way a value travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Direction {
    Request,
    Answer,
    /// An answer that is an error: Rust reads it without its schema.
    Error,
}

/// Whether a value is one of more or of fewer than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SetChange {
    Wider,
    Narrower,
    /// Neither contains the other, or it can't be told.
    Other,
}

struct Compare<'a> {
    old: &'a Value,
    new: &'a Value,
    changes: Vec<Change>,
    /// Which of the changes are at a pointer.
    places: BTreeMap<String, Vec<usize>>,
    seen: BTreeSet<(Direction, String, String)>,
    told: BTreeSet<String>,
}

/// A place in both documents.
#[derive(Debug, Clone)]
struct Place {
    old: String,
    new: String,
}

impl Place {
    fn same(pointer: &str) -> Self {
        Self {
            old: pointer.to_owned(),
            new: pointer.to_owned(),
        }
    }

    fn child(&self, name: &str) -> Self {
        Self {
            old: child(&self.old, name),
            new: child(&self.new, name),
        }
    }
}

impl<'a> Compare<'a> {
    fn document(&mut self) {
        let place = Place::same("");
        self.servers();
        self.security(&place);
        self.security_schemes();
        let (old, new) = (operations(self.old), operations(self.new));
        let has_id = |all: &BTreeMap<_, (String, &Value)>, operation: &Value| {
            let id = operation.get("operationId");
            id.is_some() && all.values().any(|(_, other)| other.get("operationId") == id)
        };
        for (key, (pointer, operation)) in &old {
            match new.get(key) {
                Some((there, _)) => self.operation(&Place {
                    old: pointer.clone(),
                    new: there.clone(),
                }),
                // The method has the name of the operation, wherever that is.
                None if has_id(&new, operation) => {
                    let what = "the operation is no longer at this path";
                    self.say(pointer, Some(operation), None, Breaking, Documentation, what);
                }
                None => self.gone(pointer, operation, "the operation was removed"),
            }
        }
        for (key, (pointer, operation)) in &new {
            if !old.contains_key(key) {
                let rust = if has_id(&old, operation) {
                    Documentation
                } else {
                    Additive
                };
                self.say(pointer, None, Some(operation), Additive, rust, "an operation was added");
            }
        }
    }

    /// The first server is production; others are an offer. Words are told by the net.
    fn servers(&mut self) {
        let urls = |root: &Value| -> Vec<Value> {
            let servers = members(root.get("servers"));
            servers.iter().filter_map(|server| server.get("url").cloned()).collect()
        };
        let (old, new) = (urls(self.old), urls(self.new));
        let place = Place::same("/servers");
        if old.first() != new.first() {
            self.change(&place, Breaking, Additive, "the server changed");
        } else if old.iter().any(|url| !new.contains(url)) {
            self.change(&place, Breaking, Documentation, "a server was removed");
        } else if old != new {
            self.change(&place, Additive, Documentation, "a server was added");
        }
    }

    /// A list of ways to sign in, of which a caller takes one.
    fn security(&mut self, place: &Place) {
        let place = place.child("security");
        let (from, to) = (self.before(&place.old), self.after(&place.new));
        if from == to {
            return;
        }
        let (old, new) = (members(from), members(to));
        let kept = from.is_some() && old.iter().all(|way| new.contains(way)) && !old.is_empty();
        let http = if kept { Additive } else { Breaking };
        self.change(&place, http, Documentation, "the authentication changed");
    }

    fn security_schemes(&mut self) {
        let place = Place::same("/components/securitySchemes");
        for name in self.names(&place) {
            let here = place.child(&name);
            match (self.before(&here.old), self.after(&here.new)) {
                (Some(old), Some(new)) if without_words(old) == without_words(new) => {}
                (None, new) => self.say(
                    &here.new,
                    None,
                    new,
                    Additive,
                    Documentation,
                    "an authentication was added",
                ),
                _ => self.change(&here, Breaking, Documentation, "the authentication changed"),
            }
        }
    }

    fn operation(&mut self, place: &Place) {
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
            "whether repeating the request is harmless changed",
        );
        self.keyword(
            place,
            "x-destructive",
            Documentation,
            Additive,
            "whether something is removed for good changed",
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

    fn required_type(&mut self, place: &Place) {
        self.keyword(
            place,
            "x-required-type",
            Documentation,
            Breaking,
            "the struct of what is required was renamed, came or went",
        );
    }

    /// A name that the document may give; `default` is what it is otherwise.
    fn given_name(&mut self, place: &Place, keyword: &str, what: &str, default: fn(&Map<String, Value>) -> String) {
        let name = |root: &Value, pointer: &str| {
            let owner = object(root, pointer)?;
            Some(text(owner, keyword).map_or_else(|| default(owner), str::to_owned))
        };
        let same = name(self.old, &place.old) == name(self.new, &place.new);
        let rust = if same { Documentation } else { Breaking };
        let what = format!("{what} has another name in Rust, or the same is written out");
        self.keyword(place, keyword, Documentation, rust, &what);
    }

    /// Groups of which exactly one is given: an order among them says nothing.
    fn one_of(&mut self, place: &Place) {
        let place = place.child("x-one-of");
        let groups = |value: Option<&Value>| -> BTreeSet<BTreeSet<String>> {
            let names = |group: &Value| members(Some(group)).iter().map(ToString::to_string).collect();
            members(value).iter().map(names).collect()
        };
        let (old, new) = (self.before(&place.old), self.after(&place.new));
        if old == new {
            return;
        }
        let (from, to) = (groups(old), groups(new));
        let (effect, what) = if from == to {
            (Documentation, "groups were reordered")
        } else if to.is_empty() {
            (Additive, "any of these may be given together")
        } else if !from.is_empty() && from.is_subset(&to) {
            (Additive, "another group may be given instead")
        } else {
            (Breaking, "what must be given, or not together, changed")
        };
        self.change(&place, effect, effect, what);
    }

    fn parameters(&mut self, place: &Place) {
        let (old, new) = (parameters(self.old, &place.old), parameters(self.new, &place.new));
        let has_query = |all: &BTreeMap<(String, String), String>| all.keys().any(|(place, _)| place == "query");
        for (key, pointer) in &old {
            let Some(there) = new.get(key) else {
                let value = self.before(pointer);
                self.say(pointer, value, None, Breaking, Breaking, "a parameter was removed");
                continue;
            };
            let place = Place {
                old: pointer.clone(),
                new: there.clone(),
            };
            let what = "a path parameter was renamed; the path on the wire is the same";
            self.keyword(&place, "name", Documentation, Documentation, what);
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
                self.say(pointer, None, value, http, rust, what);
            }
        }
    }

    fn body(&mut self, place: &Place) {
        let place = place.child("requestBody");
        match (self.before(&place.old), self.after(&place.new)) {
            (None, Some(body)) => {
                let needed = required(self.new, &self.resolved(&place).new);
                let http = if needed { Breaking } else { Additive };
                self.say(&place.new, None, Some(body), http, Breaking, "the request got a body");
            }
            (Some(body), None) => self.gone(&place.old, body, "the request lost its body"),
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

    fn content(&mut self, place: &Place, way: Direction) {
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
                    self.say(
                        &place.new,
                        None,
                        Some(media),
                        Additive,
                        rust(Breaking),
                        "a content type was added",
                    );
                }
                (None, media) => self.say(
                    &place.new,
                    None,
                    media,
                    Documentation,
                    Documentation,
                    "a content type was added",
                ),
                (media, None) => self.say(
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

    fn responses(&mut self, place: &Place) {
        let place = place.child("responses");
        for status in self.names(&place) {
            let here = place.child(&status);
            let success = status.starts_with('2');
            // Rust takes any 2xx and every error; only 304 has a method of its own.
            let (added, removed) = match (success, status.as_str()) {
                (true, _) => ((Additive, Documentation), (Breaking, Documentation)),
                (_, "304") => ((Additive, Additive), (Documentation, Breaking)),
                _ => ((Documentation, Documentation), (Documentation, Documentation)),
            };
            match (self.before(&here.old), self.after(&here.new)) {
                (Some(_), Some(_)) => {
                    let here = self.resolved(&here);
                    self.headers(&here);
                    self.keyword(&here, "links", Documentation, Documentation, "what leads on changed");
                    self.content(&here, if success { Direction::Answer } else { Direction::Error });
                }
                (old, None) if self.after(&place.child(&range(&status)).new).is_some() => {
                    let what = "a status is now one of its range";
                    self.say(&here.old, old, None, Documentation, Documentation, what);
                }
                (None, new) => self.say(&here.new, None, new, added.0, added.1, "a status was added"),
                (old, None) => self.say(&here.old, old, None, removed.0, removed.1, "a status was removed"),
            }
        }
    }

    fn headers(&mut self, place: &Place) {
        let place = place.child("headers");
        for name in self.names(&place) {
            let here = place.child(&name);
            match (self.before(&here.old), self.after(&here.new)) {
                (Some(_), Some(_)) => {}
                (None, new) => self.say(&here.new, None, new, Additive, Documentation, "a header was added"),
                (old, None) => self.say(&here.old, old, None, Breaking, Documentation, "a header was removed"),
            }
        }
    }

    fn deprecated(&mut self, place: &Place) {
        let what = "it was deprecated, or no longer is";
        self.keyword(place, "deprecated", Additive, Documentation, what);
    }

    /// A component with another name is the same on the wire, and another type in Rust.
    fn renamed(&mut self, place: &Place, way: Direction) {
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
            self.say(
                &place.new,
                Some(old),
                Some(new),
                Documentation,
                rust,
                "another component is used here",
            );
        }
    }

    fn schema(&mut self, place: &Place, way: Direction) {
        self.wrapped(place, way);
        let place = self.resolved(place);
        if !self.seen.insert((way, place.old.clone(), place.new.clone())) {
            return;
        }
        let (Some(old), Some(new)) = (object(self.old, &place.old), object(self.new, &place.new)) else {
            return;
        };
        if old == new {
            return self.below(&place, way);
        }
        if is_another_type(old, new) {
            // What else differs belongs to the type.
            for pointer in [&place.old, &place.new] {
                if place.old == place.new || !pointer.starts_with("/components/") {
                    self.told.insert(pointer.clone());
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
            "the method has other fields: those inside of the envelope, or the envelope",
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
            "the setter has another name: sending the list replaces the old one, or no longer does",
        );
        self.keyword(
            &place,
            "x-entries",
            Documentation,
            Breaking,
            "the list has another type: an answer without it became an error, or no longer is one",
        );
        self.keyword(
            &place,
            "x-no-result",
            Documentation,
            Breaking,
            "whether the operation answers with something changed",
        );
        self.required_type(&place);
        self.keyword(
            &place,
            "default",
            Breaking,
            Documentation,
            "what happens when it is left out changed",
        );
        self.deprecated(&place);
        self.properties(&place, way);
        self.below(&place, way);
    }

    /// A reference may stand in `allOf`, so that something can stand beside it. That is the same reference.
    fn wrapped(&mut self, place: &Place, way: Direction) {
        let (old, new) = (object(self.old, &place.old), object(self.new, &place.new));
        let (Some(old), Some(new)) = (old, new) else { return };
        let is_wrapper = |schema: &Map<String, Value>| schema.contains_key("allOf");
        if !is_wrapper(old) && !is_wrapper(new) || wrapped(old).or(wrapped(new)).is_none() {
            return;
        }
        for name in ["$ref", "allOf"] {
            self.told.extend([child(&place.old, name), child(&place.new, name)]);
        }
        self.nullable(place, way, old, new);
        self.deprecated(place);
    }

    /// Variants of values that were there before.
    fn names_of_values(&mut self, place: &Place, way: Direction) {
        let variants = |root: &Value, pointer: &str| -> BTreeMap<String, String> {
            let values = members(root.pointer(&child(pointer, "x-extensible-enum")));
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
        let what = "values have other names in Rust, or the same are written out";
        self.keyword(place, "x-rust-names", Documentation, rust, what);
    }

    fn kind(&mut self, place: &Place, way: Direction, old: &Map<String, Value>, new: &Map<String, Value>) {
        let same = in_rust_kind(old).is_some_and(|kind| in_rust_kind(new) == Some(kind));
        let rust = if same { Documentation } else { in_rust(way, Breaking) };
        let (from, to) = (text(old, "type"), text(new, "type"));
        if from.is_none() && to.is_none() && old.get("x-any") != new.get("x-any") {
            let set = if old.contains_key("x-any") {
                SetChange::Narrower
            } else {
                SetChange::Wider
            };
            let what = "values of any shape are allowed, or no longer";
            self.change(&place.child("x-any"), on_the_wire(way, set), rust, what);
            self.told
                .extend([child(&place.old, "anyOf"), child(&place.new, "anyOf")]);
            return;
        }
        if from != to {
            let set = match (from, to) {
                (Some("integer"), Some("number")) | (Some(_), None) => SetChange::Wider,
                _ => SetChange::Narrower,
            };
            self.change(&place.child("type"), on_the_wire(way, set), rust, "the type changed");
            // The format belongs to the type.
            for name in ["format", "anyOf", "x-any"] {
                self.told.extend([child(&place.old, name), child(&place.new, name)]);
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
            // Formats that make another Rust type; `uuid` is checked, the others of a string are words.
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

    fn nullable(&mut self, place: &Place, way: Direction, old: &Map<String, Value>, new: &Map<String, Value>) {
        let flag = |schema: &Map<String, Value>| schema.get("nullable").and_then(Value::as_bool).unwrap_or(false);
        let (set, what) = match (flag(old), flag(new)) {
            (false, true) => (SetChange::Wider, "it may be `null`"),
            (true, false) => (SetChange::Narrower, "it may no longer be `null`"),
            _ => return,
        };
        // In an answer `Field` holds `null` anyway; in a request the type changes.
        let rust = if way == Direction::Request {
            Breaking
        } else {
            Documentation
        };
        self.change(&place.child("nullable"), on_the_wire(way, set), rust, what);
    }

    fn limits(&mut self, place: &Place, way: Direction, old: &Map<String, Value>, new: &Map<String, Value>) {
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
            (Some(_), None) => (SetChange::Wider, "the pattern was dropped"),
            (None, Some(_)) => (SetChange::Narrower, "a pattern was added"),
            _ => (
                SetChange::Other,
                "the pattern changed; whether it allows less can't be told",
            ),
        };
        self.change(
            &place.child("pattern"),
            on_the_wire(way, set),
            in_rust_limit(way, set),
            what,
        );
    }

    fn values(&mut self, place: &Place, name: &str, way: Direction) {
        let place = place.child(name);
        let (old, new) = (self.before(&place.old), self.after(&place.new));
        let (from, to) = (members(old), members(new));
        let open = name == "x-extensible-enum";
        if from.is_empty() != to.is_empty() {
            let set = if to.is_empty() {
                SetChange::Wider
            } else {
                SetChange::Narrower
            };
            let http = if open { Documentation } else { on_the_wire(way, set) };
            return self.change(&place, http, in_rust(way, Breaking), "values are listed, or no longer");
        }
        for value in to.iter().filter(|value| !from.contains(value)) {
            // The set was open: whoever read it was told to expect more.
            let http = if open {
                Additive
            } else {
                on_the_wire(way, SetChange::Wider)
            };
            self.say(
                &place.new,
                None,
                Some(value),
                http,
                in_rust(way, Additive),
                "a value was added",
            );
        }
        for value in from.iter().filter(|value| !to.contains(value)) {
            self.say(
                &place.old,
                Some(value),
                None,
                on_the_wire(way, SetChange::Narrower),
                in_rust(way, Breaking),
                "a value was removed",
            );
        }
    }

    fn required(&mut self, place: &Place, way: Direction) {
        let place = place.child("required");
        let (from, to) = (members(self.before(&place.old)), members(self.after(&place.new)));
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
        // One that came or went with its property is told there.
        self.told.extend([place.old.clone(), place.new.clone()]);
        for name in to.iter().filter(|name| !from.contains(name) && known(name)) {
            let rust = if way == Direction::Request {
                Breaking
            } else {
                Documentation
            };
            self.say(
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
            self.say(
                &place.old,
                Some(name),
                None,
                on_the_wire(way, SetChange::Wider),
                rust,
                "the property became optional",
            );
        }
    }

    fn properties(&mut self, place: &Place, way: Direction) {
        let list = place.child("properties");
        let needed = members(self.after(&child(&place.new, "required")));
        let fields = |value: Option<&Value>| -> BTreeSet<String> {
            object_members(value)
                .map(|(name, schema)| field(name, schema))
                .collect()
        };
        let (before, after) = (fields(self.before(&list.old)), fields(self.after(&list.new)));
        for name in self.names(&list) {
            let here = list.child(&name);
            // In Rust, another spelling on the wire may be the same field.
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
                        Direction::Answer | Direction::Error => (Additive, "a property was added"),
                    };
                    self.say(&here.new, None, new, effect, rust(effect), what);
                }
                (old, None) => self.say(
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
                    let what = "the field has another name in Rust, or the same is written out";
                    self.keyword(&here, "x-rust-name", Documentation, effect, what);
                }
            }
        }
    }

    /// Branches of a union are told apart without their words.
    fn branches(&mut self, place: &Place, way: Direction) {
        for union in ["anyOf", "oneOf"] {
            let place = place.child(union);
            // What was a simple type before, or is one now, has been told as such.
            if self.told.contains(&place.new) {
                continue;
            }
            let branches = |value: Option<&Value>| -> Vec<Value> { members(value).iter().map(without_words).collect() };
            let (mut from, to) = (branches(self.before(&place.old)), branches(self.after(&place.new)));
            // An alternative of the same type is the same one, with other limits.
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
                    "the words of an alternative changed",
                );
            }
            for branch in to.iter().filter(|branch| !from.contains(branch)) {
                self.say(
                    &place.new,
                    None,
                    Some(branch),
                    on_the_wire(way, SetChange::Wider),
                    in_rust(way, Additive),
                    "an alternative was added",
                );
            }
            for branch in from.iter().filter(|branch| !to.contains(branch)) {
                self.say(
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

    /// What else may be in an object.
    fn others(&mut self, place: &Place, way: Direction) {
        let here = place.child("additionalProperties");
        let others = |value: Option<&Value>| match value {
            Some(Value::Bool(false)) => 0,
            Some(Value::Object(_)) => 1,
            _ => 2, // all, which is the default
        };
        let (from, to) = (others(self.before(&here.old)), others(self.after(&here.new)));
        if from != to {
            let set = if from < to {
                SetChange::Wider
            } else {
                SetChange::Narrower
            };
            // Without properties, it is a map.
            let properties = place.child("properties");
            let is_map = self.before(&properties.old).is_none() || self.after(&properties.new).is_none();
            let is_ours = crate::lint::is_handwritten(&last(&place.new));
            let rust = if is_map && !is_ours { Breaking } else { Documentation };
            let what = "what other fields may be changed";
            self.change(&here, on_the_wire(way, set), in_rust(way, rust), what);
        }
    }

    /// What the schema is made of.
    fn below(&mut self, place: &Place, way: Direction) {
        let properties = place.child("properties");
        let mut places: Vec<_> = self
            .names(&properties)
            .iter()
            .map(|name| properties.child(name))
            .collect();
        places.extend([place.child("items"), place.child("additionalProperties")]);
        for union in ["anyOf", "oneOf"] {
            // Only branches that are components can be followed: they have names.
            for branch in members(self.after(&child(&place.new, union))) {
                if let Some(target) = branch
                    .get("$ref")
                    .and_then(Value::as_str)
                    .and_then(|target| target.strip_prefix('#'))
                {
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

    fn keyword(&mut self, place: &Place, name: &str, http: Effect, rust: Effect, what: &str) {
        let place = place.child(name);
        if self.before(&place.old) != self.after(&place.new) {
            self.change(&place, http, rust, what);
        }
    }

    fn change(&mut self, place: &Place, http: Effect, rust: Effect, what: &str) {
        let (old, new) = (self.before(&place.old), self.after(&place.new));
        let pointer = if new.is_some() { &place.new } else { &place.old };
        self.say(&pointer.clone(), old, new, http, rust, what);
    }

    fn gone(&mut self, pointer: &str, old: &Value, what: &str) {
        self.say(pointer, Some(old), None, Breaking, Breaking, what);
    }

    fn say(&mut self, pointer: &str, old: Option<&Value>, new: Option<&Value>, http: Effect, rust: Effect, what: &str) {
        let change = Change {
            pointer: pointer.to_owned(),
            what: what.to_owned(),
            old: old.cloned(),
            new: new.cloned(),
            http,
            rust,
        };
        // A component that is used in several places is told once, with its worst effect.
        let here = self.places.entry(change.pointer.clone()).or_default();
        for index in here.iter() {
            let known = &mut self.changes[*index];
            if (&known.old, &known.new) == (&change.old, &change.new) {
                known.http = known.http.max(http);
                known.rust = known.rust.max(rust);
                return;
            }
        }
        here.push(self.changes.len());
        self.changes.push(change);
    }

    fn before(&self, pointer: &str) -> Option<&'a Value> {
        self.old.pointer(pointer)
    }

    fn after(&self, pointer: &str) -> Option<&'a Value> {
        self.new.pointer(pointer)
    }

    /// The members on either side.
    fn names(&self, place: &Place) -> BTreeSet<String> {
        let names = |value: Option<&Value>| {
            value
                .and_then(Value::as_object)
                .into_iter()
                .flat_map(|o| o.keys().cloned().collect::<Vec<_>>())
                .collect::<Vec<_>>()
        };
        names(self.before(&place.old))
            .into_iter()
            .chain(names(self.after(&place.new)))
            .collect()
    }

    fn resolved(&self, place: &Place) -> Place {
        Place {
            old: resolved(self.old, &place.old),
            new: resolved(self.new, &place.new),
        }
    }
}

/// Whether a schema is a text, a number or a truth value: its name is no type in Rust.
fn is_value(schema: Option<&Value>) -> bool {
    let schema = schema.and_then(Value::as_object);
    schema.is_some_and(|schema| {
        matches!(text(schema, "type"), Some("string" | "integer" | "number" | "boolean"))
            && !schema.contains_key("x-extensible-enum")
    })
}

/// What a property is called in Rust.
fn field(name: &str, schema: &Value) -> String {
    let given = schema.get("x-rust-name").and_then(Value::as_str);
    given.map_or_else(|| names::field(name), str::to_owned)
}

/// The only reference in an `allOf`.
fn wrapped(schema: &Map<String, Value>) -> Option<&str> {
    match members(schema.get("allOf")).len() {
        1 => schema.get("allOf")?.get(0)?.get("$ref")?.as_str(),
        _ => None,
    }
}

/// Whether both have a type, and no value of one is of the other.
fn is_another_type(old: &Map<String, Value>, new: &Map<String, Value>) -> bool {
    let is_number = |ty| matches!(ty, "integer" | "number");
    match (text(old, "type"), text(new, "type")) {
        (Some(from), Some(to)) => from != to && !(is_number(from) && is_number(to)),
        _ => false,
    }
}

/// The Rust type of a single value that can be written in several ways.
fn in_rust_kind(schema: &Map<String, Value>) -> Option<&'static str> {
    if schema.get("x-any") == Some(&Value::Bool(true)) {
        return Some("any");
    }
    let formats = |branch: &Value| branch.get("format").and_then(Value::as_str).map(str::to_owned);
    match (text(schema, "format"), schema.get("anyOf")) {
        (Some("date-time"), None) => Some("timestamp"),
        (_, Some(branches)) => {
            let formats: BTreeSet<_> = members(Some(branches)).iter().map(formats).collect();
            let times = ["date", "date-time"].map(|format| Some(format.to_owned()));
            let is_time = formats == BTreeSet::from(times);
            Some(if is_time { "timestamp" } else { "any" })
        }
        _ => None,
    }
}

/// Callers send less freely when a set gets narrower, and read more when it gets wider.
fn on_the_wire(way: Direction, set: SetChange) -> Effect {
    match (way, set) {
        (Direction::Request, SetChange::Wider) | (Direction::Answer | Direction::Error, SetChange::Narrower) => {
            Additive
        }
        _ => Breaking,
    }
}

/// No Rust type is generated from an error.
fn in_rust(way: Direction, effect: Effect) -> Effect {
    if way == Direction::Error { Documentation } else { effect }
}

/// Limits are checked in requests only.
fn in_rust_limit(way: Direction, set: SetChange) -> Effect {
    match (way, set) {
        (Direction::Request, SetChange::Wider) => Additive,
        (Direction::Request, _) => Breaking,
        _ => Documentation,
    }
}

/// Pointer and content of every operation, by method and path; names of path parameters make no difference.
fn operations(root: &Value) -> BTreeMap<(String, String), (String, &Value)> {
    let mut found = BTreeMap::new();
    for (path, item) in object(root, "/paths").into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            if matches!(
                method.as_str(),
                "get" | "put" | "post" | "delete" | "patch" | "head" | "options"
            ) {
                let pointer = child(&child("/paths", path), method);
                found.insert((method.clone(), anonymous(path)), (pointer, operation));
            }
        }
    }
    found
}

pub(super) fn anonymous(path: &str) -> String {
    path.split('/')
        .map(|part| if part.starts_with('{') { "{}" } else { part })
        .collect::<Vec<_>>()
        .join("/")
}

/// Pointers of the parameters of an operation and its path: by place and name; those in the path by their position.
fn parameters(root: &Value, operation: &str) -> BTreeMap<(String, String), String> {
    let (item, _) = operation.rsplit_once('/').unwrap_or_default();
    let template = last(item);
    let mut found = BTreeMap::new();
    for list in [child(item, "parameters"), child(operation, "parameters")] {
        for index in 0..root.pointer(&list).and_then(Value::as_array).map_or(0, Vec::len) {
            let pointer = resolved(root, &format!("{list}/{index}"));
            let part = |name: &str| {
                root.pointer(&child(&pointer, name))
                    .and_then(Value::as_str)
                    .unwrap_or_default()
            };
            let (place, name) = (part("in"), part("name"));
            let key = match template.find(&format!("{{{name}}}")) {
                Some(at) if place == "path" => template[..at].matches('{').count().to_string(),
                _ => name.to_owned(),
            };
            found.insert((place.to_owned(), key), pointer);
        }
    }
    found
}

/// The range that a status is in.
fn range(status: &str) -> String {
    format!("{}XX", status.get(..1).unwrap_or_default())
}

/// Positions of alternatives that differ and are the only ones of their type on both sides.
fn pairs(from: &[Value], to: &[Value]) -> Vec<(usize, usize)> {
    let only = |list: &[Value], ty: &Value| {
        let mut found = list
            .iter()
            .enumerate()
            .filter(|(_, branch)| branch.get("type") == Some(ty));
        found.next().filter(|_| found.next().is_none()).map(|(index, _)| index)
    };
    let types = from.iter().filter_map(|branch| branch.get("type"));
    let found = types.filter_map(|ty| Some((only(from, ty)?, only(to, ty)?)));
    found.filter(|(old, new)| from[*old] != to[*new]).collect()
}

fn required(root: &Value, pointer: &str) -> bool {
    root.pointer(&child(pointer, "required"))
        .and_then(Value::as_bool)
        .unwrap_or(false)
}

/// Where the reference of a schema is: its own, or the only one in its `allOf`.
fn reference_at(root: &Value, pointer: &str) -> String {
    match object(root, pointer).and_then(wrapped) {
        Some(_) => format!("{pointer}/allOf/0/$ref"),
        None => child(pointer, "$ref"),
    }
}

fn resolved(root: &Value, pointer: &str) -> String {
    let target = root.pointer(&reference_at(root, pointer)).and_then(Value::as_str);
    target
        .and_then(|target| target.strip_prefix('#'))
        .map_or_else(|| pointer.to_owned(), str::to_owned)
}

fn object<'a>(root: &'a Value, pointer: &str) -> Option<&'a Map<String, Value>> {
    root.pointer(pointer).and_then(Value::as_object)
}

fn text<'a>(schema: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    schema.get(name).and_then(Value::as_str)
}

fn members(list: Option<&Value>) -> Vec<Value> {
    list.and_then(Value::as_array).cloned().unwrap_or_default()
}
