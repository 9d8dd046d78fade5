//! The findings for bad documents. A new bad document is a new file in `fixtures/bad`: changes to
//! `fixtures/good/plain.yaml`, or a whole document.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests

use std::path::Path;

use xtask::{Findings, Rule, Spec};

const BASE: &str = include_str!("../fixtures/good/plain.yaml");

/// Reads a bad document: a file, or the base with changes, which are the hunks of a unified diff without line numbers.
fn document(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    if path.extension().is_some_and(|extension| extension == "yaml") {
        return text;
    }
    let base = format!("\n{BASE}"); // so that every line follows a line break
    let document = text.split("@@\n").fold(base, |document, hunk| {
        let side = |other| -> String {
            let lines = hunk.lines().filter(|line| !line.starts_with(other));
            std::iter::once("\n".to_owned())
                .chain(lines.map(|line| format!("{}\n", &line[1..])))
                .collect()
        };
        let (old, new) = (side('+'), side('-'));
        assert_eq!(
            document.matches(&old).count(),
            1,
            "{}: not once in the base:\n{old}",
            path.display()
        );
        document.replacen(&old, &new, 1)
    });
    document[1..].to_owned()
}

fn findings(path: &Path) -> Findings {
    let checked =
        Spec::parse("openapi/chartmogul.yaml", &document(path)).and_then(|spec| Ok(xtask::lint::check(&spec)?));
    let Err(error) = checked else {
        return Findings(Vec::new());
    };
    error
        .downcast()
        .unwrap_or_else(|error| panic!("no place is given: {error:?}"))
}

#[test]
fn every_bad_document_is_explained() {
    insta::glob!("../fixtures/bad", "*.*", |path| {
        insta::with_settings!({ omit_expression => true }, {
            let found = findings(path);
            assert!(!found.0.is_empty(), "{} is accepted", path.display());
            insta::assert_snapshot!(found.to_string());
        });
    });
}

/// A rule that no document breaks, or that has no explanation, is useless.
#[test]
fn every_rule_is_explained_and_has_a_bad_document() {
    let read = |path: &str| std::fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let readme = read("../openapi/README.md");
    let mut broken = Vec::new();
    for entry in std::fs::read_dir(format!("{}/fixtures/bad", env!("CARGO_MANIFEST_DIR"))).unwrap() {
        let Findings(found) = findings(&entry.unwrap().path());
        broken.extend(found.into_iter().map(|finding| finding.rule));
    }
    // No document is known that all other rules accept and progenitor rejects.
    for rule in Rule::ALL.iter().filter(|rule| **rule != Rule::Progenitor) {
        assert!(broken.contains(rule), "no bad document breaks `{}`", rule.name());
        assert!(
            readme.contains(&format!("| `{}` |", rule.name())),
            "`{}` is not explained",
            rule.name()
        );
    }
}
