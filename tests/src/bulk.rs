//! The input of bulk runs, and what comes out, for the tests and for the program that they kill.

use std::{fmt, str::FromStr, time::Duration};

use chartmogul::{
    Client, CustomAttributesPatch, Retry, Unlimited,
    bulk::{Completed, NotSent, Outcome},
    opportunities::{Opportunity, UpdateOpportunity},
};
use chartmogul_api::requests;
use serde_json::Value;

use crate::ledger::Reply;

/// A client without limits that a machine which stands still for a while could reach.
pub fn client(url: &str, retry: Retry) -> Client {
    const LONG: Duration = Duration::from_secs(24 * 60 * 60);
    Client::builder()
        .api_key("fake-api-key")
        .base_url(url)
        .limiter(Unlimited)
        .retry(retry)
        .connect_timeout(LONG)
        .attempt_timeout(LONG)
        .call_timeout(LONG)
        .build()
        .unwrap()
}

/// What becomes of an update, by its place in the input.
pub fn fate(index: u64) -> Reply {
    match index {
        _ if is_invalid(index) => Reply::Apply, // it never comes
        _ if index % 11 == 3 => Reply::Refuse(422),
        _ if index % 13 == 5 => Reply::Refuse(404),
        _ if index % 17 == 7 => Reply::Refuse(304),
        _ if index % 19 == 9 => Reply::Refuse(500),
        _ => Reply::Apply,
    }
}

/// Whether it has a value that can't be right, so that it is never sent.
pub fn is_invalid(index: u64) -> bool {
    index % 23 == 12
}

/// Whether there is never a usable response to it, so that those behind it are not made.
pub fn is_given_up(index: u64) -> bool {
    !is_invalid(index) && fate(index) == Reply::Refuse(500)
}

/// Whether it is never sent, because one before it is given up.
pub fn is_behind(index: u64) -> bool {
    (0..index).any(|before| uuid(before) == uuid(index) && is_given_up(before))
}

/// What it updates. Every seventh is of an opportunity that had updates before; there are up to eleven of the same.
pub fn uuid(index: u64) -> String {
    let object = if index % 7 == 6 { index / 70 * 70 } else { index };
    format!("00000000-0000-4000-8000-{object:012}")
}

/// An update of the input. Its amount is its place, so that a server knows it again.
pub fn update(client: &Client, index: u64) -> UpdateOpportunity {
    let amount = i64::try_from(index).unwrap();
    #[allow(clippy::cast_precision_loss)] // any number with many digits
    let ratio = index as f64 / 7.0;
    client
        .opportunities()
        .update(uuid(index))
        .amount_in_cents(amount)
        .win_likelihood(if is_invalid(index) { 101 } else { 50 })
        .replace_all_custom([("ratio", ratio)])
}

/// The same, but it keeps all custom attributes that it does not name.
pub fn merge(client: &Client, index: u64) -> CustomAttributesPatch<requests::UpdateOpportunity> {
    let amount = i64::try_from(index).unwrap();
    client
        .opportunities()
        .update(uuid(index))
        .amount_in_cents(amount)
        .win_likelihood(if is_invalid(index) { 101 } else { 50 })
        .merge_custom()
        .set(format!("of_{}", index % 5), amount)
        .remove(format!("of_{}", index % 3))
}

/// An outcome as a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its place in the input.
    pub index: u64,
    /// What it updates.
    pub id: String,
    /// How often it was repeated.
    pub repeats: u32,
    /// Whether it was known from the journal.
    pub earlier: bool,
    /// What became of it: a word, and the response or the status.
    pub outcome: String,
}

impl Line {
    /// Of an outcome.
    pub fn of(done: &Completed<Opportunity>) -> Self {
        Self {
            index: done.index,
            id: done.id.clone(),
            repeats: done.repeats,
            earlier: done.earlier,
            outcome: outcome(&done.outcome),
        }
    }

    /// Whether no later run makes the update: not if it was given up, was behind such a one, or was left when the run was
    /// stopped.
    pub fn is_final(&self) -> bool {
        let open = ["given up", "behind", "stopped"];
        !open.iter().any(|begin| self.outcome.starts_with(begin))
    }

    /// What must be the same of two runs, whatever happened to them. Whether what was refused had been done before is not:
    /// a run that was killed leaves that open.
    pub fn essence(&self) -> (u64, &str, &str) {
        let refused = self.outcome.strip_suffix(", perhaps done");
        let refused = refused.filter(|outcome| outcome.starts_with("rejected"));
        (self.index, &self.id, refused.unwrap_or(&self.outcome))
    }
}

fn outcome(outcome: &Outcome<Opportunity>) -> String {
    let word = match outcome {
        Outcome::Updated(object) => return format!("updated {}", serde_json::to_string(object).unwrap()),
        Outcome::NotModified => return "not modified".to_owned(),
        Outcome::NotSent(NotSent::Stopped(why)) => return format!("stopped: {why}"),
        Outcome::NotSent(NotSent::Behind(index)) => return format!("behind {index}"),
        Outcome::Rejected(_) => "rejected",
        Outcome::GivenUp(_) => "given up",
        _ => "not sent",
    };
    let error = outcome.error().unwrap();
    let status = error.status().map(|status| format!(" {}", status.as_u16()));
    let problems: String = error
        .problems()
        .iter()
        .map(|problem| format!(", {}: {}", problem.field, problem.message))
        .collect();
    let perhaps = if error.may_have_happened() {
        ", perhaps done"
    } else {
        ""
    };
    format!("{word}{}{problems}{perhaps}", status.unwrap_or_default())
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            index,
            id,
            repeats,
            earlier,
            outcome,
        } = self;
        write!(f, "done\t{index}\t{id}\t{repeats}\t{earlier}\t{outcome}")
    }
}

impl FromStr for Line {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let parts: Vec<_> = line.splitn(6, '\t').collect();
        let ["done", index, id, repeats, earlier, outcome] = *parts else {
            return Err(line.to_owned());
        };
        let wrong = |_| line.to_owned();
        Ok(Self {
            index: index.parse().map_err(wrong)?,
            id: id.to_owned(),
            repeats: repeats.parse().map_err(wrong)?,
            earlier: earlier == "true",
            outcome: outcome.to_owned(),
        })
    }
}

/// A record of a journal, as it stands in the file.
#[derive(Debug, Clone)]
pub struct Record {
    /// Where it begins.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// What it says.
    pub json: Value,
}

impl Record {
    /// The update that was taken, sent or done.
    pub fn index(&self, what: &str) -> Option<u64> {
        let said = self.json.get(what)?;
        said.as_u64().or_else(|| said["index"].as_u64())
    }
}

/// The records of a journal, up to the first that is not whole.
pub fn records(journal: &[u8]) -> Vec<Record> {
    let mut records = Vec::new();
    let mut start = 0;
    while let Some((length, _)) = journal[start..].split_first_chunk() {
        let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let rest = &journal[start..];
        let Some(record) = rest.get(12..).and_then(|rest| rest.get(..length)) else {
            break;
        };
        let whole = framed(record);
        if !rest.starts_with(&whole) {
            break;
        }
        let (json, end) = (serde_json::from_slice(record).unwrap(), start + whole.len());
        records.push(Record { start, end, json });
        start = end;
    }
    records
}

/// A record with these bytes in it, as it would stand in a file.
pub fn framed(record: &[u8]) -> Vec<u8> {
    let length = (record.len() as u64).to_le_bytes();
    [&length[..], &checksum(&length), record, &checksum(record)].concat()
}

/// CRC-32C, masked as in a `TFRecord` file; written anew, so that the journal's own is not its only witness.
fn checksum(bytes: &[u8]) -> [u8; 4] {
    let mut sum = !0_u32;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = (sum >> 1) ^ (0x82f6_3b78 * (sum & 1));
        }
    }
    (!sum).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}
