//! Turns `openapi/chartmogul.yaml` into the generated parts of the workspace.
//!
//! One module for each step: [`spec`] reads the document, [`mod@lint`] looks for what the generator can't take,
//! [`mod@lower`] rewrites it into what progenitor reads without loss, [`render`] makes Rust files of it,
//! [`files`] compares and writes them. What holds in between is described in `docs/architecture.md`.
//!
//! Apart from that, [`surface`] keeps snapshots of what users of the two clients can name.

pub mod diff;
pub mod files;
pub mod finding;
pub mod lint;
pub mod lower;
pub mod model;
pub mod names;
mod panics;
pub mod render;
pub mod spec;
pub mod surface;

use camino::Utf8Path;

pub use finding::{Finding, Findings, Rule};
pub use spec::Spec;

/// Where the document is, below the root of the workspace.
pub const DOCUMENT: &str = "openapi/chartmogul.yaml";

/// Generates all files from a document, without touching the disk.
pub fn generate(spec: &Spec) -> anyhow::Result<files::Files> {
    let api = lint::check(spec)?;
    render::render(spec, &api).map_err(|error| {
        if error.downcast_ref::<Findings>().is_some() {
            return error;
        }
        let help = "the rules should have refused the document before; write it in a simpler way, and report this";
        Findings::from(spec.finding(Rule::Progenitor, "", format!("{error:#}"), help)).into()
    })
}

/// `cargo xtask lint`: everything that is wrong with the document.
pub fn lint(root: &Utf8Path) -> anyhow::Result<()> {
    lint::check(&Spec::read(root, DOCUMENT)?)?;
    Ok(())
}

/// `cargo xtask lower`: what progenitor gets, as JSON.
pub fn lower(root: &Utf8Path) -> anyhow::Result<String> {
    let api = lint::check(&Spec::read(root, DOCUMENT)?)?;
    Ok(lower::lower(&api).to_string())
}

/// `cargo xtask generate`: brings the generated files of the workspace at `root` up to date.
///
/// Returns the paths that changed. Nothing is written unless everything has succeeded.
pub fn write(root: &Utf8Path) -> anyhow::Result<Vec<String>> {
    generate(&Spec::read(root, DOCUMENT)?)?.write(root)
}

/// `cargo xtask generate --check`: what would change, as a unified diff; empty if all is up to date.
pub fn stale(root: &Utf8Path) -> anyhow::Result<String> {
    generate(&Spec::read(root, DOCUMENT)?)?.diff(root)
}
