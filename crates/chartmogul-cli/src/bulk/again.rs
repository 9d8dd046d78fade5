//! Builds the command that sends the failed rows again.

use std::path::Path;

use chartmogul::Operation;
use clap::{ArgMatches, parser::ValueSource};

use super::plan::Plan;

/// Arguments that belong to one run of one file and are not repeated.
const OF_A_RUN: [&str; 8] = [
    "file", "dry-run", "results", "failed", "report", "journal", "restart", "salvage",
];

/// The flag whose values are names of columns, which may differ in the file of failed rows.
const COLUMNS: &str = "clear-empty";

/// The resource and the flags of the command, to repeat it for another file.
#[derive(Debug)]
pub(super) struct Again {
    resource: String,
    /// Flags and their values; `None` for a switch.
    flags: Vec<(String, Option<String>)>,
}

impl Again {
    pub(super) fn of(operation: &Operation, matches: &ArgMatches) -> Self {
        let given = |name: &&str| matches.value_source(name) == Some(ValueSource::CommandLine);
        let names = matches.ids().map(clap::Id::as_str);
        let names = names.filter(|name| !OF_A_RUN.contains(name)).filter(given);
        let flags = names.flat_map(|name| {
            let is_switch = matches.try_get_one::<bool>(name).is_ok();
            let occurrences = matches.get_raw_occurrences(name).into_iter().flatten();
            let values = occurrences.filter(move |_| !is_switch).map(|values| {
                let values: Vec<_> = values.map(|value| value.to_string_lossy()).collect();
                Some(values.join(","))
            });
            let switch = is_switch.then_some(None);
            values.chain(switch).map(|value| (name.to_owned(), value))
        });
        Self {
            resource: crate::cli::dashed(operation.tag),
            flags: flags.collect(),
        }
    }

    /// The command for a file of failed rows.
    pub(super) fn command(&self, plan: &Plan, failed: &Path) -> String {
        let mut command = format!(
            "chartmogul {} bulk-update {}",
            self.resource,
            quoted(&failed.to_string_lossy())
        );
        for (name, value) in &self.flags {
            command += &format!(" --{name}");
            if let Some(value) = value {
                let column = plan.layout.column_of_failed(value).filter(|_| name == COLUMNS);
                command += &format!(" {}", quoted(column.as_deref().unwrap_or(value)));
            }
        }
        command
    }
}

/// Quotes a word for a shell, if necessary.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else if cfg!(windows) {
        format!("\"{word}\"")
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}
