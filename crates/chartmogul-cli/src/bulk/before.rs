//! The objects as they were before the first run, for a report. A file beside the journal keeps them for later runs.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{failed::private, files::part};
use crate::error::{CliError, Exit};

/// Objects by identifier. If one is added twice, the first one is kept.
#[derive(Debug, Default)]
pub(super) struct Before {
    /// `None` without a journal: then a run can't be resumed.
    path: Option<PathBuf>,
    objects: BTreeMap<String, Value>,
}

/// The path of the file beside a journal.
pub(super) fn beside(journal: &Path) -> PathBuf {
    let mut path = journal.as_os_str().to_owned();
    path.push(".before");
    path.into()
}

impl Before {
    /// Reads what earlier runs have written.
    pub(super) fn read(journal: Option<&Path>) -> Result<Self, CliError> {
        let Some(path) = journal.map(beside) else {
            return Ok(Self::default());
        };
        let objects = match fs::read(&path) {
            Ok(json) => serde_json::from_slice(&json).map_err(io::Error::from),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
            Err(error) => Err(error),
        };
        let objects = objects.map_err(|error| {
            let message = format!(
                "can't read {}, which a report needs: {error}; nothing was sent",
                path.display()
            );
            CliError::new(Exit::Usage, "file", message).next("Remove it, or leave out --report")
        })?;
        Ok(Self {
            path: Some(path),
            objects,
        })
    }

    pub(super) fn get(&self, id: &str) -> Option<&Value> {
        self.objects.get(id)
    }

    pub(super) fn add(&mut self, id: &str, facts: Value) {
        self.objects.entry(id.to_owned()).or_insert(facts);
    }

    /// Writes the file, before anything is sent.
    pub(super) fn write(&self) -> Result<(), CliError> {
        let Some(path) = &self.path else { return Ok(()) };
        let part = part(path);
        let write = || -> io::Result<()> {
            let mut file = private(&part)?;
            serde_json::to_writer(&mut file, &self.objects)?;
            file.sync_all()?;
            fs::rename(&part, path)
        };
        write().map_err(|error| {
            let message = format!(
                "can't write {}, which a report needs: {error}; nothing was sent",
                path.display()
            );
            CliError::new(Exit::Usage, "file", message)
                .next("Pass --journal FILE with another path, or leave out --report")
        })
    }
}
