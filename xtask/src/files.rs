//! Compares generated files with the workspace, and writes them.

use std::{collections::BTreeMap, fmt::Write as _, io::Write as _};

use anyhow::Context as _;
use camino::{Utf8Path, Utf8PathBuf};
use similar::TextDiff;
use tempfile::NamedTempFile;

/// The folders that contain only generated files, below the root of the workspace.
pub const FOLDERS: [&str; 4] = [
    "crates/chartmogul-api/src/generated",
    "crates/chartmogul-fake/src/generated",
    "crates/chartmogul/src/generated",
    "openapi/bundled",
];

/// Prefix of temporary files that replace others; one that remains is from an interrupted run.
const STAGED: &str = ".generating-";

/// All generated files: path below the root of the workspace, and content. A folder of [`FOLDERS`] that contains none of
/// them is left alone.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Files(pub BTreeMap<String, String>);

enum Change<'a> {
    Write {
        path: &'a str,
        old: Option<String>,
        new: &'a str,
    },
    Remove {
        path: String,
        old: String,
    },
}

impl Files {
    /// The changes that [`write`](Self::write) would make, as a unified diff: changed, missing and orphaned files.
    pub fn diff(&self, root: &Utf8Path) -> anyhow::Result<String> {
        let mut text = String::new();
        for change in self.changes(root)? {
            let (from, to, old, new) = match &change {
                Change::Write {
                    path,
                    old: Some(old),
                    new,
                } => (format!("a/{path}"), format!("b/{path}"), old.as_str(), *new),
                Change::Write { path, old: None, new } => ("/dev/null".to_owned(), format!("b/{path}"), "", *new),
                Change::Remove { path, old } => (format!("a/{path}"), "/dev/null".to_owned(), old.as_str(), ""),
            };
            write!(
                text,
                "{}",
                TextDiff::from_lines(old, new).unified_diff().header(&from, &to)
            )?;
        }
        Ok(text)
    }

    /// Writes files that differ and removes orphans; returns their paths.
    ///
    /// All new contents are on disk before the first file is replaced, so that a full disk or a missing permission
    /// leaves the old state.
    pub fn write(&self, root: &Utf8Path) -> anyhow::Result<Vec<String>> {
        let changes = self.changes(root)?;
        let mut staged = Vec::new();
        for change in &changes {
            if let Change::Write { path, new, .. } = change {
                let target = root.join(path);
                let folder = target.parent().context("a generated file lies in a folder")?;
                std::fs::create_dir_all(folder).with_context(|| format!("creating {folder}"))?;
                let mut file = tempfile::Builder::new()
                    .prefix(STAGED)
                    .tempfile_in(folder)
                    .with_context(|| format!("creating a file in {folder}"))?;
                file.write_all(new.as_bytes())
                    .with_context(|| format!("writing {target}"))?;
                staged.push((file, target));
            }
        }
        replace(staged, &changes, root)?;
        Ok(changes.iter().map(|change| change.path().to_owned()).collect())
    }

    fn changes(&self, root: &Utf8Path) -> anyhow::Result<Vec<Change<'_>>> {
        let mut changes = Vec::new();
        for (path, new) in &self.0 {
            let old = read(&root.join(path))?;
            if old.as_ref() != Some(new) {
                changes.push(Change::Write { path, old, new });
            }
        }
        for folder in FOLDERS {
            if !self.0.keys().any(|path| Utf8Path::new(path).starts_with(folder)) {
                continue;
            }
            for path in files_below(root, Utf8Path::new(folder))? {
                if !self.0.contains_key(path.as_str()) {
                    let old = read(&root.join(&path))?.unwrap_or_default();
                    changes.push(Change::Remove {
                        path: path.into_string(),
                        old,
                    });
                }
            }
        }
        Ok(changes)
    }
}

impl Change<'_> {
    fn path(&self) -> &str {
        match self {
            Change::Write { path, .. } => path,
            Change::Remove { path, .. } => path,
        }
    }

    /// The old content, if there was any.
    fn old(&self) -> Option<&str> {
        match self {
            Change::Write { old, .. } => old.as_deref(),
            Change::Remove { old, .. } => Some(old),
        }
    }
}

/// Moves staged files to their paths and removes orphans; if one of these steps fails, restores the old files.
fn replace(staged: Vec<(NamedTempFile, Utf8PathBuf)>, changes: &[Change<'_>], root: &Utf8Path) -> anyhow::Result<()> {
    let put = || -> anyhow::Result<()> {
        for (file, target) in staged {
            file.persist(&target).with_context(|| format!("replacing {target}"))?;
            readable(&target)?;
        }
        for change in changes.iter().filter(|change| matches!(change, Change::Remove { .. })) {
            let target = root.join(change.path());
            std::fs::remove_file(&target).with_context(|| format!("removing {target}"))?;
        }
        Ok(())
    };
    put().inspect_err(|_| {
        for change in changes {
            let target = root.join(change.path());
            // The first error is reported: it says more than an error of the restoration.
            let _ = match change.old() {
                Some(old) => std::fs::write(&target, old),
                None => std::fs::remove_file(&target),
            };
        }
    })
}

/// Gives a file the usual permissions of a source file: temporary files are private.
#[cfg(unix)]
fn readable(target: &Utf8Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(target, std::fs::Permissions::from_mode(0o644))
        .with_context(|| format!("making {target} readable"))
}

#[cfg(not(unix))]
fn readable(_: &Utf8Path) -> anyhow::Result<()> {
    Ok(())
}

fn read(path: &Utf8Path) -> anyhow::Result<Option<String>> {
    match std::fs::read(path) {
        // A file that is not UTF-8 differs anyway; the diff shows it lossily.
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("reading {path}")),
    }
}

fn files_below(root: &Utf8Path, folder: &Utf8Path) -> anyhow::Result<Vec<Utf8PathBuf>> {
    let entries = match root.join(folder).read_dir_utf8() {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("listing {folder}")),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.with_context(|| format!("listing {folder}"))?;
        let path = folder.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            found.extend(files_below(root, &path)?);
        } else if matches!(path.extension(), Some("rs" | "yaml")) || entry.file_name().starts_with(STAGED) {
            found.push(path); // leaves other files alone, such as an editor's
        }
    }
    found.sort();
    Ok(found)
}
