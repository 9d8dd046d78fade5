//! Snapshots of the public API of the two clients, so that a breaking change is visible in review.
//!
//! One line for each public item, as `cargo public-api` prints it. Blanket implementations and auto traits (`Send`) are left
//! out for readability; if one of these disappears, the snapshots do not show it.

use std::{collections::BTreeMap, process::Command};

use anyhow::{Context as _, anyhow, ensure};
use camino::{Utf8Path, Utf8PathBuf};
use serde::Deserialize;

use crate::files::Files;

/// The crates with a snapshot; each is in the folder of its name below `crates`.
pub const CRATES: [&str; 2] = ["chartmogul-api", "chartmogul"];

/// The features of each crate that add items. TLS adds none, but takes long to build.
const FEATURES: [&str; 2] = ["schemars,http2,dynamic", "schemars,http2,blocking,bulk,dynamic"];

/// The version of rustdoc's JSON that the `public-api` in the workspace's `Cargo.toml` reads.
const FORMAT: u32 = 57;

/// `cargo xtask surface`: brings the snapshots in the workspace at `root` up to date; returns the paths that changed.
pub fn write(root: &Utf8Path) -> anyhow::Result<Vec<String>> {
    snapshots(root)?.write(root)
}

/// `cargo xtask surface --check`: what would change, as a unified diff; empty if all is up to date.
pub fn stale(root: &Utf8Path) -> anyhow::Result<String> {
    snapshots(root)?.diff(root)
}

fn snapshots(root: &Utf8Path) -> anyhow::Result<Files> {
    let mut files = BTreeMap::new();
    for (name, features) in CRATES.into_iter().zip(FEATURES) {
        let json = document(root, name, features)?;
        files.insert(format!("crates/{name}/public-api.txt"), listing(&json)?);
    }
    Ok(Files(files))
}

/// Runs rustdoc for the JSON description of a crate; returns its path.
fn document(root: &Utf8Path, name: &str, features: &str) -> anyhow::Result<Utf8PathBuf> {
    // A separate folder, so that ordinary documentation and builds are not affected.
    let target = root.join("target/surface");
    let library = name.replace('-', "_");
    let json = target.join(format!("doc/{library}.json"));
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .current_dir(root)
        .args(["rustdoc", "--locked", "--lib", "--package", name])
        .args(["--no-default-features", "--features", features])
        .args(["--target-dir", target.as_str()])
        .args(["--", "-Zunstable-options", "--output-format", "json"])
        // rustdoc's JSON is unstable; this enables it on stable Rust, for these crates and not their dependencies. The same
        // value for each crate: dependencies whose build scripts read it would be built again otherwise.
        .env("RUSTC_BOOTSTRAP", CRATES.join(",").replace('-', "_"))
        // Settings for the caller's own builds must not affect the snapshot or its path.
        .env_remove("RUSTDOCFLAGS")
        .env_remove("CARGO_ENCODED_RUSTDOCFLAGS")
        .env_remove("CARGO_BUILD_TARGET")
        .status()
        .map_err(|error| {
            anyhow!(
                "starting cargo rustdoc: {error}\n  help: start this as `cargo xtask surface`, or put cargo on the PATH"
            )
        })?;
    ensure!(
        status.success(),
        "rustdoc can't describe {name} ({status}); it says why above\n  \
         help: make `cargo doc --package {name} --all-features` pass, then try again"
    );
    Ok(json)
}

/// The lines of a snapshot, from rustdoc's description.
fn listing(json: &Utf8Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(json).map_err(|error| {
        anyhow!(
            "reading {json}, which rustdoc should have written: {error}\n  \
             help: if Cargo's configuration sets `build.target`, it wrote to another folder; unset it for this command"
        )
    })?;
    check_format(&text).with_context(|| format!("reading {json}"))?;
    let api = public_api::Builder::from_rustdoc_json(json)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .build()
        .map_err(|error| anyhow!("reading {json}: {error}\n  help: remove the file and try again"))?;
    Ok(api.to_string())
}

/// Refuses a description that is not in the format that `public-api` reads: it would report some item as missing.
fn check_format(text: &str) -> anyhow::Result<()> {
    #[derive(Deserialize)]
    struct Head {
        format_version: u32,
    }
    let head: Head = serde_json::from_str(text)
        .map_err(|error| anyhow!("not a description by rustdoc: {error}\n  help: remove the file and try again"))?;
    let found = head.format_version;
    ensure!(
        found == FORMAT,
        "rustdoc of this Rust writes format {found}, and `public-api` reads {FORMAT}\n  \
         help: `cargo +1.95.0 xtask surface` works; to move on to a newer Rust, raise `public-api` in Cargo.toml and \
         FORMAT in xtask/src/surface.rs together"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A change behind a feature that is not listed would not be in any diff.
    #[test]
    fn every_feature_that_adds_items_is_listed() {
        for (name, features) in CRATES.into_iter().zip(FEATURES) {
            let manifest = format!("{}/../crates/{name}/Cargo.toml", env!("CARGO_MANIFEST_DIR"));
            let manifest = std::fs::read_to_string(manifest).unwrap();
            let (_, section) = manifest.split_once("[features]\n").unwrap();
            let (section, _) = section.split_once("\n[").unwrap();
            let declared = section
                .lines()
                .filter_map(|line| line.split_once(" = ["))
                .map(|(name, _)| name);
            let mut declared: Vec<_> = declared
                .filter(|name| !["default", "rustls", "socks"].contains(name))
                .collect();
            let mut looked_at: Vec<_> = features.split(',').collect();
            declared.sort_unstable();
            looked_at.sort_unstable();
            assert_eq!(declared, looked_at, "{name}");
        }
    }

    #[test]
    fn another_format_is_refused_with_a_remedy() {
        assert!(check_format(&format!(r#"{{"root": 0, "format_version": {FORMAT}}}"#)).is_ok());
        for format in [FORMAT - 1, FORMAT + 1] {
            let message = check_format(&format!(r#"{{"format_version": {format}}}"#))
                .unwrap_err()
                .to_string();
            assert!(message.contains(&format!("writes format {format}")), "{message}");
            assert!(message.contains("help: `cargo +1.95.0 xtask surface`"), "{message}");
        }
        let error = check_format("<html>").unwrap_err().to_string();
        assert!(error.contains("help: remove the file"), "{error}");
    }
}
