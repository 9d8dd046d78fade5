//! The operation table, line by line: nothing that the document has is forgotten elsewhere.

use std::{fs, path::Path};

use chartmogul::{Operation, operations};
use chartmogul_tests::{UUID, client_for, snapshot};
use serde_json::json;

fn pascal(id: &str) -> String {
    let words = id.split('_').map(|word| word[..1].to_uppercase() + &word[1..]);
    words.collect()
}

/// What is missing for an operation outside of the generated code.
fn missing(operation: &Operation) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let resource = format!("crates/chartmogul/src/resources/{}.rs", operation.tag);
    let verbs = fs::read_to_string(root.join(&resource)).unwrap_or_default();
    let builder = format!("-> {}<M>", pascal(operation.id));
    let wire = format!("tests/it/snapshots/wire/{}.snap", operation.id);
    let mut missing = Vec::new();
    if !verbs.contains(&builder) {
        missing.push(format!("{}: no verb in {resource} has {builder}", operation.id));
    }
    if !verbs.contains(operation.source) {
        missing.push(format!(
            "{}: {resource} does not link {}",
            operation.id, operation.source
        ));
    }
    if !root.join(&wire).exists() {
        missing.push(format!("{}: no {wire}", operation.id));
    }
    missing
}

#[test]
fn every_operation_has_a_verb_and_a_snapshot() {
    let missing: Vec<_> = operations::ALL
        .iter()
        .flat_map(|operation| missing(operation))
        .collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

/// Beyond these, the fake answers 501.
#[tokio::test]
async fn the_fake_imitates_every_operation() {
    let fake = chartmogul_fake::Fake::start().await.unwrap();
    let client = client_for(&fake);
    for operation in operations::ALL {
        let parameters = operation
            .path
            .split('/')
            .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
        let request = client
            .low_level()
            .request(operation.method.parse().unwrap(), operation.path);
        let request = parameters
            .fold(request, |request, name| request.path(name, UUID))
            .json(&json!({}));
        let status = match request.send_any().await {
            Ok(response) => response.status(),
            Err(error) => error.status().unwrap_or_else(|| panic!("{operation}: {error:?}")),
        };
        assert_ne!(status.as_u16(), 501, "{operation} is not imitated");
    }
}

/// What is repeated after a broken connection follows from this table, so a change of it is read by somebody.
#[test]
fn what_is_harmless_to_repeat() {
    let lines = operations::ALL.iter().map(|operation| {
        let harmless = if operation.idempotent {
            "harmless to repeat"
        } else {
            "never repeated if it may have happened"
        };
        format!("{:6} {}: {harmless}\n", operation.method, operation.path)
    });
    snapshot::check("operations", "idempotent", &lines.collect::<String>());
}
