//! Input and output of bulk runs, for the tests and for the program that they kill.

use std::{fmt, str::FromStr, time::Duration};

use chartmogul::{
    Client, CustomAttributesPatch, Retry, Unlimited,
    bulk::{Completed, NotSent, Outcome},
    opportunities::{Opportunity, UpdateOpportunity},
};
use chartmogul_api::requests;
use serde_json::Value;

use crate::ledger::Reply;

/// A client without a rate limit, whose time limits are so long that a slow machine does not reach them.
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

/// What the server does with an update, by its index in the input.
pub fn fate(index: u64) -> Reply {
    match index {
        _ if is_invalid(index) => Reply::Apply, // it is never sent
        _ if index % 11 == 3 => Reply::Refuse(422),
        _ if index % 13 == 5 => Reply::Refuse(404),
        _ if index % 17 == 7 => Reply::Refuse(304),
        _ if index % 19 == 9 => Reply::Refuse(500),
        _ => Reply::Apply,
    }
}

/// Whether it has an invalid value, so that it is never sent.
pub fn is_invalid(index: u64) -> bool {
    index % 23 == 12
}

/// Whether the response is always 500, so that the run gives it up and sends no later updates of the same opportunity.
pub fn is_given_up(index: u64) -> bool {
    !is_invalid(index) && fate(index) == Reply::Refuse(500)
}

/// Whether it is never sent, because an earlier update of the same opportunity was given up.
pub fn is_behind(index: u64) -> bool {
    (0..index).any(|before| uuid(before) == uuid(index) && is_given_up(before))
}

/// The opportunity that it updates. Every seventh updates one with earlier updates; up to eleven update the same one.
pub fn uuid(index: u64) -> String {
    let object = if index % 7 == 6 { index / 70 * 70 } else { index };
    format!("00000000-0000-4000-8000-{object:012}")
}

/// An update of the input. Its amount is its index, by which a server recognizes it.
pub fn update(client: &Client, index: u64) -> UpdateOpportunity {
    let amount = i64::try_from(index).unwrap();
    #[allow(clippy::cast_precision_loss)] // any number with many digits will do
    let ratio = index as f64 / 7.0;
    client
        .opportunities()
        .update(uuid(index))
        .amount_in_cents(amount)
        .win_likelihood(if is_invalid(index) { 101 } else { 50 })
        .replace_all_custom([("ratio", ratio)])
}

/// The same, but with `merge_custom`: it keeps all other custom attributes.
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
    /// Its index in the input.
    pub index: u64,
    /// The opportunity that it updates.
    pub id: String,
    /// Number of repeated attempts.
    pub repeats: u32,
    /// Whether it comes from the journal.
    pub earlier: bool,
    /// The outcome: a word, and the response or the status.
    pub outcome: String,
}

impl Line {
    /// The line for an outcome.
    pub fn of(done: &Completed<Opportunity>) -> Self {
        Self {
            index: done.index,
            id: done.id.clone(),
            repeats: done.repeats,
            earlier: done.earlier,
            outcome: outcome(&done.outcome),
        }
    }

    /// Whether later runs skip the update. They repeat it if it was given up, was behind such a one, or was left when the
    /// run
    /// stopped.
    pub fn is_final(&self) -> bool {
        let open = ["given up", "behind", "stopped"];
        !open.iter().any(|begin| self.outcome.starts_with(begin))
    }

    /// What must be the same in two runs, whatever interrupted them. Whether a rejected update may have been made earlier
    /// may differ: a run that was killed leaves that open.
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

/// A record of a journal file.
#[derive(Debug, Clone)]
pub struct Record {
    /// Offset of its start.
    pub start: usize,
    /// Offset of its end.
    pub end: usize,
    /// Its content.
    pub json: Value,
}

impl Record {
    /// The index of the update that was taken, sent or done.
    pub fn index(&self, what: &str) -> Option<u64> {
        let said = self.json.get(what)?;
        said.as_u64().or_else(|| said["index"].as_u64())
    }
}

/// The records of a journal, up to the first incomplete one.
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

/// A record with this content, in the format of a journal file.
pub fn framed(record: &[u8]) -> Vec<u8> {
    let length = (record.len() as u64).to_le_bytes();
    [&length[..], &checksum(&length), record, &checksum(record)].concat()
}

/// CRC-32C, masked as in a `TFRecord` file; a second implementation, to check that of the journal.
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
