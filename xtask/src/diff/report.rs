//! Formats the result: as text, Markdown or JSON.

use std::fmt::Write as _;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::{Bump, Change, Diff, Effect};

/// The format of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For the description of a pull request.
    Markdown,
    /// For machines.
    Json,
}

const SHOWN: usize = 120;
/// Number of equal characters that are shown before the first difference.
const BEFORE: usize = 30;

const DOCUMENT_VERSION: &str = "`info.version`";
const CRATES_VERSION: &str = "`workspace.package.version` of Cargo.toml";

impl Diff {
    /// Formats the result; `base` is the revision that was compared with.
    pub fn report(&self, base: &str, format: Format) -> anyhow::Result<String> {
        match format {
            Format::Text => Ok(self.text(base)),
            Format::Markdown => Ok(self.markdown(base)),
            Format::Json => {
                let value =
                    json!({ "base": base, "changes": self.changes, "document": self.document, "crates": self.crates });
                Ok(serde_json::to_string_pretty(&value).context("writing JSON")? + "\n")
            }
        }
    }

    /// A message for each version that was not raised.
    pub fn forgotten(&self) -> Vec<String> {
        [(&self.document, DOCUMENT_VERSION), (&self.crates, CRATES_VERSION)]
            .into_iter()
            .filter(|(bump, _)| bump.is_forgotten())
            .map(|(bump, place)| format!("write version {} in {place}, which has {}", bump.to, bump.written))
            .collect()
    }

    fn text(&self, base: &str) -> String {
        let mut text = format!("compared with {base}\n\n");
        for change in &self.changes {
            // Writing to a String can't fail.
            let _ = writeln!(text, "{:<14}{}", label(change.effect()), change.what);
            let _ = writeln!(text, "  at    {}", change.pointer);
            let (old, new) = shown(change);
            let _ = writeln!(text, "  old   {old}\n  new   {new}");
            let _ = writeln!(text, "  http  {}\n  rust  {}\n", label(change.http), label(change.rust));
        }
        let _ = writeln!(text, "document  {}", follows(&self.document));
        let _ = writeln!(text, "crates    {}", follows(&self.crates));
        text
    }

    fn markdown(&self, base: &str) -> String {
        let mut text = format!(
            "### Changes of the API document since `{}`\n\n",
            base.get(..12).unwrap_or(base)
        );
        if self.changes.is_empty() {
            text.push_str("None.\n");
            return text;
        }
        text.push_str("| HTTP callers | Rust users | what | where | old | new |\n|---|---|---|---|---|---|\n");
        for change in &self.changes {
            let Change {
                pointer,
                what,
                http,
                rust,
                ..
            } = change;
            let cell = |value: &str| value.replace('|', "\\|").replace('`', "'").replace(['\n', '\r'], " ");
            let (old, new) = shown(change);
            let (old, new) = (cell(&old), cell(&new));
            let pointer = cell(pointer);
            let _ = writeln!(
                text,
                "| {} | {} | {what} | `{pointer}` | `{old}` | `{new}` |",
                mark(*http),
                mark(*rust)
            );
        }
        let _ = writeln!(
            text,
            "\nDocument: {}. Crates: {}.",
            follows(&self.document),
            follows(&self.crates)
        );
        text
    }
}

fn follows(bump: &Bump) -> String {
    match bump.effect {
        None => format!("{}, unchanged", bump.from),
        Some(effect) => format!("{} -> {} ({})", bump.from, bump.to, label(effect)),
    }
}

fn label(effect: Effect) -> &'static str {
    match effect {
        Effect::Breaking => "breaking",
        Effect::Additive => "additive",
        Effect::Documentation => "documentation",
    }
}

fn mark(effect: Effect) -> String {
    match effect {
        Effect::Breaking => "**breaking**".to_owned(),
        other => label(other).to_owned(),
    }
}

/// The two values, each on one line, shortened around the first difference.
fn shown(change: &Change) -> (String, String) {
    let text = |value: &Option<Value>| -> Vec<char> {
        value
            .as_ref()
            .map_or("(absent)".to_owned(), Value::to_string)
            .chars()
            .collect()
    };
    let (old, new) = (text(&change.old), text(&change.new));
    let same = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let start = if old.len().max(new.len()) <= SHOWN {
        0
    } else {
        same.saturating_sub(BEFORE)
    };
    let part = |text: &[char]| -> String {
        let mut part = String::new();
        if start > 0 {
            part.push('…');
        }
        part.extend(text.iter().skip(start).take(SHOWN));
        if text.len() > start + SHOWN {
            part.push('…');
        }
        part
    };
    (part(&old), part(&new))
}
