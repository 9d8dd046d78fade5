//! Every example of the help works, on the fake.

use super::run;

/// What a shell makes of a line with quotes of one kind.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    words
}

#[test]
fn every_operation_has_an_example_that_works() {
    let tree: serde_json::Value = serde_json::from_str(&run(&["commands", "--json"]).stdout).unwrap();
    let mut failed = Vec::new();
    let mut count = 0;
    for command in tree["commands"].as_array().unwrap() {
        let Some(example) = command["example"].as_str() else {
            continue;
        };
        let mut line = words(example);
        line[0] = "--fake".to_owned();
        line.push("--yes".to_owned());
        let line: Vec<_> = line.iter().map(String::as_str).collect();
        let ran = run(&line);
        count += 1;
        if ran.code != 0 {
            failed.push(format!("{example}\n  {}", ran.stderr));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(count >= 25, "{count}");
}

#[test]
fn help_has_examples_at_each_level() {
    for command in [
        &["--help"][..],
        &["-h"],
        &["opportunities", "--help"],
        &["opportunities", "update", "-h"],
        &["auth", "login", "--help"],
        &["api", "--help"],
    ] {
        let help = run(command);
        assert_eq!((help.code, help.stderr.as_str()), (0, ""));
        assert!(help.stdout.contains("Example"), "{command:?}: {}", help.stdout);
    }
}
