//! Files as programs for spreadsheets write them.

use super::*;

fn rows(delimiter: &str, end: &str) -> String {
    let row = |number: usize, owner: &str| [uuid(number), owner.to_owned()].join(delimiter) + end;
    ["uuid", "owner"].join(delimiter) + end + &row(0, "jürgen@example.com") + &row(1, "anna@example.com")
}

#[test]
fn every_usual_form_is_recognised() {
    let wide = |text: &str, big: bool| -> Vec<u8> {
        let units = text.encode_utf16();
        units
            .flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() })
            .collect()
    };
    let latin: Vec<u8> = rows(";", "\r\n")
        .chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap())
        .collect();
    let inputs: Vec<(&str, Vec<u8>, Vec<&str>)> = vec![
        ("deals.csv", rows(",", "\n").into(), vec![]),
        ("deals.csv", rows(";", "\r\n").into(), vec![]),
        ("deals.csv", rows("\t", "\n").into(), vec![]),
        ("deals.tsv", rows("\t", "\n").into(), vec![]),
        ("deals.csv", rows("|", "\n").into(), vec!["--delimiter", "|"]),
        ("deals.csv", rows(",", "\r").into(), vec![]),
        ("deals.csv", ("\u{feff}".to_owned() + &rows(",", "\n")).into(), vec![]),
        (
            "deals.csv",
            ("sep=;\r\n".to_owned() + &rows(";", "\r\n")).into(),
            vec![],
        ),
        ("deals.csv", ("\n\n".to_owned() + &rows(",", "\n\n")).into(), vec![]),
        (
            "deals.txt",
            wide(&("\u{feff}".to_owned() + &rows("\t", "\r\n")), false),
            vec![],
        ),
        (
            "deals.txt",
            wide(&("\u{feff}".to_owned() + &rows("\t", "\r\n")), true),
            vec![],
        ),
        ("deals.txt", wide(&rows("\t", "\r\n"), false), vec![]),
        ("deals.csv", latin.clone(), vec!["--encoding", "windows-1252"]),
    ];
    for (name, input, words) in inputs {
        let fake = server(2);
        let ran = Folder::named(name, &input).run(&fake, &words);
        assert_eq!(ran.code, 0, "{}: {}", String::from_utf8_lossy(&input), ran.stderr);
        assert_eq!(deal(&fake, 0)["owner"], "jürgen@example.com");
        assert_eq!(deal(&fake, 1)["owner"], "anna@example.com");
    }
    let fake = server(2);
    let refused = |input: &[u8]| {
        let ran = Folder::new(input).run(&fake, &[]);
        assert_eq!(ran.code, 2);
        ran.error()["message"].as_str().unwrap().to_owned()
    };
    assert!(
        refused(&latin).contains("the byte FC, which is \"ü\" in Windows-1252"),
        "{}",
        refused(&latin)
    );
    assert!(refused(b"PK\x03\x04....").contains("a workbook (.xlsx"));
    assert!(refused(b"a,b;c\n").contains("--delimiter"));
    assert!(refused(b"[\n {\"uuid\": \"x\"}\n]\n").contains("it is an array of JSON; write an object in each line"));
    let empty = Folder::new("").run(&fake, &[]);
    assert!(empty.code == 2 && empty.stderr.contains("is empty"), "{}", empty.stderr);
    let missing = finish({
        let mut command = program(&fake);
        command.args(["opportunities", "bulk-update", "nothing.csv"]);
        command
    });
    assert_eq!(missing.code, 2, "{}", missing.stderr);
    assert!(fake.requests().is_empty());
}

/// The same command is passed the file of failed rows, which is always UTF-8.
#[test]
fn failed_rows_are_read_in_the_encoding_that_they_have() {
    let fake = server(2);
    let (known, unknown) = (uuid(0), "00000000-0000-4000-8000-00000000000f");
    let latin = |text: String| -> Vec<u8> { text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect() };
    for (name, input) in [
        ("deals.csv", format!("uuid,pipeline\n{unknown},M\u{fc}nchen\n")),
        (
            "deals.jsonl",
            format!("{{\"uuid\":\"{unknown}\",\"pipeline\":\"M\u{fc}nchen\"}}\n"),
        ),
    ] {
        let words = ["--encoding", "windows-1252"];
        let folder = Folder::named(name, latin(input.clone()));
        assert_eq!(folder.run(&fake, &words).code, 3);
        let failed = folder.read(&name.replace('.', ".failed."));
        assert!(failed.starts_with('\u{feff}'), "{failed}");
        folder.write(failed.replace(unknown, &known));
        let ran = folder.run(&fake, &[&words[..], &["--restart"]].concat());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert_eq!(deal(&fake, 0)["pipeline"], "M\u{fc}nchen");

        // What is UTF-8 is not read as something else.
        let ran = Folder::named(name, &input).run(&fake, &words);
        assert!(
            ran.code == 2 && ran.stderr.contains("it is UTF-8 already"),
            "{}",
            ran.stderr
        );
    }
}

#[test]
fn standard_input_is_read_to_its_end() {
    let fake = server(2);
    let folder = Folder::new("");
    let command = || {
        let mut command = program(&fake);
        command
            .current_dir(folder.folder.path())
            .args(["opportunities", "bulk-update", "-"]);
        command
    };
    let ran = finish_with(command(), rows(";", "\n").as_bytes());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(deal(&fake, 0)["owner"], "jürgen@example.com");
    let lines = format!("{{\"uuid\":\"{}\",\"owner\":\"x@y.z\"}}\n", uuid(0));
    assert_eq!(finish_with(command(), lines.as_bytes()).code, 0);
    assert_eq!(deal(&fake, 0)["owner"], "x@y.z");
    assert_eq!(
        std::fs::read_dir(folder.folder.path()).unwrap().count(),
        1,
        "no journal"
    );
}

#[test]
fn what_is_quoted_is_not_trimmed_and_what_is_empty_stays() {
    let fake = server(2);
    let before = deal(&fake, 1);
    let input = format!("uuid,pipeline,owner\n{} , \" Two\nlines \" ,\n{},,\n", uuid(0), uuid(1));
    let input = input.replace(", \" Two", ",\" Two").replace("lines \" ,", "lines \",");
    let ran = Folder::new(input).run(&fake, &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(deal(&fake, 0)["pipeline"], " Two\nlines ");
    assert_eq!(deal(&fake, 1), before);
    assert!(ran.stderr.contains("Of 2 rows, 1 set nothing"), "{}", ran.stderr);
    assert_eq!(ran.results()[1]["outcome"], "unchanged");
    assert_eq!(writes(&fake), 1);
}

#[test]
fn empty_cells_clear_where_that_is_said() {
    let fake = server(2);
    let input = format!("uuid,owner,custom.own\n{},a@b.c,\n{},a@b.c,5\n", uuid(0), uuid(1));
    let folder = Folder::new(input);
    assert_eq!(folder.run(&fake, &[]).code, 0);
    assert_eq!(deal(&fake, 0)["custom"], json!({ "own": 0 }));
    let ran = folder.run(&fake, &["--clear-empty", "custom.own"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(
        (&deal(&fake, 0)["custom"], &deal(&fake, 1)["custom"]),
        (&json!({}), &json!({ "own": 5 }))
    );
    for (column, what) in [("owner", "the API can't clear it"), ("type", "there is no such column")] {
        let ran = folder.run(&fake, &["--clear-empty", column]);
        assert!(ran.code == 2 && ran.stderr.contains(what), "{}", ran.stderr);
    }
}

#[test]
fn columns_can_be_left_out_and_currencies_be_given() {
    let fake = server(2);
    let input = format!(
        "uuid,Customer,amount\n{},Example Ltd,1250.5\n{},Other Ltd,7\n",
        uuid(0),
        uuid(1)
    );
    let folder = Folder::new(input);
    let ran = folder.run(&fake, &["--ignore", "Customer", "--currency", "JPY"]);
    assert!(
        ran.code == 2 && ran.problems()[0].2.contains("JPY has no decimals"),
        "{}",
        ran.stderr
    );
    let ran = folder.run(&fake, &["--ignore", "Customer", "--currency", "USD"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let deal = deal(&fake, 0);
    assert_eq!(
        (&deal["amount_in_cents"], &deal["currency"]),
        (&json!(125_050), &json!("USD"))
    );
    assert_eq!(folder.run(&fake, &["--currency", "Dollar"]).code, 2);
}
