//! Safety nets for changes that the comparison missed.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use drift::ChangeClass;
use serde_json::Value;

use super::{
    Change,
    Effect::{self, Breaking, Documentation},
    keywords::{is_set, is_word},
    lookup::anonymous,
};
use crate::{
    document::pointer::{self, child, component, local},
    panics::quietly,
};

/// Adds differences that are not reported yet: texts are documentation, everything else is assumed to be breaking.
pub(super) fn unmentioned(old: &Value, new: &Value, mut reported: BTreeSet<String>, changes: &mut Vec<Change>) {
    let mut walk = Walk {
        roots: (old, new),
        followed: BTreeSet::new(),
        found: Vec::new(),
    };
    walk.walk(Some(old), Some(new), &Position::root());
    let found = walk.found;
    let used: BTreeSet<_> = used(old).union(&used(new)).cloned().collect();
    reported.extend(changes.iter().map(|change| change.pointer.clone()));
    for Found {
        pointer,
        word,
        old,
        new,
    } in found
    {
        if mentions(&reported, &pointer) {
            continue;
        }
        let component = component(&pointer);
        let (effect, what) = if word {
            (Documentation, "the documentation text changed")
        } else if component.as_deref() == Some(&pointer) || is_section(&pointer) {
            (
                Documentation,
                "a component was added or removed; the effect is reported where it is used",
            )
        } else if component.is_some_and(|component| !used.contains(&component)) {
            (Documentation, "an unused component changed")
        } else {
            (Breaking, "the effect of this change is unknown: review it")
        };
        push(changes, pointer, old, new, effect, what);
    }
}

/// The components that operations use, directly or not.
fn used(root: &Value) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    let mut open: Vec<&Value> = root.get("paths").into_iter().collect();
    while let Some(value) = open.pop() {
        match value {
            Value::Object(fields) => {
                if let Some(target) = pointer::target(value)
                    && used.insert(target.to_owned())
                {
                    open.extend(root.pointer(target));
                }
                open.extend(fields.values());
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    used
}

/// Whether a pointer is that of all components of one kind.
fn is_section(pointer: &str) -> bool {
    let name = pointer.strip_prefix("/components/");
    name.is_some_and(|name| !name.contains('/') && name != "securitySchemes")
}

fn push(
    changes: &mut Vec<Change>,
    pointer: String,
    old: Option<&Value>,
    new: Option<&Value>,
    effect: Effect,
    what: &str,
) {
    let what = what.to_owned();
    changes.push(Change {
        pointer,
        what,
        old: old.cloned(),
        new: new.cloned(),
        http: effect,
        rust: effect,
    });
}

/// Whether a pointer, or one above or below it, is reported. Looked up and not searched: a document has many thousands of
/// pointers, and a change of style affects them all.
fn mentions(reported: &BTreeSet<String>, pointer: &str) -> bool {
    let mut above = Some(pointer);
    while let Some(place) = above {
        if reported.contains(place) {
            return true;
        }
        above = place.rsplit_once('/').map(|(parent, _)| parent);
    }
    let below = format!("{pointer}/");
    reported
        .range(below.clone()..)
        .next()
        .is_some_and(|first| first.starts_with(&below))
}

/// A difference.
struct Found<'a> {
    pointer: String,
    word: bool,
    old: Option<&'a Value>,
    new: Option<&'a Value>,
}

/// The current position of the walk.
#[derive(Clone)]
struct Position {
    pointer: String,
    name: String,
    /// Whether the name is a keyword of OpenAPI: a property may be named `description` too.
    keyword: bool,
}

impl Position {
    fn root() -> Self {
        Self {
            pointer: String::new(),
            name: String::new(),
            keyword: true,
        }
    }

    /// The target of a reference.
    fn component(pointer: &str) -> Self {
        Self {
            pointer: pointer.to_owned(),
            name: pointer.rsplit('/').next().unwrap_or_default().to_owned(),
            keyword: false,
        }
    }

    fn child(&self, name: &str) -> Self {
        let free = [
            "paths",
            "properties",
            "schemas",
            "parameters",
            "responses",
            "content",
            "securitySchemes",
            "headers",
            "x-rust-names",
        ];
        let keyword = !(self.keyword && free.contains(&self.name.as_str()));
        Self {
            pointer: child(&self.pointer, name),
            name: name.to_owned(),
            keyword,
        }
    }

    fn is_word(&self) -> bool {
        // An extension at the root is for other tools; the effect of ours is reported where they apply.
        self.keyword && is_word(&self.name) || self.pointer.starts_with("/x-")
    }

    fn is_set(&self) -> bool {
        self.keyword && is_set(&self.name)
    }
}

struct Walk<'a> {
    roots: (&'a Value, &'a Value),
    /// References that were followed, to end at cycles.
    followed: BTreeSet<(String, String)>,
    found: Vec<Found<'a>>,
}

impl<'a> Walk<'a> {
    fn walk(&mut self, old: Option<&'a Value>, new: Option<&'a Value>, at: &Position) {
        match (old, new) {
            (old, new) if old == new => {}
            // An inline schema may have become a component, or a reference may have another target; renamed types are
            // reported elsewhere.
            (Some(Value::Object(a)), Some(Value::Object(b))) if !at.is_word() && target(a) != target(b) => {
                let (from, to) = (target(a), target(b));
                let there = to.map_or_else(|| at.clone(), Position::component);
                if self
                    .followed
                    .insert((from.unwrap_or(&at.pointer).to_owned(), there.pointer.clone()))
                {
                    let old = from.map_or(old, |from| self.roots.0.pointer(from));
                    let new = to.map_or(new, |to| self.roots.1.pointer(to));
                    self.walk(old, new, &there);
                }
            }
            (Some(Value::Array(a)), Some(Value::Array(b))) if at.is_set() && same_set(a, b) => {}
            (Some(Value::Object(a)), Some(Value::Object(b))) if !at.is_word() => {
                // The names of path parameters are ignored.
                let same = |name: &String| {
                    if at.name == "paths" {
                        anonymous(name)
                    } else {
                        name.clone()
                    }
                };
                let mut names: BTreeMap<String, (Option<&String>, Option<&String>)> = BTreeMap::new();
                a.keys()
                    .for_each(|name| names.entry(same(name)).or_default().0 = Some(name));
                b.keys()
                    .for_each(|name| names.entry(same(name)).or_default().1 = Some(name));
                for (old, new) in names.into_values() {
                    let Some(name) = new.or(old) else { continue };
                    self.walk(
                        old.and_then(|old| a.get(old)),
                        new.and_then(|new| b.get(new)),
                        &at.child(name),
                    );
                }
            }
            (Some(Value::Array(a)), Some(Value::Array(b)))
                if a.len() == b.len() && !at.is_word() && (!at.is_set() || at.name == "parameters") =>
            {
                for (index, (a, b)) in a.iter().zip(b).enumerate() {
                    self.walk(Some(a), Some(b), &at.child(&index.to_string()));
                }
            }
            (old, new) => self.found.push(Found {
                pointer: at.pointer.clone(),
                word: at.is_word(),
                old,
                new,
            }),
        }
    }
}

/// The target of a reference, which may be the only one in an `allOf`.
fn target(object: &serde_json::Map<String, Value>) -> Option<&str> {
    let reference = match object.get("allOf").and_then(Value::as_array).map(Vec::as_slice) {
        Some([only]) => only.get("$ref"),
        _ => object.get("$ref"),
    };
    local(reference?.as_str()?)
}

fn same_set(a: &[Value], b: &[Value]) -> bool {
    a.len() == b.len() && a.iter().all(|value| b.contains(value))
}

/// Adds breaking changes that `drift` finds and the comparison missed.
///
/// Changes that it leaves unclassified are reported by the comparison, or by the net above.
pub(super) fn drift(old: &Value, new: &Value, changes: &mut Vec<Change>) -> anyhow::Result<()> {
    // It panics at unimplemented parts.
    let Ok(found) = quietly(|| ::drift::compare(old, new)) else {
        return Ok(());
    };
    let mut reported: BTreeSet<_> = changes.iter().map(|change| change.pointer.clone()).collect();
    for found in found.context("comparing with drift")? {
        for info in &found.changes {
            let breaks = matches!(
                info.class,
                ChangeClass::BackwardIncompatible | ChangeClass::Incompatible
            );
            let Some(path) = found.paths.first().filter(|_| breaks) else {
                continue;
            };
            let mut pointer = path.old.current_pointer().trim_start_matches('#').to_owned();
            if !info.old_subpath.is_empty() {
                pointer = format!("{pointer}/{}", info.old_subpath);
            }
            if !mentions(&reported, &pointer) {
                let (before, after) = (old.pointer(&pointer), new.pointer(&pointer));
                // A reference has another target, which is reported at the reference.
                if before == after && changes.iter().any(|change| change.http == Breaking) {
                    continue;
                }
                reported.insert(pointer.clone());
                push(
                    changes,
                    pointer,
                    before,
                    after,
                    Breaking,
                    &format!("drift: {}", info.message),
                );
            }
        }
    }
    Ok(())
}
