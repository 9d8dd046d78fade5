//! Writes the bundled document as YAML.

use anyhow::Context as _;
use serde_json::Value;

/// YAML that means the same in YAML 1.1 and 1.2: `on`, `12:30:00` and dates are quoted.
pub fn write(document: &Value) -> anyhow::Result<String> {
    let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
    let mut text = String::new();
    serde_saphyr::to_fmt_writer_with_options(&mut text, document, options).context("writing the document as YAML")?;
    Ok(text)
}
