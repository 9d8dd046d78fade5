//! What the maintainer reads when a document is wrong. A new bad document is a new file in `fixtures/bad`.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)] // tests

use xtask::{Findings, Rule, Spec};

#[test]
fn every_bad_document_is_explained() {
    insta::glob!("../fixtures/bad", "*.yaml", |path| {
        let text = std::fs::read_to_string(path).unwrap();
        let spec = Spec::parse("openapi/chartmogul.yaml", &text);
        let error = spec
            .and_then(|spec| xtask::generate(&spec))
            .expect_err("the document is wrong");
        assert!(
            error.downcast_ref::<Findings>().is_some(),
            "no place is given: {error:?}"
        );
        insta::with_settings!({ omit_expression => true }, {
            insta::assert_snapshot!(error.to_string());
        });
    });
}

/// A rule that nothing can break, or that is not explained, is no rule.
#[test]
fn every_rule_is_explained_and_has_a_bad_document() {
    let read = |path: &str| std::fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let readme = read("../openapi/README.md");
    let mut broken = Vec::new();
    for entry in std::fs::read_dir(format!("{}/fixtures/bad", env!("CARGO_MANIFEST_DIR"))).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let spec = Spec::parse("x", &text);
        let error = spec
            .and_then(|spec| xtask::generate(&spec))
            .expect_err("the document is wrong");
        let findings = error.downcast::<Findings>().unwrap();
        broken.extend(findings.0.into_iter().map(|finding| finding.rule));
    }
    // No document is known that the other rules let pass and progenitor can't take.
    for rule in Rule::ALL.iter().filter(|rule| **rule != Rule::Progenitor) {
        assert!(broken.contains(rule), "no bad document breaks `{}`", rule.name());
        assert!(
            readme.contains(&format!("| `{}` |", rule.name())),
            "`{}` is not explained",
            rule.name()
        );
    }
}
