//! Writes the document as one plain file.

use anyhow::Context as _;
use serde_json::Value;

/// YAML that tools of YAML 1.1 and 1.2 read alike: `on`, `12:30:00` and days are quoted.
pub fn write(document: &Value) -> anyhow::Result<String> {
    let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
    let mut text = String::new();
    serde_saphyr::to_fmt_writer_with_options(&mut text, document, options).context("writing the document as YAML")?;
    Ok(text)
}
