//! The records of a journal, as JSON.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use chartmogul_api::{Problem, StatusCode};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::frames;
use crate::bulk::{NotSent, Outcome, UpdateError};

pub(super) const VERSION: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Record<T> {
    /// The first record.
    Journal(Header),
    /// An update was taken from the input.
    Taken(Taken),
    /// It is about to be sent; again, if there is such a record already.
    Sent(u64),
    /// It was not sent after all: its last `Sent` does not count.
    NotSent(u64),
    /// It was sent, and is to be sent again. Without this record, `may_have_happened` counts as true.
    Open { index: u64, may_have_happened: bool },
    /// What runs of another input did with it: how often they sent it, and whether it may have taken effect. It is to
    /// be sent (again).
    Earlier {
        index: u64,
        sent: u32,
        may_have_happened: bool,
    },
    /// It has a final outcome.
    Done(DoneRecord<T>),
    /// The run ended in order, before the input did.
    Stopped,
    /// The input ended after this many updates. The next run sends those that are still open.
    Ended(u64),
}

/// Appends a record.
pub(super) fn append<T: Serialize>(out: &mut Vec<u8>, record: &Record<T>) -> io::Result<()> {
    frames::append(out, &serde_json::to_vec(record)?);
    Ok(())
}

/// Read like a response, because a value that is nested just within the limit there is nested deeper here.
pub(super) fn parse<T: DeserializeOwned>(record: &[u8]) -> serde_json::Result<Record<T>> {
    chartmogul_api::json_from_slice(record)
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) format: String,
    pub(super) version: u32,
    pub(super) operation: String,
}

impl Header {
    pub(super) fn new(operation: &str) -> Self {
        Self {
            format: "chartmogul bulk".to_owned(),
            version: VERSION,
            operation: operation.to_owned(),
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Taken {
    pub(crate) index: u64,
    #[serde(flatten)]
    pub(crate) request: RequestRecord,
}

/// What identifies an update: everything that is sent, and where.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct RequestRecord {
    /// The base URL.
    pub(crate) account: String,
    /// What is updated: the values in the path, and the required parameters of the query.
    pub(crate) id: String,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub(crate) query: Value,
    /// Without its envelope.
    pub(crate) body: Value,
}

impl RequestRecord {
    /// How an update differs from the one in the journal; `None` if it does not.
    pub(crate) fn difference(&self, here: &Self) -> Option<String> {
        if here.account != self.account {
            return Some(format!("is for {}, was for {}", here.account, self.account));
        }
        if here.id != self.id {
            return Some(format!("is of {}, was of {}", here.id, self.id));
        }
        // Not the values, which are customers' data: this text may be logged.
        let mut names = differences(&self.query, &here.query);
        names.extend(differences(&self.body, &here.body));
        (here != self).then(|| format!("({}) differs in {}", self.id, names.join(", ")))
    }
}

/// The names of the fields that differ; of a list of custom attributes, the keys.
fn differences(was: &Value, is: &Value) -> Vec<String> {
    let mut names = Vec::new();
    for name in union(&fields(was), &fields(is)) {
        let (was, is) = (was.get(name), is.get(name));
        if was == is {
            continue;
        }
        let (was, is) = (attributes(was), attributes(is));
        let keys = union(&was, &is).into_iter().filter(|key| was.get(key) != is.get(key));
        let keys: Vec<_> = keys.map(|key| format!("`{name}.{key}`")).collect();
        if keys.is_empty() {
            names.push(format!("`{name}`"));
        }
        names.extend(keys);
    }
    names
}

type Fields<'a> = BTreeMap<&'a str, &'a Value>;

fn fields(object: &Value) -> Fields<'_> {
    let fields = object.as_object().into_iter().flatten();
    fields.map(|(name, value)| (&**name, value)).collect()
}

/// The items of a list of custom attributes, by key; empty for any other value.
fn attributes(value: Option<&Value>) -> Fields<'_> {
    let attributes = value.and_then(Value::as_array).into_iter().flatten();
    attributes
        .filter_map(|attribute| Some((attribute.get("key")?.as_str()?, attribute)))
        .collect()
}

fn union<'a>(one: &Fields<'a>, other: &Fields<'a>) -> BTreeSet<&'a str> {
    one.keys().chain(other.keys()).copied().collect()
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct DoneRecord<T> {
    pub(crate) index: u64,
    pub(crate) repeats: u32,
    /// How many custom attributes it removed because it does not name them; `null` if unknown, omitted if none.
    #[serde(default = "no_attributes", skip_serializing_if = "is_no_attributes")]
    pub(crate) lost: Option<u64>,
    outcome: OutcomeRecord<T>,
}

#[allow(clippy::unnecessary_wraps)] // the type of the field
fn no_attributes() -> Option<u64> {
    Some(0)
}

#[allow(clippy::ref_option)] // the type that serde passes
fn is_no_attributes(lost: &Option<u64>) -> bool {
    *lost == no_attributes()
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OutcomeRecord<T> {
    Updated(T),
    NotModified,
    Rejected(ErrorRecord),
    GivenUp(ErrorRecord),
    NotSent(ErrorRecord),
}

#[derive(Debug, Serialize, Deserialize)]
struct ErrorRecord {
    text: String,
    status: Option<u16>,
    problems: Vec<(String, String, Option<String>)>,
    attempts: Vec<String>,
    may_have_happened: bool,
}

impl<'a, T> DoneRecord<&'a T> {
    /// `None` for an update that the run did not get to.
    pub(super) fn of(index: u64, repeats: u32, lost: Option<u64>, outcome: &'a Outcome<T>) -> Option<Self> {
        let outcome = match outcome {
            Outcome::Updated(object) => OutcomeRecord::Updated(&**object),
            Outcome::NotModified => OutcomeRecord::NotModified,
            Outcome::Rejected(error) => OutcomeRecord::Rejected(error.into()),
            Outcome::GivenUp(error) => OutcomeRecord::GivenUp(error.into()),
            Outcome::NotSent(NotSent::Failed(error)) => OutcomeRecord::NotSent(error.into()),
            Outcome::NotSent(NotSent::Stopped(_) | NotSent::Behind(_)) => return None,
        };
        Some(Self {
            index,
            repeats,
            lost,
            outcome,
        })
    }
}

impl<T> DoneRecord<T> {
    /// Whether the object is as the update wants it.
    pub(super) fn is_made(&self) -> bool {
        matches!(self.outcome, OutcomeRecord::Updated(_) | OutcomeRecord::NotModified)
    }

    pub(crate) fn into_outcome(self) -> Outcome<T> {
        match self.outcome {
            OutcomeRecord::Updated(object) => Outcome::Updated(Box::new(object)),
            OutcomeRecord::NotModified => Outcome::NotModified,
            OutcomeRecord::Rejected(error) => Outcome::Rejected(error.into()),
            OutcomeRecord::GivenUp(error) => Outcome::GivenUp(error.into()),
            OutcomeRecord::NotSent(error) => Outcome::NotSent(NotSent::Failed(error.into())),
        }
    }
}

impl From<&UpdateError> for ErrorRecord {
    fn from(error: &UpdateError) -> Self {
        let problem = |problem: &Problem| (problem.field.clone(), problem.message.clone(), problem.code.clone());
        Self {
            text: error.text.clone(),
            status: error.status.map(|status| status.as_u16()),
            problems: error.problems.iter().map(problem).collect(),
            attempts: error.attempts.clone(),
            may_have_happened: error.may_have_happened,
        }
    }
}

impl From<ErrorRecord> for UpdateError {
    fn from(record: ErrorRecord) -> Self {
        Self {
            text: record.text,
            status: record.status.and_then(|status| StatusCode::from_u16(status).ok()),
            problems: record
                .problems
                .into_iter()
                .map(|(field, message, code)| Problem::new(field, message, code))
                .collect(),
            attempts: record.attempts,
            may_have_happened: record.may_have_happened,
            is_final: true, // only final outcomes are recorded
            error: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(query: Value, body: Value) -> RequestRecord {
        let (account, id) = ("https://api.example.com".to_owned(), "7".to_owned());
        RequestRecord {
            account,
            id,
            query,
            body,
        }
    }

    #[test]
    fn updates_that_differ_in_the_query_alone_are_not_the_same() {
        let body = || json!({"amount": 1, "custom": [{"key": "a", "value": 1}]});
        let as_user = record(json!({"handle_as_user_edit": true}), body());
        let other = json!({"amount": 1, "custom": [{"key": "a", "value": 2}]});
        for (here, expected) in [
            (record(json!({"handle_as_user_edit": true}), body()), None),
            (
                record(Value::Null, body()),
                Some("(7) differs in `handle_as_user_edit`"),
            ),
            (
                record(Value::Null, other),
                Some("(7) differs in `handle_as_user_edit`, `custom.a`"),
            ),
        ] {
            assert_eq!(as_user.difference(&here).as_deref(), expected);
        }
    }

    #[test]
    fn a_query_is_read_back() {
        for query in [Value::Null, json!({"dry": true})] {
            let written = record(query, json!({}));
            let json = serde_json::to_string(&written).unwrap_or_default();
            assert_eq!(serde_json::from_str::<RequestRecord>(&json).ok(), Some(written));
        }
    }
}
