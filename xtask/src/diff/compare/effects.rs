//! Whom a change breaks, by whether it allows more or fewer values, and by the direction of the value.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::diff::{
    Effect::{self, Additive, Breaking, Documentation},
    lookup::{items, text},
};

/// The direction of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Direction {
    Request,
    Response,
    /// An error response: Rust reads it without its schema.
    Error,
}

/// Whether a schema allows more or fewer values than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SetChange {
    Wider,
    Narrower,
    /// Neither set contains the other, or this is unknown.
    Other,
}

/// Whether both schemas have a type, and no value fits both.
pub(super) fn is_another_type(old: &Map<String, Value>, new: &Map<String, Value>) -> bool {
    let is_number = |ty| matches!(ty, "integer" | "number");
    match (text(old, "type"), text(new, "type")) {
        (Some(from), Some(to)) => from != to && !(is_number(from) && is_number(to)),
        _ => false,
    }
}

/// The Rust type of a scalar whose schema can be written in several ways.
pub(super) fn in_rust_kind(schema: &Map<String, Value>) -> Option<&'static str> {
    if schema.get("x-any") == Some(&Value::Bool(true)) {
        return Some("any");
    }
    let formats = |branch: &Value| branch.get("format").and_then(Value::as_str).map(str::to_owned);
    match (text(schema, "format"), schema.get("anyOf")) {
        (Some("date-time"), None) => Some("timestamp"),
        (_, Some(branches)) => {
            let formats: BTreeSet<_> = items(Some(branches)).iter().map(formats).collect();
            let times = ["date", "date-time"].map(|format| Some(format.to_owned()));
            let is_time = formats == BTreeSet::from(times);
            Some(if is_time { "timestamp" } else { "any" })
        }
        _ => None,
    }
}

/// Narrower sets break callers that send, wider ones break callers that read.
pub(super) fn on_the_wire(way: Direction, set: SetChange) -> Effect {
    match (way, set) {
        (Direction::Request, SetChange::Wider) | (Direction::Response | Direction::Error, SetChange::Narrower) => {
            Additive
        }
        _ => Breaking,
    }
}

/// No Rust type is generated from an error.
pub(super) fn in_rust(way: Direction, effect: Effect) -> Effect {
    if way == Direction::Error { Documentation } else { effect }
}

/// Limits are checked in requests only.
pub(super) fn in_rust_limit(way: Direction, set: SetChange) -> Effect {
    match (way, set) {
        (Direction::Request, SetChange::Wider) => Additive,
        (Direction::Request, _) => Breaking,
        _ => Documentation,
    }
}
