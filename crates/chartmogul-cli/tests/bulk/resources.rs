//! Every resource that can be updated.

use chartmogul::chartmogul_api::operations;

use super::*;

/// What the document has as the example of an update is a row.
#[test]
fn every_update_by_one_parameter_has_it() {
    let mut tried = Vec::new();
    for operation in operations::ALL {
        let [id] = operation.parameters else { continue };
        if operation.method != "PATCH" || operation.read().is_none() {
            continue;
        }
        let key: String = serde_json::from_str(id.example.unwrap()).unwrap();
        let fake = Fake::start().unwrap();
        if fake.collection(operation.tag).insert_sample(&key).is_err() {
            continue; // the fake keeps none of these
        }
        let mut row: Value = serde_json::from_str(operation.body.unwrap().example.unwrap()).unwrap();
        if let Some(list) = row["custom"].as_array().cloned() {
            let pair = |one: &Value| (one["key"].as_str().unwrap().to_owned(), one["value"].clone());
            row["custom"] = Value::Object(list.iter().map(pair).collect());
        }
        row[id.name] = json!(key);
        let folder = Folder::named("rows.jsonl", row.to_string());
        let run = |words: &[&str]| {
            let mut command = program(&fake);
            let resource = operation.tag.replace('_', "-");
            command
                .current_dir(folder.folder.path())
                .args([&resource, "bulk-update", "rows.jsonl"])
                .args(words);
            finish(command)
        };
        assert_ne!(run(&["--dry-run"]).code, 2, "{operation}");
        let ran = run(&[]);
        assert_eq!(ran.code, 0, "{operation}: {}", ran.stderr);
        // The example may be what is there.
        let outcome = ran.results()[0]["outcome"].clone();
        assert!(
            ["updated", "unchanged"].iter().any(|known| outcome == *known),
            "{operation}: {}",
            ran.stdout
        );
        let help = run(&["--help"]);
        assert!(help.code == 0 && help.stdout.contains(id.name), "{}", help.stdout);
        let has_custom = row.to_string().contains("\"custom\"");
        assert_eq!(help.stdout.contains("custom.NAME"), has_custom, "{operation}");
        tried.push(operation.id);
    }
    for id in ["customer", "contact", "note", "task", "opportunity", "plan"] {
        assert!(tried.contains(&&*format!("update_{id}")), "{tried:?}");
    }
}
