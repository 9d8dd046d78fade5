//! Dry runs, results, failed rows, and files that were corrected.

use super::*;

/// Sets the likelihood of so many opportunities.
fn rows(uuids: impl IntoIterator<Item = (String, u64)>) -> String {
    let row = |(uuid, likelihood)| format!("{uuid},{likelihood}\n");
    "uuid,win_likelihood\n".to_owned() + &uuids.into_iter().map(row).collect::<String>()
}

#[test]
fn a_dry_run_shows_old_and_new_and_sends_nothing() {
    let fake = server(3);
    let input = format!(
        "uuid,amount,currency,custom.team\n{},200,EUR,red\n{},1,EUR,\n00000000-0000-4000-8000-00000000000f,5,EUR,\n",
        uuid(0),
        uuid(1)
    );
    let folder = Folder::new(input);
    let ran = folder.run(&fake, &["--dry-run", "--output", "table"]);
    assert_eq!(ran.code, 3, "one does not exist: {}", ran.stderr);
    let lines: Vec<_> = ran.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{}", ran.stdout);
    assert!(lines[0].starts_with("row"), "{}", ran.stdout);
    let amount = lines.iter().find(|line| line.contains("amount")).unwrap();
    assert!(
        amount.contains("1.00 EUR") && amount.contains("200.00 EUR"),
        "{}",
        ran.stdout
    );
    for part in [
        "Rows that change: 1.00 EUR before, 200.00 EUR after (+199.00 EUR).",
        "row 4: ",
        "3 rows: 1 would be updated, 1 would not change, 1 would fail. Nothing was sent.",
    ] {
        assert!(ran.stderr.contains(part), "{part}: {}", ran.stderr);
    }
    let ran = folder.run(&fake, &["--dry-run", "--replace-custom"]);
    let lost = json!({
        "row": 2, "opportunity_uuid": uuid(0), "field": "custom.own", "old": 0, "new": null, "lost": true,
    });
    assert!(ran.results().contains(&lost), "{}", ran.stdout);
    assert!(
        ran.stderr.contains("1 row would remove 1 custom attribute that"),
        "{}",
        ran.stderr
    );
    assert_eq!(writes(&fake), 0);
    assert_eq!(
        std::fs::read_dir(folder.folder.path()).unwrap().count(),
        1,
        "no journal"
    );
}

#[test]
fn all_attributes_are_replaced_only_if_that_is_said() {
    let fake = server(1);
    let folder = Folder::new(format!("uuid,custom.team\n{},red\n", uuid(0)));
    assert_eq!(folder.run(&fake, &[]).code, 0);
    assert_eq!(deal(&fake, 0)["custom"], json!({ "own": 0, "team": "red" }));
    assert_eq!(folder.run(&fake, &["--replace-custom"]).code, 0);
    assert_eq!(deal(&fake, 0)["custom"], json!({ "team": "red" }));
}

#[test]
fn a_dry_run_shows_what_the_row_names_of_an_object() {
    let fake = Fake::start().unwrap();
    let key = "cus_00000000-e7fe-41ee-9a7f-f303abf41acc";
    let mut customer = samples::object("customers", key);
    customer["attributes"] = json!({ "tags": ["vip", "pilot"], "stripe": {}, "custom": { "seats": 4, "team": "red" } });
    fake.collection("customers").insert(customer).unwrap();
    let dry = |input: &str| {
        let folder = Folder::new(input);
        let mut command = program(&fake);
        command
            .current_dir(folder.folder.path())
            .args(["customers", "bulk-update", "deals.csv", "--dry-run"]);
        finish(command)
    };
    let ran = dry(&format!("uuid,attributes.custom.seats,custom.team\n{key},5,red\n"));
    let line = json!({
        "row": 2, "customer_uuid": key, "field": "attributes.custom.seats", "old": 4, "new": 5, "lost": false,
    });
    assert_eq!(ran.results(), [line], "{}", ran.stderr);
    let ran = dry(&format!("uuid,custom.seats\n{key},4\n"));
    assert!(
        ran.stderr.contains("0 would be updated, 1 would not change"),
        "{}",
        ran.stderr
    );
    let ran = dry(&format!("uuid,attributes.tags\n{key},\"[\"\"vip\"\"]\"\n"));
    let line = &ran.results()[0];
    assert_eq!(
        (&line["field"], &line["lost"]),
        (&json!("attributes.tags"), &json!(true)),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stderr.contains("1 row would remove 1 entry of a list"),
        "{}",
        ran.stderr
    );
}

#[test]
fn failed_rows_are_corrected_and_fed_in_again() {
    let fake = server(10);
    let wrong = |number: usize| format!("{number:08x}-0000-4000-8000-000000000000");
    let uuids = |bad: &[usize]| {
        let uuid = |number| {
            if bad.contains(&number) {
                wrong(number)
            } else {
                uuid(number)
            }
        };
        rows((0..10).map(|number| (uuid(number), 61)))
    };
    let folder = Folder::new(uuids(&[3, 6]));
    let ran = folder.run(&fake, &["--results", "all.jsonl"]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("10 rows: 8 updated, 0 unchanged, 2 failed."),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("Failed rows: deals.failed.csv."), "{}", ran.stderr);
    assert_eq!(ran.results().len(), 10);
    assert_eq!(folder.read("all.jsonl").lines().count(), 10);
    let failed = folder.read("deals.failed.csv");
    let lines: Vec<_> = failed.lines().collect();
    assert_eq!(
        lines[0],
        "chartmogul.row,chartmogul.outcome,chartmogul.reason,uuid,win_likelihood"
    );
    assert!(
        lines[1].starts_with("5,failed,") && lines[1].ends_with(&format!(",{},61", wrong(3))),
        "{failed}"
    );
    assert_eq!(lines.len(), 3);

    // As it is: only those two are sent, and the file of failed rows is the same.
    let sent = writes(&fake);
    let ran = folder.run(&fake, &[]);
    assert_eq!((ran.code, writes(&fake) - sent), (3, 2), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("Of 10 rows, 8 were made earlier; 2 are left."),
        "{}",
        ran.stderr
    );
    assert_eq!(folder.read("deals.failed.csv"), failed);
    assert!(!exists(&folder.path("deals.failed-2.csv")));

    let earlier = ran
        .results()
        .into_iter()
        .filter(|line| line["reason"] == "by an earlier run")
        .count();
    assert_eq!(earlier, 8, "{}", ran.stdout);

    // One is corrected in the file of failed rows.
    std::fs::write(folder.path("deals.failed.csv"), failed.replace(&wrong(3), &uuid(3))).unwrap();
    let sent = writes(&fake);
    let mut command = program(&fake);
    command
        .current_dir(folder.folder.path())
        .args(["opportunities", "bulk-update", "deals.failed.csv"]);
    let ran = finish(command);
    assert_eq!((ran.code, writes(&fake) - sent), (3, 2), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("Failed rows: deals.failed-2.csv."),
        "{}",
        ran.stderr
    );
    assert_eq!(deal(&fake, 3)["win_likelihood"], 61);

    // The other one under the same name.
    folder.write(uuids(&[]));
    let sent = writes(&fake);
    let ran = folder.run(&fake, &[]);
    assert_eq!((ran.code, writes(&fake) - sent), (0, 2), "{}", ran.stderr);
    assert_eq!(deal(&fake, 6)["win_likelihood"], 61);

    // All is made: nothing is sent, unless it is forgotten.
    let sent = writes(&fake);
    assert_eq!((folder.run(&fake, &[]).code, writes(&fake) - sent), (0, 0));
    assert_eq!((folder.run(&fake, &["--restart"]).code, writes(&fake) - sent), (0, 10));
}

#[test]
fn the_cells_of_failed_rows_are_kept_as_they_were() {
    let fake = server(1);
    let bad = "00000000-0000-4000-8000-00000000000f";
    let input = format!(
        "\u{feff}uuid;pipeline;custom.rate;custom.code\r\n{};a;4;007\r\n{bad};\" x;\"\"y\"\"\r\nz\";5;008\r\n{};b;0.5;x\r\n",
        uuid(0),
        "00000000-0000-4000-8000-0000000000ff"
    );
    let folder = Folder::new(input);
    let ran = folder.run(&fake, &[]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    let failed = folder.read("deals.failed.csv");
    // The types that were found are said, because the rows that are left may look different.
    let names = "\u{feff}chartmogul.row;chartmogul.outcome;chartmogul.reason;uuid;pipeline;custom.rate:decimal;custom.code:string\n";
    assert!(failed.starts_with(names), "{failed}");
    assert!(
        failed.contains(&format!(";{bad};\" x;\"\"y\"\"\r\nz\";5;008\n")),
        "{failed}"
    );
    let ran = Folder::named("deals.failed.csv", &failed).run(&fake, &["--dry-run"]);
    assert_eq!(ran.code, 3, "it is read again: {}", ran.stderr);

    let lines = format!("{{\"uuid\":\"{bad}\",\"win_likelihood\":5,\"custom\":{{\"a\":[1]}}}}\n")
        .replace(",\"custom\":{\"a\":[1]}", "");
    let folder = Folder::named("deals.jsonl", lines);
    assert_eq!(folder.run(&fake, &[]).code, 3);
    let failed: Value = serde_json::from_str(&folder.read("deals.failed.jsonl")).unwrap();
    assert_eq!(
        (&failed["chartmogul.row"], &failed["win_likelihood"]),
        (&json!(1), &json!(5))
    );
    let again = Folder::named("deals.failed.jsonl", failed.to_string());
    assert_eq!(again.run(&fake, &[]).code, 3);
}

#[test]
fn rows_of_one_object_are_sent_in_order_if_that_is_wanted() {
    let fake = server(1);
    let folder = Folder::new(rows([(uuid(0), 10), (uuid(0), 20), (uuid(0).to_uppercase(), 30)]));
    let ran = folder.run(&fake, &[]);
    assert!(ran.code == 2 && ran.problems().len() == 2, "{}", ran.stderr);
    assert_eq!(folder.run(&fake, &["--allow-duplicates"]).code, 0);
    assert_eq!(deal(&fake, 0)["win_likelihood"], 30);
}

#[test]
fn what_changes_nothing_need_not_be_sent() {
    let fake = server(2);
    let before = deal(&fake, 0)["win_likelihood"].as_u64().unwrap();
    let folder = Folder::new(rows([(uuid(0), before), (uuid(1), before + 1)]));
    let ran = folder.run(&fake, &["--skip-unchanged"]);
    assert_eq!((ran.code, writes(&fake)), (0, 1), "{}", ran.stderr);
    assert!(ran.stderr.contains("1 updated, 1 unchanged"), "{}", ran.stderr);
}

#[test]
fn a_report_shows_the_pipeline_before_and_after() {
    let fake = server(3);
    let input = format!(
        "uuid,amount,currency,pipeline_stage\n{},200,EUR,Closed Won\n{},1,EUR,\n",
        uuid(0),
        uuid(1)
    );
    let input_again = format!("{input}{},7,EUR,\n", uuid(2));
    let folder = Folder::new(input);
    let ran = folder.run(&fake, &["--report", "report.html"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let page = folder.read("report.html");
    for part in [
        "<svg",
        "Closed Won, after: 200.00 EUR",
        "Before <b>1.00 EUR</b>, after <b>200.00 EUR</b>: +199.00 EUR",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    // The next run shows what was before the first one, also of what that has made.
    folder.write(&input_again);
    let ran = folder.run(&fake, &["--report", "report.html"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let page = folder.read("report.html");
    let sum = "Before <b>2.00 EUR</b>, after <b>207.00 EUR</b>";
    assert!(
        page.contains("<p>2 changes.") && page.contains(sum) && !page.contains("Not in here"),
        "{page}"
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(folder.path("deals.csv.journal.before"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    // Without a report at first, that is not known any more, and the page says so.
    let folder = Folder::new(input_again.replace(",200,", ",300,").replace(",7,", ",8,"));
    assert_eq!(folder.run(&fake, &[]).code, 0);
    assert_eq!(folder.run(&fake, &["--report", "report.html"]).code, 0);
    let page = folder.read("report.html");
    assert!(
        page.contains("Not included: 2 rows, made by earlier runs without a report."),
        "{page}"
    );
    let mut command = program(&fake);
    let plans = Folder::new("uuid,name\npl_1,a\n");
    command
        .current_dir(plans.folder.path())
        .args(["plans", "bulk-update", "deals.csv", "--report", "r.html"]);
    let ran = finish(command);
    assert!(
        ran.code == 2
            && ran
                .stderr
                .contains("--report needs an amount, a day and the field pipeline_stage, which plans do not have"),
        "{}",
        ran.stderr
    );
}
