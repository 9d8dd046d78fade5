//! What the maintainer reads when a document is wrong. A new bad document is a new file in `fixtures/bad`.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)] // tests

use xtask::{Findings, Spec};

#[test]
fn every_bad_document_is_explained() {
    insta::glob!("../fixtures/bad", "*.yaml", |path| {
        let text = std::fs::read_to_string(path).unwrap();
        let spec = Spec::parse("openapi/chartmogul.yaml", &text).map_err(anyhow::Error::from);
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
