//! Compares two documents keyword by keyword, and decides the effect of each change.

mod effects;
mod objects;
mod operations;
mod schemas;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use self::effects::Direction;
use super::{
    Change,
    Effect::{self, Additive, Breaking, Documentation},
    lookup::{items, operations, resolved},
    normal::without_words,
};
use crate::document::pointer::child;

/// The changes between two documents whose meaning is known; and the pointers of changes that need no report of their own.
pub(super) fn compare(old: &Value, new: &Value) -> (Vec<Change>, BTreeSet<String>) {
    let mut comparison = Compare {
        old,
        new,
        changes: Vec::new(),
        places: BTreeMap::new(),
        seen: BTreeSet::new(),
        reported: BTreeSet::new(),
    };
    comparison.document();
    (comparison.changes, comparison.reported)
}

struct Compare<'a> {
    old: &'a Value,
    new: &'a Value,
    changes: Vec<Change>,
    /// Indices into `changes`, by pointer.
    places: BTreeMap<String, Vec<usize>>,
    seen: BTreeSet<(Direction, String, String)>,
    reported: BTreeSet<String>,
}

/// A pointer into each of the documents.
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
                // The Rust method is named after the operation, whatever its path.
                None if has_id(&new, operation) => {
                    let what = "the operation is no longer at this path";
                    self.report(pointer, Some(operation), None, Breaking, Documentation, what);
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
                self.report(pointer, None, Some(operation), Additive, rust, "an operation was added");
            }
        }
    }

    /// The first server is production; others are optional. Changes of descriptions are reported by `nets`.
    fn servers(&mut self) {
        let urls = |root: &Value| -> Vec<Value> {
            let servers = items(root.get("servers"));
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

    /// A list of authentication schemes, of which a caller chooses one.
    fn security(&mut self, place: &Place) {
        let place = place.child("security");
        let (from, to) = (self.before(&place.old), self.after(&place.new));
        if from == to {
            return;
        }
        let (old, new) = (items(from), items(to));
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
                (None, new) => self.report(
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

    fn keyword(&mut self, place: &Place, name: &str, http: Effect, rust: Effect, what: &str) {
        let place = place.child(name);
        if self.before(&place.old) != self.after(&place.new) {
            self.change(&place, http, rust, what);
        }
    }

    fn change(&mut self, place: &Place, http: Effect, rust: Effect, what: &str) {
        let (old, new) = (self.before(&place.old), self.after(&place.new));
        let pointer = if new.is_some() { &place.new } else { &place.old };
        self.report(&pointer.clone(), old, new, http, rust, what);
    }

    fn gone(&mut self, pointer: &str, old: &Value, what: &str) {
        self.report(pointer, Some(old), None, Breaking, Breaking, what);
    }

    fn report(
        &mut self,
        pointer: &str,
        old: Option<&Value>,
        new: Option<&Value>,
        http: Effect,
        rust: Effect,
        what: &str,
    ) {
        let change = Change {
            pointer: pointer.to_owned(),
            what: what.to_owned(),
            old: old.cloned(),
            new: new.cloned(),
            http,
            rust,
        };
        // A component that is used several times is reported once, with its worst effect.
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

    /// The field names in either document.
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
