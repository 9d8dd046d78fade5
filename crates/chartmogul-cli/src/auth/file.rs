//! The file of profiles, which only its owner can read.

use std::{
    collections::BTreeMap,
    env, fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::error::{CliError, Exit};

/// Name of the file.
const NAME: &str = "profiles.json";

/// A key, and the base URL that it is for.
#[derive(Serialize, Deserialize)]
pub(super) struct Profile {
    /// `None` if it is in the keyring.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) base_url: Option<String>,
}

/// All profiles, by name.
#[derive(Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Profiles(pub(super) BTreeMap<String, Profile>);

/// Where the file is; `None` if the environment has no folder for it.
pub(super) fn path() -> Option<PathBuf> {
    let folder = |name: &str| env::var_os(name).filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let own = || folder("CHARTMOGUL_CONFIG_DIR");
    let shared = || folder("XDG_CONFIG_HOME").filter(|folder| folder.is_absolute());
    let windows = || folder("APPDATA").filter(|_| cfg!(windows));
    let home = || folder("HOME").map(|home| home.join(".config"));
    let of_program = || Some(shared().or_else(windows).or_else(home)?.join("chartmogul"));
    Some(own().or_else(of_program)?.join(NAME))
}

impl Profiles {
    /// Empty if there is no file.
    pub(super) fn read(path: &Path) -> Result<Self, CliError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(CliError::file("read", path, &error)),
        };
        check_mode(path)?;
        // The error of serde_json may quote the key.
        serde_json::from_str(&text).map_err(|error| {
            let message = format!(
                "{} is damaged at line {}, column {}",
                path.display(),
                error.line(),
                error.column()
            );
            CliError::new(Exit::Unexpected, "profiles", message).next("Correct it, or remove it and sign in again")
        })
    }

    /// Replaces the file atomically.
    pub(super) fn write(&self, path: &Path) -> Result<(), CliError> {
        let written = || -> io::Result<()> {
            let folder = path.parent().unwrap_or(Path::new("."));
            create_folder(folder)?;
            let temporary = folder.join(format!(".{NAME}.{}", std::process::id()));
            let result = create(&temporary).and_then(|mut file| {
                file.write_all(serde_json::to_string_pretty(self)?.as_bytes())?;
                file.write_all(b"\n")?;
                file.sync_all()?;
                fs::rename(&temporary, path)
            });
            if result.is_err() {
                let _ = fs::remove_file(&temporary);
            }
            result
        };
        written().map_err(|error| CliError::file("write", path, &error))
    }
}

#[cfg(unix)]
fn check_mode(path: &Path) -> Result<(), CliError> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(path)
        .map_err(|error| CliError::file("read", path, &error))?
        .permissions()
        .mode();
    let of_others = mode & 0o077;
    if of_others == 0 {
        return Ok(());
    }
    let message = format!("{} can be read by others on this machine", path.display());
    let next = format!(
        "chmod 600 {}; and if others use this machine, revoke the keys in it",
        path.display()
    );
    Err(CliError::new(Exit::SignIn, "profiles", message).next(next))
}

#[cfg(not(unix))]
fn check_mode(_: &Path) -> Result<(), CliError> {
    Ok(())
}

fn create_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn create(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
