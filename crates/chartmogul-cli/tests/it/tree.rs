//! The tree of commands, frozen: what scripts rely on shows in a review.

use std::fs;

use super::run;

/// Not the fields of each resource, which the document has, but every command and how its arguments are named.
#[test]
fn the_tree_is_as_it_was_reviewed() {
    let tree: serde_json::Value = serde_json::from_str(&run(&["commands", "--json"]).stdout).unwrap();
    let mut lines = Vec::new();
    let names = |arguments: &serde_json::Value| {
        let names = arguments.as_array().unwrap().iter().map(|argument| {
            let name = argument["name"].as_str().unwrap();
            let value = argument["value"]
                .as_str()
                .map(|value| format!(" {value}"))
                .unwrap_or_default();
            if argument["required"] == true {
                format!("{name}{value}!")
            } else {
                format!("{name}{value}")
            }
        });
        names.collect::<Vec<_>>().join(", ")
    };
    lines.push(format!("every command: {}", names(&tree["global_arguments"])));
    for command in tree["commands"].as_array().unwrap() {
        lines.push(format!(
            "{}: {}",
            command["command"].as_str().unwrap(),
            names(&command["arguments"])
        ));
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn each_shell_has_its_script() {
    for (shell, sign) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef chartmogul"),
        ("fish", "complete -c chartmogul"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let script = run(&["completions", shell]);
        assert_eq!(script.code, 0);
        assert!(script.stdout.contains(sign), "{shell}");
        assert!(script.stdout.contains("win-likelihood"), "{shell} knows the flags");
    }
}

#[cfg(unix)]
#[test]
fn bash_can_read_its_script() {
    let script = run(&["completions", "bash"]).stdout;
    let complete = r#"
        COMP_WORDS=(chartmogul opportunities update --win) COMP_CWORD=3
        _chartmogul chartmogul --win update
        echo "${COMPREPLY[@]}""#;
    let mut bash = std::process::Command::new("bash");
    let ran = super::finish(bash.arg("-s"), &format!("{script}\n{complete}\n"));
    assert_eq!(ran.stdout, "--win-likelihood\n", "{}", ran.stderr);
}

#[test]
fn each_command_has_a_man_page() {
    let folder = tempfile::tempdir().unwrap();
    let ran = run(&["man", "--dir", folder.path().to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let page = fs::read_to_string(folder.path().join("chartmogul-opportunities-update.1")).unwrap();
    assert!(page.contains(r"\-\-win\-likelihood"), "{page}");
    let top = fs::read_to_string(folder.path().join("chartmogul.1")).unwrap();
    assert!(
        top.contains("Exit codes") && top.contains("the rate limit was exceeded"),
        "{top}"
    );
    assert_eq!(run(&["man", "--dir", "/proc/nothing"]).code, 1);
}
