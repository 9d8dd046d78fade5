//! The result, for people, for a pull request, and for machines.

use std::fmt::Write as _;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::{Bump, Change, Diff, Effect};

/// How a result is written.
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

impl Diff {
    /// The result, compared with `base`.
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

    fn text(&self, base: &str) -> String {
        let mut text = format!("compared with {base}\n\n");
        for change in &self.changes {
            // Writing to a String can't fail.
            let _ = writeln!(text, "{:<14}{}", label(change.effect()), change.what);
            let _ = writeln!(text, "  at    {}", change.pointer);
            let _ = writeln!(
                text,
                "  old   {}\n  new   {}",
                shown(change.old.as_ref()),
                shown(change.new.as_ref())
            );
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
        for Change {
            pointer,
            what,
            old,
            new,
            http,
            rust,
        } in &self.changes
        {
            let cell = |value: &str| value.replace('|', "\\|").replace('`', "'");
            let (old, new) = (cell(&shown(old.as_ref())), cell(&shown(new.as_ref())));
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

/// A value on one line, shortened.
fn shown(value: Option<&Value>) -> String {
    let Some(value) = value else {
        return "(absent)".to_owned();
    };
    let text = value.to_string();
    if text.chars().count() <= SHOWN {
        return text;
    }
    text.chars().take(SHOWN).chain(['…']).collect()
}
