//! Compares two versions of the document and says whom each change breaks.
//!
//! The effects on callers of the HTTP API and on users of the Rust crates are separate: a renamed operation breaks only Rust, a
//! property that may now be `null` breaks everyone but Rust, where `Field` already handles it.
//!
//! `compare` knows what each keyword means. Two safety nets check it: a plain comparison of the two trees, so that no change
//! goes unreported, and the `drift` library, whose breaking changes must all be in the result. (`drift` is only a safety net
//! because it leaves limits, properties and `required` unclassified and ignores `nullable`, extensions and operation names.)

mod compare;
mod keywords;
mod lookup;
mod nets;
mod normal;
mod report;

use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use camino::Utf8Path;
use serde::Serialize;
use serde_json::Value;

use crate::document::Spec;

pub use report::Format;

/// What a change means for an audience.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Documentation only, or not noticeable by this audience.
    Documentation,
    /// Something was added.
    Additive,
    /// Something that worked may fail.
    Breaking,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// JSON pointer; into the old document if the thing is gone, else into the new one.
    pub pointer: String,
    /// What happened.
    pub what: String,
    /// The old value, if there was one.
    pub old: Option<Value>,
    /// The new value, if there is one.
    pub new: Option<Value>,
    /// For callers of the HTTP API.
    pub http: Effect,
    /// For users of the Rust crates.
    pub rust: Effect,
}

impl Change {
    /// The worse of its two effects.
    pub fn effect(&self) -> Effect {
        self.http.max(self.rust)
    }
}

/// All changes, worst first, and the versions that follow from them.
#[derive(Debug, PartialEq, Serialize)]
pub struct Diff {
    /// The changes.
    pub changes: Vec<Change>,
    /// The next version of the document; follows from the effects on callers of the HTTP API.
    pub document: Bump,
    /// The next version of the crates; follows from the effects on their users.
    pub crates: Bump,
}

/// A version before the changes and after them.
#[derive(Debug, PartialEq, Serialize)]
pub struct Bump {
    /// The worst effect.
    pub effect: Option<Effect>,
    /// The version before the changes.
    pub from: String,
    /// The version that follows; the same if nothing changed.
    pub to: String,
    /// The version in the working tree.
    pub written: String,
}

impl Diff {
    /// Compares two documents; `crates` are the versions of the crates before and now.
    pub fn between(old: &Spec, new: &Spec, crates: [&str; 2]) -> anyhow::Result<Self> {
        let (before, after) = (normal::normal(old.root()), normal::normal(new.root()));
        let (mut changes, reported) = compare::compare(&before, &after);
        nets::drift(&before, &after, &mut changes)?;
        nets::unmentioned(&before, &after, reported, &mut changes);
        changes.sort_by(|a, b| b.effect().cmp(&a.effect()).then_with(|| a.pointer.cmp(&b.pointer)));
        let worst = |pick: fn(&Change) -> Effect| changes.iter().map(pick).max();
        let version = |spec: &Spec| {
            spec.at("/info/version")
                .and_then(Value::as_str)
                .unwrap_or("0.0.0")
                .to_owned()
        };
        Ok(Self {
            document: Bump::from(&version(old), &version(new), worst(|change| change.http))?,
            crates: Bump::from(crates[0], crates[1], worst(|change| change.rust))?,
            changes,
        })
    }

    /// Whether any change is at least this bad.
    pub fn has(&self, effect: Effect) -> bool {
        self.changes.iter().any(|change| change.effect() >= effect)
    }
}

impl Bump {
    /// `SemVer`: before 1.0 a breaking change raises the minor version, everything else the patch.
    fn from(version: &str, written: &str, effect: Option<Effect>) -> anyhow::Result<Self> {
        let parts: Vec<u64> = version
            .split('.')
            .map(str::parse)
            .collect::<Result<_, _>>()
            .unwrap_or_default();
        let [major, minor, patch] = parts[..] else {
            bail!("`{version}` is not a version such as 1.2.3");
        };
        let (major, minor, patch) = match (effect, major) {
            (None, _) => (major, minor, patch),
            (Some(Effect::Breaking), 0) => (0, minor + 1, 0),
            (Some(Effect::Breaking), _) => (major + 1, 0, 0),
            (Some(Effect::Additive), 1..) => (major, minor + 1, 0),
            (Some(Effect::Additive | Effect::Documentation), _) => (major, minor, patch + 1),
        };
        Ok(Self {
            effect,
            from: version.to_owned(),
            to: format!("{major}.{minor}.{patch}"),
            written: written.to_owned(),
        })
    }

    /// Whether the written version is lower than the version that follows from the changes.
    fn is_forgotten(&self) -> bool {
        let parts = |version: &str| -> Vec<u64> { version.split('.').filter_map(|part| part.parse().ok()).collect() };
        parts(&self.written) < parts(&self.to)
    }
}

/// `cargo xtask diff`: the document in the working tree against the one at a git revision.
pub fn diff(root: &Utf8Path, base: Option<&str>) -> anyhow::Result<(String, Diff)> {
    let base = match base {
        Some(revision) => commit(root, revision)?,
        None => merge_base(root)?,
    };
    let file = crate::DOCUMENT;
    let old = Spec::load(file, &|path| {
        let object = format!("{base}:{path}");
        let exists = git(root, &["cat-file", "-e", &object]).is_ok();
        ensure!(
            exists || path != file,
            "{file} is not in {base}; name a revision that has it: --base REV"
        );
        Ok(exists
            .then(|| git(root, &["show", &object]))
            .transpose()?
            .map(String::into_bytes))
    })
    .with_context(|| format!("the document at {base}"))?;
    crate::lint::references(&old).with_context(|| format!("the document at {base}"))?;
    let new = Spec::read(root, file)?;
    crate::lint::check(&new)?;
    let before = git(root, &["show", &format!("{base}:{MANIFEST}")]).unwrap_or_default();
    let after = std::fs::read_to_string(root.join(MANIFEST)).unwrap_or_default();
    let (before, after) = (version(&before), version(&after));
    let diff = Diff::between(&old, &new, [before.unwrap_or(NO_VERSION), after.unwrap_or(NO_VERSION)])?;
    Ok((base, diff))
}

/// The file with the version of the crates.
const MANIFEST: &str = "Cargo.toml";
/// The version of a workspace without a manifest, as in tests.
const NO_VERSION: &str = "0.0.0";

/// The first version in a manifest: that of the workspace's packages.
fn version(manifest: &str) -> Option<&str> {
    manifest
        .lines()
        .find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"'))
}

fn merge_base(root: &Utf8Path) -> anyhow::Result<String> {
    for main in ["origin/main", "main"] {
        if let Ok(main) = commit(root, main) {
            let base = git(root, &["merge-base", "HEAD", &main]).context("finding where this branch left main")?;
            return Ok(base.trim().to_owned());
        }
    }
    bail!("there is no branch `main`; name a revision to compare with: --base REV")
}

fn commit(root: &Utf8Path, revision: &str) -> anyhow::Result<String> {
    let name = format!("{revision}^{{commit}}");
    let found = git(root, &["rev-parse", "--verify", "--quiet", "--end-of-options", &name])
        .with_context(|| format!("`{revision}` is not a commit; name one: --base REV"))?;
    Ok(found.trim().to_owned())
}

fn git(root: &Utf8Path, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("git")
        .current_dir(root)
        .args(arguments)
        .output()
        .context("starting git")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "git {} failed: {}", arguments[0], said.trim());
    String::from_utf8(output.stdout).context("git's output is not UTF-8")
}
