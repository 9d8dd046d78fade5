//! Rows with something wrong.

use super::*;

/// Each kind of mistake: column, cell, and what is said. The last column of the file is `custom.rate`, a decimal.
const MISTAKES: [(&str, &str, &str); 20] = [
    ("amount", "\"1.250,00\"", "write 1250.00"),
    ("amount", "€ 1250", "write 1250"),
    ("amount", "1.250", "write 1250 or 1.25, whichever is meant"),
    ("amount", "12k", "write 12000"),
    ("amount", "#REF!", "is an error of the spreadsheet"),
    ("amount", "12.345", "too many decimals; EUR has 2 decimals; write 12345"),
    ("currency", "Euro", "must be a code of ISO 4217 such as EUR"),
    ("currency", "eur", "must be"),
    ("estimated_close_date", "3/31/2026", "write 2026-03-31"),
    (
        "estimated_close_date",
        "3/4/2026",
        "write 2026-03-04 or 2026-04-03, whichever is meant",
    ),
    ("estimated_close_date", "46112", "write 2026-03-31"),
    ("estimated_close_date", "2026-02-30", "must be a day of the calendar"),
    ("estimated_close_date", "soon", "must be a day such as 2026-03-31"),
    ("win_likelihood", "60%", "write 60"),
    ("win_likelihood", "140", "must be 0 to 100"),
    ("win_likelihood", "60.5", "must be a whole number"),
    (
        "owner",
        "anna@example.com\u{a0}",
        "begins or ends with a no-break space (U+00A0), which is invisible; write anna@example.com",
    ),
    ("custom.rate:decimal", "\"0,25\"", "write 0.25"),
    ("win_likelihood", "-5", "must be 0 to 100"),
    ("uuid", "", "is empty; each row needs it"),
];

const COLUMNS: [&str; 7] = [
    "uuid",
    "amount",
    "currency",
    "estimated_close_date",
    "win_likelihood",
    "owner",
    "custom.rate:decimal",
];

fn row(number: usize, mistake: Option<usize>) -> String {
    let uuid = uuid(number);
    let mut cells = [
        uuid.as_str(),
        "1250.50",
        "EUR",
        "2026-03-31",
        "60",
        "anna@example.com",
        "0.5",
    ]
    .map(str::to_owned);
    if let Some((column, cell, _)) = mistake.map(|mistake| MISTAKES[mistake]) {
        let at = COLUMNS.iter().position(|name| *name == column).unwrap();
        cell.clone_into(&mut cells[at]);
    }
    cells.join(",") + "\n"
}

#[test]
fn five_thousand_rows_with_two_hundred_bad_ones() {
    let mistake = |number: usize| (number % 25 == 7).then_some(number / 25 % MISTAKES.len());
    let file = |mistake: &dyn Fn(usize) -> Option<usize>| {
        COLUMNS.join(",")
            + "\n"
            + &(0..5_000)
                .map(|number| row(number, mistake(number)))
                .collect::<String>()
    };
    let fake = server(5_000);
    let folder = Folder::new(file(&mistake));
    let ran = folder.run(&fake, &[]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stdout.is_empty());
    assert!(fake.requests().is_empty(), "nothing was sent");
    assert!(!exists(&folder.path("deals.csv.journal")));

    let problems = ran.problems();
    assert_eq!(ran.error()["problem_count"], 200);
    assert_eq!(
        ran.error()["message"],
        "deals.csv: 200 problems in 200 rows; nothing was sent"
    );
    let bad: Vec<_> = (0..5_000)
        .filter_map(|number| Some((number, MISTAKES[mistake(number)?])))
        .collect();
    assert_eq!((problems.len(), bad.len()), (200, 200));
    for ((row, column, message), (number, (name, _, said))) in problems.iter().zip(bad) {
        assert_eq!((*row, column.as_str()), (number as u64 + 2, name), "{message}"); // the header is row 1
        assert!(message.contains(said), "row {row}, {column}: {message}; not: {said}");
    }

    // For people: a line each, and the same words.
    let table = folder.run(&fake, &["--output", "table"]);
    let lines: Vec<_> = table.stderr.lines().collect();
    assert_eq!(lines.len(), 202, "{}", table.stderr);
    let first = "row 9, column amount: \"1.250,00\" is not an amount in EUR; must be digits with a point before the decimals, such as \
                 1234.50; write 1250.00";
    assert_eq!(lines[0], first);

    // Corrected, it goes through.
    folder.write(file(&|_| None));
    let ran = folder.run(&fake, &["--results", "done.csv", "--output", "jsonl"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.stdout.lines().count(), 5_000);
    assert!(
        ran.stderr.contains("5000 rows: 5000 updated, 0 unchanged, 0 failed."),
        "{}",
        ran.stderr
    );
    assert_eq!(folder.read("done.csv").lines().count(), 5_001);
    for number in [0, 7, 4_999] {
        let deal = deal(&fake, number);
        assert_eq!(
            (&deal["amount_in_cents"], &deal["win_likelihood"]),
            (&json!(125_050), &json!(60))
        );
        assert_eq!(
            deal["custom"],
            json!({ "own": number, "rate": 0.5 }),
            "merged with what was there"
        );
    }
}

fn problems_of(fake: &Fake, input: &str, words: &[&str]) -> Vec<(u64, String, String)> {
    let ran = Folder::new(input).run(fake, words);
    assert_eq!(ran.code, 2, "{input}: {}", ran.stderr);
    ran.problems()
}

#[test]
fn what_is_wrong_with_columns_is_told_at_once() {
    let fake = server(1);
    let uuid = uuid(0);
    for (header, expected) in [
        ("uuid,ownr", vec![("ownr", "is not known; did you mean `owner`?")]),
        ("uuid,Owner", vec![("Owner", "did you mean `owner`?")]),
        (
            "uuid,win likelihood",
            vec![("win likelihood", "did you mean `win_likelihood`?")],
        ),
        (
            "uuid,owner\u{a0}",
            vec![(
                "owner\u{a0}",
                "a no-break space (U+00A0) in its name, which is invisible; write `owner`",
            )],
        ),
        (
            "uuid,\u{200b}owner",
            vec![("\u{200b}owner", "a zero width space (U+200B)")],
        ),
        ("uuid,\"owner \"", vec![("owner ", "did you mean `owner`?")]),
        ("uuid,owner,owner", vec![("owner", "occurs twice")]),
        (
            "uuid,Close Date",
            vec![("Close Date", "did you mean `estimated_close_date`?")],
        ),
        ("uuid,Stage", vec![("Stage", "did you mean `pipeline_stage`?")]),
        (
            "uuid,created_at,owner",
            vec![(
                "created_at",
                "can't be changed by an update; --ignore created_at leaves it out",
            )],
        ),
        (
            "uuid,opportunity_uuid",
            vec![("opportunity_uuid", "means the same as the column `uuid`")],
        ),
        (
            "uuid,amount,amount_in_cents,currency",
            vec![("amount_in_cents", "means the same as the column `amount`")],
        ),
        ("uuid,amount", vec![("amount", "needs a currency")]),
        (
            "owner,type",
            vec![("", "there is no column `opportunity_uuid` (or `uuid`)")],
        ),
        (
            "uuid,ownr,typ",
            vec![("ownr", "did you mean `owner`?"), ("typ", "did you mean `type`?")],
        ),
        (
            "uuid,custom",
            vec![("custom", "takes a column for each attribute: custom.NAME")],
        ),
        ("uuid,custom.a:float", vec![("custom.a:float", "unknown type")]),
        ("uuid,notes on the deal", vec![("notes on the deal", "leaves it out")]),
    ] {
        let cells = header.split(',').count() - 1;
        let input = format!("{header}\n{uuid}{}\n", ",".repeat(cells));
        let problems = problems_of(&fake, &input, &[]);
        for (column, what) in expected {
            let found = problems
                .iter()
                .any(|(row, name, message)| *row == 1 && name == column && message.contains(what));
            assert!(found, "{header}: {problems:?}");
        }
    }
    assert!(fake.requests().is_empty());
}

#[test]
fn what_is_wrong_with_rows_is_told_with_the_row_of_the_spreadsheet() {
    let fake = server(3);
    let (one, two) = (uuid(0), uuid(1));
    // An empty line is a row, and a cell of two lines is in one row.
    let input = format!("uuid,owner,pipeline\n\n{one},\"a\nb\",New\n{two},\"x\"y,New\n{one},c,New,more\n");
    let problems = problems_of(&fake, &input, &[]);
    let expected = [
        (4, "owner", "there is text after its closing quote"),
        (5, "", "has 4 cells, and the header 3"),
        (5, "uuid", "is in row 3 already"),
    ];
    assert_eq!(problems.len(), expected.len(), "{problems:?}");
    for (row, column, what) in expected {
        let found = problems
            .iter()
            .any(|(at, name, message)| *at == row && name == column && message.contains(what));
        assert!(found, "{row} {what}: {problems:?}");
    }
    let open = problems_of(&fake, &format!("uuid,owner\n{one},\"a\n{two},b\n"), &[]);
    assert_eq!(open[0].0, 2);
    assert!(open[0].2.contains("a quote that is never closed"), "{open:?}");
    let unnamed = problems_of(&fake, &format!("uuid,owner,\n{one},a,\n{two},b,c\n"), &[]);
    assert!(
        unnamed[0].0 == 3 && unnamed[0].2.contains("its column has no name"),
        "{unnamed:?}"
    );
    // More than one mistake in a row.
    let both = problems_of(
        &fake,
        &format!("uuid,win_likelihood,currency,custom.a b\n{one},140,eur,1\n"),
        &[],
    );
    assert_eq!(both.len(), 4, "{both:?}");
}

#[test]
fn attributes_have_one_type_or_say_it() {
    let fake = server(4);
    let rows = |name: &str, cells: [&str; 3]| {
        let row = |(number, cell): (usize, &str)| format!("{},{cell}\n", uuid(number));
        format!("uuid,custom.{name}\n") + &cells.into_iter().enumerate().map(row).collect::<String>()
    };
    for (cells, expected) in [
        (["4", "5", ""], [json!(4), json!(5), json!(null)]),
        (["4", "0.5", "-1"], [json!(4.0), json!(0.5), json!(-1.0)]),
        (["TRUE", "false", "true"], [json!(true), json!(false), json!(true)]),
        (
            ["007", "a", "2026-03-31"],
            [json!("007"), json!("a"), json!("2026-03-31T00:00:00.000Z")],
        ),
    ] {
        let ran = Folder::new(rows("a", cells)).run(&fake, &[]);
        assert_eq!(ran.code, 0, "{cells:?}: {}", ran.stderr);
        for (number, expected) in expected
            .into_iter()
            .enumerate()
            .filter(|(_, expected)| !expected.is_null())
        {
            let found = deal(&fake, number)["custom"]["a"].clone();
            let same = found == expected
                || found.is_number() && found.as_f64() == expected.as_f64()
                || found.as_str().is_some_and(|found| found.starts_with("2026-03-31"));
            assert!(same, "{cells:?}: {found} {expected}");
        }
    }
    let mixed = problems_of(&fake, &rows("a", ["4", "n/a", "5"]), &[]);
    assert!(
        mixed[0]
            .2
            .contains("has a number (row 2: \"4\") and text (row 3: \"n/a\"); say its type"),
        "{mixed:?}"
    );
    let odd = problems_of(&fake, &rows("a", ["\"1.250,00\"", "x", "60%"]), &[]);
    assert_eq!(odd.len(), 2, "{odd:?}");
    assert!(odd[0].2.contains("name the column `custom.a:string`"), "{odd:?}");
    let ran = Folder::new(rows("a:string", ["\"1.250,00\"", "4", "60%"])).run(&fake, &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(deal(&fake, 1)["custom"]["a"], "4");
    let wrong = problems_of(&fake, &rows("a:integer", ["4", "4.5", "x"]), &[]);
    assert_eq!(wrong.len(), 2, "{wrong:?}");
}

#[test]
fn lines_of_json_are_checked_alike() {
    let fake = server(3);
    let lines = |second: &str| {
        format!(
            "{{\"uuid\":\"{}\",\"amount\":1250.5,\"currency\":\"EUR\",\"custom\":{{\"seats\":4,\"own\":null}}}}\n\n{second}\n",
            uuid(0)
        )
    };
    let folder = Folder::named(
        "deals.jsonl",
        lines(&format!("{{\"uuid\":\"{}\",\"win_likelihood\":60}}", uuid(1))),
    );
    let ran = folder.run(&fake, &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(deal(&fake, 0)["custom"], json!({ "seats": 4 }), "null removes");
    assert_eq!(
        (&deal(&fake, 0)["amount_in_cents"], &deal(&fake, 1)["win_likelihood"]),
        (&json!(125_050), &json!(60))
    );
    for (line, column, what) in [
        ("[1]", "", "must be a JSON object"),
        ("{\"uuid\":", "", "is not JSON"),
        ("{\"uuid\":\"x\",\"ownr\":\"a\"}", "ownr", "did you mean `owner`?"),
        ("{\"win_likelihood\":60}", "opportunity_uuid", "is empty"),
        (
            &format!("{{\"uuid\":\"{}\",\"win_likelihood\":\"60\"}}", uuid(1)),
            "win_likelihood",
            "must be",
        ),
        (
            &format!("{{\"uuid\":\"{}\",\"owner\":null}}", uuid(1)),
            "owner",
            "can't be cleared",
        ),
        (
            &format!("{{\"uuid\":\"{}\",\"amount\":5}}", uuid(1)),
            "amount",
            "needs a currency",
        ),
        (
            &format!(
                "{{\"uuid\":\"{}\",\"opportunity_uuid\":\"{}\",\"win_likelihood\":6}}",
                uuid(1),
                uuid(2)
            ),
            "opportunity_uuid",
            "is the same field as uuid",
        ),
        (
            &format!("{{\"uuid\":\"{}\",\"custom\":{{\"a\":1}},\"custom.a\":2}}", uuid(1)),
            "custom.a",
            "is the same field as custom.a",
        ),
        (
            &format!(
                "{{\"uuid\":\"{}\",\"amount_in_cents\":1,\"amount\":\"5.00\",\"currency\":\"EUR\"}}",
                uuid(1)
            ),
            "amount",
            "is the same field as amount_in_cents",
        ),
    ] {
        let folder = Folder::named("deals.jsonl", lines(line));
        let ran = folder.run(&fake, &[]);
        let problems = ran.problems();
        let found = problems
            .iter()
            .any(|(row, name, message)| *row == 3 && name == column && message.contains(what));
        assert!(ran.code == 2 && found, "{line}: {}", ran.stderr);
    }
}

/// One mistake is told once, also if it shows in each row.
#[test]
fn one_mistake_is_one_problem() {
    let fake = server(2);
    let rows = |cells: &str| format!("{},{cells}\n{},{cells}\n", uuid(0), uuid(1));
    let title = format!("Q4 pipeline,,\n,,\nuuid,owner,win_likelihood\n{}", rows("a@b.c,5"));
    let problems = problems_of(&fake, &title, &[]);
    let told: Vec<_> = problems
        .iter()
        .map(|(row, _, message)| (*row, message.as_str()))
        .collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(
        told[2].0 == 3 && told[2].1.contains("remove the rows above it"),
        "{told:?}"
    );
    let problems = problems_of(&fake, &format!("uuid,custom.Contract Value\n{}", rows("5")), &[]);
    assert_eq!(
        (problems.len(), problems[0].1.as_str()),
        (1, "custom.Contract Value"),
        "{problems:?}"
    );
    assert!(
        problems[0].2.contains("invalid attribute name: it must be letters"),
        "{problems:?}"
    );
    // All cells of a column are refused, so nothing can be said about its type.
    let problems = problems_of(&fake, &format!("uuid,custom.renewal\n{}", rows("12/31/2026")), &[]);
    assert!(
        problems.len() == 2 && problems.iter().all(|(row, ..)| *row > 1),
        "{problems:?}"
    );
}

#[test]
fn numbers_are_taken_digit_by_digit() {
    let fake = server(1);
    let lines = |fields: &str| Folder::named("deals.jsonl", format!("{{\"uuid\":\"{}\",{fields}}}\n", uuid(0)));
    let ran = lines(r#""amount":90071992547409.93,"currency":"EUR","custom":{"big":9007199254740993}"#).run(&fake, &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let deal = deal(&fake, 0);
    assert_eq!(deal["amount_in_cents"], 9_007_199_254_740_993_i64);
    assert_eq!(deal["custom"]["big"], 9_007_199_254_740_993_i64);
    let sent = writes(&fake);
    for (fields, column, what) in [
        (r#""amount":1e3,"currency":"EUR""#, "amount", "is not an amount in EUR"),
        (
            r#""amount_in_cents":9007199254740993.0,"currency":"EUR""#,
            "amount_in_cents",
            "more digits than can be kept",
        ),
        (
            r#""custom":{"a":0.12345678901234567890}"#,
            "custom.a",
            "more digits than can be kept",
        ),
        (r#""owner":"a@b.c","owner":"d@e.f""#, "", "`owner` occurs twice"),
        (r#""custom":{"a":1,"a":2}"#, "custom", "`custom.a` occurs twice"),
        (r#""custom":{}"#, "custom", "custom.NAME"),
        (r#""colour":{}"#, "colour", "is not known"),
    ] {
        let problems = lines(fields).run(&fake, &[]).problems();
        let found = problems
            .iter()
            .any(|(row, name, message)| *row == 1 && name == column && message.contains(what));
        assert!(found, "{fields}: {problems:?}");
    }
    let input = format!("uuid,custom.a:decimal\n{},9007199254740993\n", uuid(0));
    assert!(
        problems_of(&fake, &input, &[])[0]
            .2
            .contains("more digits than a decimal can hold")
    );
    assert_eq!(writes(&fake), sent);

    // Failed rows have the numbers as they were written.
    let bad = "{\"uuid\":\"00000000-0000-4000-8000-00000000000f\",\"amount\":90071992547409.90,\"currency\":\"EUR\"}";
    let folder = Folder::named("deals.jsonl", bad);
    assert_eq!(folder.run(&fake, &[]).code, 3);
    assert!(
        folder
            .read("deals.failed.jsonl")
            .contains("\"amount\":90071992547409.90,")
    );
}

#[test]
fn a_bad_amount_is_told_beside_a_bad_currency() {
    let fake = server(2);
    let input = format!(
        "uuid,amount,currency\n{},\"1.250,00\",Euro\n{},5.123,Euro\n",
        uuid(0),
        uuid(1)
    );
    let problems = problems_of(&fake, &input, &[]);
    let found: Vec<_> = problems
        .iter()
        .map(|(row, column, _)| (*row, column.as_str()))
        .collect();
    assert_eq!(found, [(2, "currency"), (2, "amount"), (3, "currency")], "{problems:?}");
    assert!(problems[1].2.ends_with("; write 1250.00"), "{problems:?}");
}

#[test]
fn instants_are_refused_with_what_was_meant() {
    let fake = Fake::start().unwrap();
    let key = "cus_00000000-e7fe-41ee-9a7f-f303abf41acc";
    let folder = Folder::new(format!("uuid,lead_created_at\n{key},2026-05-01 10:00\n"));
    let mut command = program(&fake);
    command
        .current_dir(folder.folder.path())
        .args(["customers", "bulk-update", "deals.csv"]);
    let ran = finish(command);
    assert!(
        ran.code == 2 && ran.problems()[0].2.ends_with("; write 2026-05-01T10:00:00Z"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_wrong_key_of_json_lines_is_told_once() {
    let fake = server(3);
    let line = |number| format!("{{\"uuid\":\"{}\",\"ownr\":\"a@b.c\",\"type\":\"x\"}}\n", uuid(number));
    let folder = Folder::named("deals.jsonl", (0..3).map(line).collect::<String>());
    let ran = folder.run(&fake, &[]);
    assert_eq!(ran.code, 2);
    assert_eq!(
        ran.problems(),
        [(
            1,
            "ownr".to_owned(),
            "is not known; did you mean `owner`? (3 rows have it)".to_owned()
        )]
    );
    assert!(ran.stderr.contains("1 problem in 3 rows"), "{}", ran.stderr);
}

#[test]
fn units_in_a_column_of_cents_are_told() {
    let fake = server(1);
    let input = format!("uuid,amount_in_cents,currency\n{},$1250.00,EUR\n", uuid(0));
    let problems = problems_of(&fake, &input, &[]);
    let what = "must be a whole number of cents, and looks like units of a currency; name the column `amount` for those; \
                write 125000 if it is units with two decimals, or 1250 if it is cents already";
    assert_eq!(problems, [(2, "amount_in_cents".to_owned(), what.to_owned())]);
}

#[test]
fn what_is_no_identifier_is_never_sent() {
    let fake = server(1);
    let link = format!("https://app.chartmogul.com/#/opportunities/{}", uuid(0));
    for (cell, what) in [
        ("Total", "must be a UUID, such as 4ee13ca4-e7fe-41ee-9a7f-f303abf41acc"),
        ("\" \"", "must be a UUID"),
        ("1", "must be a UUID"),
        ("cus_00000000-e7fe-41ee-9a7f-f303abf41acc", "must be a UUID"),
        (&link, "; write 00000000-e7fe-41ee-9a7f-f303abf41acc"),
        ("", "is empty; each row needs it"),
    ] {
        let problems = problems_of(&fake, &format!("uuid,win_likelihood\n{},5\n{cell},60\n", uuid(0)), &[]);
        assert_eq!(
            (problems.len(), problems[0].0, problems[0].1.as_str()),
            (1, 3, "uuid"),
            "{problems:?}"
        );
        assert!(problems[0].2.contains(what), "{problems:?}");
    }
    assert!(fake.requests().is_empty());
}

#[test]
fn a_currency_is_never_changed_alone() {
    let fake = server(2);
    let (one, two) = (uuid(0), uuid(1));
    let input = format!("uuid,currency,amount_in_cents,owner\n{one},USD,,a@b.c\n{two},USD,200,a@b.c\n");
    let problems = problems_of(&fake, &input, &[]);
    assert_eq!(
        (problems.len(), problems[0].0, problems[0].1.as_str()),
        (1, 2, "currency")
    );
    assert!(
        problems[0].2.contains("changes what amount_in_cents is worth"),
        "{problems:?}"
    );
    for (words, input, what) in [
        (
            &["--currency", "EUR"][..],
            format!("uuid,amount_in_cents\n{one},5\n"),
            "--currency has no effect",
        ),
        (
            &["--currency", "XAU"],
            format!("uuid,amount\n{one},5\n"),
            "has no amounts in cents",
        ),
        (
            &[],
            format!("uuid,amount,currency\n{one},5,XAU\n"),
            "has no amounts in cents",
        ),
        (
            &[],
            format!("uuid,amount_in_cents,currency\n{one},5,XTS\n"),
            "has no amounts in cents",
        ),
    ] {
        let ran = Folder::new(&input).run(&fake, words);
        assert!(ran.code == 2 && ran.stderr.contains(what), "{input}: {}", ran.stderr);
    }
    assert!(fake.requests().is_empty());
    // The same number in another currency is another amount, and looks like it.
    let folder = Folder::new(format!("uuid,currency,amount_in_cents\n{one},JPY,100\n"));
    let ran = folder.run(&fake, &["--dry-run", "--output", "table"]);
    let line = ran.stdout.lines().find(|line| line.contains("amount")).unwrap();
    assert!(line.contains("1.00 EUR") && line.contains("100 JPY"), "{}", ran.stdout);
}

#[test]
fn attributes_are_replaced_by_others_not_by_nothing() {
    let fake = server(1);
    let one = uuid(0);
    for (name, input, what) in [
        (
            "deals.csv",
            format!("uuid,owner\n{one},a@b.c\n"),
            "no row has a custom attribute",
        ),
        (
            "deals.csv",
            format!("uuid,owner,custom.own\n{one},a@b.c,\n"),
            "no row has a custom attribute",
        ),
        (
            "deals.jsonl",
            format!("{{\"uuid\":\"{one}\",\"owner\":\"a@b.c\",\"custom\":{{}}}}"),
            "custom.NAME",
        ),
        (
            "deals.jsonl",
            format!("{{\"uuid\":\"{one}\",\"custom\":{{\"own\":null}}}}"),
            "remove every custom attribute",
        ),
    ] {
        let ran = Folder::named(name, &input).run(&fake, &["--replace-custom"]);
        assert!(ran.code == 2 && ran.stderr.contains(what), "{input}: {}", ran.stderr);
    }
    let mut command = program(&fake);
    let plans = Folder::new("uuid,name\n");
    command
        .current_dir(plans.folder.path())
        .args(["plans", "bulk-update", "deals.csv", "--replace-custom"]);
    assert!(finish(command).stderr.contains("has no effect here"));
    assert!(fake.requests().is_empty());
}
