//! How a run ends.

use std::time::{Duration, Instant};

use super::*;

fn rows(count: usize, likelihood: u64) -> String {
    let row = |number| format!("{},{likelihood}\n", uuid(number));
    "uuid,win_likelihood\n".to_owned() + &(0..count).map(row).collect::<String>()
}

#[cfg(unix)]
fn signal(child: &std::process::Child, name: &str) {
    let status = Command::new("kill")
        .args([format!("-{name}"), child.id().to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

/// Whether these tests run where SIGHUP is ignored, such as below `nohup`: a program inherits that, and survives on purpose.
#[cfg(unix)]
fn hang_up_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & 1 == 1) // SIGHUP is 1
}

#[cfg(unix)]
#[test]
fn a_signal_stops_it_and_the_same_command_goes_on() {
    for name in ["INT", "TERM", "HUP"] {
        if name == "HUP" && hang_up_is_ignored() {
            eprintln!("skipped SIGHUP, which is ignored here");
            continue;
        }
        let fake = server(400);
        let folder = Folder::new(rows(400, 61));
        let mut command = folder.command(&fake, &["--rate", "100"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        let begun = Instant::now();
        while writes(&fake) < 50 && begun.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(5));
        }
        signal(&child, name);
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(130), "{stderr}");
        assert!(stderr.contains("Run the same command again to continue"), "{stderr}");
        let sent = writes(&fake);
        assert!((50..400).contains(&sent), "{sent}");
        let ran = folder.run(&fake, &[]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert_eq!(writes(&fake), 400, "none was sent twice: all responses were waited for");
    }
}

/// Who has started it with `nohup` closes the terminal.
#[cfg(target_os = "linux")]
#[test]
fn a_run_that_is_to_survive_its_terminal_does() {
    let fake = server(100);
    let folder = Folder::new(rows(100, 61));
    let own = folder.command(&fake, &["--rate", "100"]);
    let mut command = Command::new("nohup");
    command
        .arg(own.get_program())
        .args(own.get_args())
        .current_dir(folder.folder.path());
    command
        .env_clear()
        .envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while writes(&fake) < 10 {
        std::thread::sleep(Duration::from_millis(5));
    }
    signal(&child, "HUP");
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), writes(&fake)), (Some(0), 100), "{output:?}");
}

#[test]
fn exit_codes_say_what_failed() {
    let fake = server(5);
    // The key is not the right one.
    let folder = Folder::new(rows(5, 61));
    let mut command = folder.command(&fake, &[]);
    command.env("CHARTMOGUL_API_KEY", "wrong");
    let ran = finish(command);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    let mut command = folder.command(&fake, &["--dry-run"]);
    command.env("CHARTMOGUL_API_KEY", "wrong");
    assert_eq!(finish(command).code, 4);
    // Nobody listens there.
    let folder = Folder::new(rows(5, 61));
    let mut command = folder.command(&fake, &["--timeout", "1", "--stop-after", "2"]);
    command.env("CHARTMOGUL_BASE_URL", "http://127.0.0.1:9");
    let ran = finish(command);
    assert_eq!(ran.code, 6, "{}", ran.stderr);
    assert_eq!(ran.error()["code"], "unavailable");
    // Another server's journal is not used.
    let ran = folder.run(&fake, &[]);
    assert!(ran.code == 2 && ran.stderr.contains("it is for"), "{}", ran.stderr);
    assert_eq!(folder.run(&fake, &["--restart"]).code, 0);
}

/// What all rows failed of decides; if some went through, the rows that failed are what counts.
#[test]
fn the_reason_of_failures_decides_how_it_ends() {
    use chartmogul_fake::Canned;
    let run = |made: usize, status: u16, words: &[&str]| {
        let fake = server(5);
        let folder = Folder::new(rows(5, 61));
        for _ in 0..made {
            fake.respond_next(Canned::new(200).json(r#"{"uuid":"x"}"#));
        }
        for _ in 0..200 {
            fake.respond_next(Canned::new(status).text("no"));
        }
        let mut all = vec!["--timeout", "1"];
        all.extend(words);
        folder.run(&fake, &all)
    };
    for (status, code, said) in [
        (
            403,
            4,
            "The API key may not do this. With another one, run the same command again.",
        ),
        (429, 7, "Later, or with a lower --rate, run the same command again."),
        (
            500,
            6,
            "No error is known in them. To send them again, run the same command again.",
        ),
        (
            422,
            3,
            "Correct them there and run `chartmogul opportunities bulk-update deals.failed.csv --timeout 1 --rate 100000`, or correct them in deals.csv and run the same command again.",
        ),
    ] {
        let ran = run(0, status, &[]);
        assert_eq!(ran.code, code, "{status}: {}", ran.stderr);
        assert!(ran.stderr.contains(said), "{status}: {}", ran.stderr);
        assert_eq!(run(1, status, &[]).code, 3, "{status}");
    }
    let ran = run(0, 500, &["--no-journal"]);
    assert!(
        ran.stderr
            .contains("To send them again, run `chartmogul opportunities bulk-update deals.failed.csv --"),
        "{}",
        ran.stderr
    );
    let ran = run(0, 403, &["--dry-run"]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
}

#[test]
fn the_command_for_failed_rows_means_the_same() {
    let fake = server(1);
    let unknown = "00000000-0000-4000-8000-00000000000f";
    let input = format!("uuid,my note,custom.own,amount\n{unknown},a,5,1\n{},b,,1\n", uuid(0));
    let folder = Folder::new(input);
    let words = [
        "--currency",
        "EUR",
        "--replace-custom",
        "--ignore",
        "my note",
        "--clear-empty",
        "custom.own",
        "--failed",
        "again.csv",
        "--allow-duplicates",
        "--no-journal",
        "--input-format",
        "csv",
    ];
    let ran = folder.run(&fake, &words[..words.len() - 6]);
    assert_eq!(ran.code, 2, "it would remove all of them: {}", ran.stderr);
    let words: Vec<_> = words.into_iter().filter(|word| *word != "--replace-custom").collect();
    let ran = folder.run(&fake, &words);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    let command = ran.stderr.split('`').nth(1).unwrap();
    assert!(
        command.starts_with("chartmogul opportunities bulk-update again.csv "),
        "{command}"
    );
    let flags = [
        "--currency EUR",
        "--ignore 'my note'",
        "--clear-empty custom.own:integer",
        "--allow-duplicates",
        "--no-journal",
        "--input-format csv",
        "--rate 100000",
    ];
    for flag in flags {
        assert!(command.contains(&format!(" {flag}")), "{flag}: {command}");
    }
    assert!(!command.contains("--failed"), "{command}");
    // It is a command.
    let mut again = program(&fake);
    let rest = command
        .strip_prefix("chartmogul ")
        .unwrap()
        .replace("'my note'", "my\u{1}note");
    let rest = rest.split(' ').map(|word| word.replace('\u{1}', " "));
    again.current_dir(folder.folder.path()).args(rest);
    assert_eq!(finish(again).code, 3);
}

#[test]
fn a_file_that_can_not_be_written_is_told_before_anything_is_sent() {
    let fake = server(3);
    let folder = Folder::new(rows(3, 61));
    for words in [
        &["--journal", "/proc/nothing/deals.journal"][..],
        &["--journal", "/dev/full"],
        &["--results", "/proc/nothing/done.csv"],
    ] {
        let ran = folder.run(&fake, words);
        assert_eq!(ran.code, 2, "{words:?}: {}", ran.stderr);
        assert!(ran.stdout.is_empty(), "{words:?}: {}", ran.stdout);
        assert_eq!(
            ran.stderr.lines().count(),
            1,
            "{words:?}: the error and nothing else: {}",
            ran.stderr
        );
    }
    #[cfg(target_os = "linux")]
    {
        let ran = folder.run(&fake, &["--results", "/dev/full"]);
        assert_eq!(ran.code, 2, "{}", ran.stderr);
    }
    std::fs::write(folder.path("deals.csv.journal"), "what is no journal at all").unwrap();
    let ran = folder.run(&fake, &[]);
    assert!(ran.code == 2 && ran.stderr.contains("not a journal"), "{}", ran.stderr);
    assert!(fake.requests().is_empty());
    assert_eq!(folder.run(&fake, &["--no-journal"]).code, 0);
}

/// Without the rights of root, who may write everywhere. `None` where they can't be put down.
#[cfg(unix)]
fn unprivileged(command: Command) -> Option<Command> {
    let user = Command::new("id").arg("-u").output().unwrap().stdout;
    if user != b"0\n" {
        return Some(command);
    }
    if Command::new("setpriv").arg("--version").output().is_err() {
        eprintln!("skipped: the user may write everywhere");
        return None;
    }
    let mut other = Command::new("setpriv");
    other
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(command.get_program());
    other
        .args(command.get_args())
        .current_dir(command.get_current_dir().unwrap())
        .env_clear();
    other.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Some(other)
}

#[cfg(unix)]
#[test]
fn a_folder_that_can_not_be_written_is_no_obstacle_if_files_go_elsewhere() {
    use std::os::unix::fs::PermissionsExt as _;
    let fake = server(3);
    let folder = Folder::new(rows(3, 61));
    let mode = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    mode(folder.folder.path(), 0o555);
    let run = |words: &[&str]| unprivileged(folder.command(&fake, words)).map(finish);
    let elsewhere = tempfile::tempdir().unwrap();
    mode(elsewhere.path(), 0o777);
    let path = |name: &str| elsewhere.path().join(name).display().to_string();
    let (journal, failed, done) = (path("journal"), path("failed.csv"), path("done.csv"));
    let Some(ran) = run(&[]) else { return };
    assert!(
        ran.code == 2 && ran.stderr.contains("--failed deals.failed.csv: can't be written"),
        "{}",
        ran.stderr
    );
    let ran = run(&["--failed", &failed]).unwrap();
    assert!(ran.code == 2 && ran.stderr.contains("--no-journal"), "{}", ran.stderr);
    for option in ["--results", "--report"] {
        let ran = run(&["--failed", &failed, "--journal", &journal, option, "done.csv"]).unwrap();
        let said = format!("{option} done.csv: can't be written: Permission denied");
        assert!(ran.code == 2 && ran.stderr.contains(&said), "{}", ran.stderr);
    }
    assert!(fake.requests().is_empty());
    let ran = run(&["--failed", &failed, "--journal", &journal, "--results", &done]).unwrap();
    mode(folder.folder.path(), 0o755);
    assert_eq!((ran.code, writes(&fake)), (0, 3), "{}", ran.stderr);
}

/// A disk that is full in the middle: here, files that may not get larger.
#[cfg(unix)]
#[test]
fn a_full_disk_loses_nothing() {
    let fake = server(300);
    let folder = Folder::new(rows(300, 61));
    let command = folder.command(&fake, &["--results", "done.csv"]);
    let mut limited = Command::new("sh");
    // In blocks of 512 bytes; without the signal, the write fails.
    limited
        .arg("-c")
        .arg("trap '' XFSZ; ulimit -f 60; exec \"$0\" \"$@\"")
        .arg(command.get_program());
    limited
        .args(command.get_args())
        .current_dir(command.get_current_dir().unwrap())
        .env_clear();
    for (name, value) in command.get_envs() {
        limited.env(name, value.unwrap());
    }
    let ran = finish(limited);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("run the same command again"), "{}", ran.stderr);
    let sent = writes(&fake);
    assert!(sent < 300, "{sent}");
    let ran = folder.run(&fake, &["--results", "done.csv"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(folder.read("done.csv").lines().count(), 301);
    assert!((0..300).all(|number| deal(&fake, number)["win_likelihood"] == 61));
}

/// With so many rows that do not exist.
fn rows_and_bad_ones(count: usize) -> String {
    rows(count, 61) + "00000000-0000-4000-8000-00000000000f,61\n"
}

/// The updates are what was asked for; the output is not.
#[test]
fn nobody_has_to_read_the_output() {
    let fake = server(300);
    let folder = Folder::new(rows_and_bad_ones(300));
    let mut command = folder.command(&fake, &["--output", "jsonl"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(
        !stderr.contains("error") && stderr.contains("301 rows: 300 updated"),
        "{stderr}"
    );
    assert_eq!(writes(&fake), 301);
    assert_eq!(folder.read("deals.failed.csv").lines().count(), 2);
    assert!(!exists(&folder.path("deals.failed.csv.part")));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_output_does_not_end_the_run() {
    for words in [&["--output", "jsonl"][..], &["--output", "json"], &["--output", "csv"]] {
        let fake = server(300);
        let folder = Folder::new(rows_and_bad_ones(300));
        let mut command = folder.command(&fake, words);
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = command
            .stdout(full)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
            .wait_with_output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{words:?}: {stderr}");
        assert!(
            stderr.contains("No space left") && stderr.contains("The rows were sent nevertheless"),
            "{stderr}"
        );
        assert_eq!(writes(&fake), 301);
        assert_eq!(folder.read("deals.failed.csv").lines().count(), 2);
        assert!(!exists(&folder.path("deals.failed.csv.part")));
    }
}

#[test]
fn a_filter_that_fails_does_not_end_the_run() {
    let fake = server(3);
    let folder = Folder::new(rows(3, 61));
    for words in [
        &["--jq", ".["][..],
        &["--columns", "row,colour"],
        &["--dry-run", "--columns", "outcome"],
    ] {
        let ran = folder.run(&fake, words);
        assert_eq!(ran.code, 2, "{words:?}: {}", ran.stderr);
    }
    assert!(fake.requests().is_empty());
    for (likelihood, format) in [(61, "jsonl"), (62, "json")] {
        let sent = writes(&fake);
        folder.write(rows(3, likelihood));
        let ran = folder.run(&fake, &["--output", format, "--jq", "error(\"no\")"]);
        assert_eq!(ran.code, 1, "{}", ran.stderr);
        assert_eq!(
            (ran.error()["code"].as_str(), writes(&fake) - sent),
            (Some("jq"), 3),
            "{}",
            ran.stderr
        );
        assert!(ran.stderr.contains("3 rows: 3 updated"), "{}", ran.stderr);
    }
    let shown = folder.run(&fake, &["--columns", "row,outcome", "--output", "csv"]);
    assert_eq!(shown.stdout, "row,outcome\n2,updated\n3,updated\n4,updated\n");
}

#[test]
fn files_of_the_end_are_tried_at_the_beginning() {
    let fake = server(3);
    let folder = Folder::new(rows(3, 61));
    std::fs::create_dir(folder.path("folder")).unwrap();
    for option in ["--report", "--failed", "--results"] {
        for path in ["nothing/file", "folder", "deals.csv/file"] {
            let ran = folder.run(&fake, &[option, path]);
            assert_eq!(
                (ran.code, ran.error()["code"].as_str()),
                (2, Some("file")),
                "{option}: {}",
                ran.stderr
            );
            let message = ran.error()["message"].to_string();
            assert!(message.contains(option) && message.contains(path), "{message}");
        }
    }
    assert_eq!(folder.run(&fake, &["--report", "folder", "--dry-run"]).code, 2);
    assert!(fake.requests().is_empty());
    assert!(!exists(&folder.path("deals.failed.csv.part")) && !exists(&folder.path("deals.csv.journal")));
    let ran = folder.run(&fake, &["--results", "done.csv", "--dry-run"]);
    assert!(
        ran.stderr.contains("A dry run does not write --results."),
        "{}",
        ran.stderr
    );
    assert!(!exists(&folder.path("done.csv")));
    #[cfg(unix)]
    {
        folder.write(rows_and_bad_ones(3));
        assert_eq!(folder.run(&fake, &["--failed", "/dev/null"]).code, 3);
        assert!(!exists(Path::new("/dev/null.part")));
    }
}

#[test]
fn a_damaged_journal_is_salvaged_if_that_is_wanted() {
    let fake = server(20);
    let folder = Folder::new(rows(20, 61));
    assert_eq!(folder.run(&fake, &[]).code, 0);
    let journal = folder.path("deals.csv.journal");
    let mut bytes = std::fs::read(&journal).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&journal, bytes).unwrap();
    let sent = writes(&fake);
    let ran = folder.run(&fake, &[]);
    assert!(ran.code == 2 && ran.stderr.contains("--salvage"), "{}", ran.stderr);
    assert_eq!(writes(&fake), sent);
    let ran = folder.run(&fake, &["--salvage"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(writes(&fake) > sent && exists(&folder.path("deals.csv.journal.damaged")));
}

/// One slip of the pen must not cost a file.
#[test]
fn no_file_is_lost_to_another() {
    let fake = server(3);
    let folder = Folder::new(rows(3, 61));
    let input = std::fs::read(folder.path("deals.csv")).unwrap();
    for option in ["--results", "--report", "--journal"] {
        let ran = folder.run(&fake, &[option, "./deals.csv"]);
        assert!(
            ran.code == 2 && ran.stderr.contains("the same file as FILE"),
            "{option}: {}",
            ran.stderr
        );
    }
    let ran = folder.run(&fake, &["--results", "deals.csv.journal"]);
    assert!(
        ran.code == 2 && ran.stderr.contains("the same file as --results"),
        "{}",
        ran.stderr
    );

    std::fs::write(folder.path("thesis.txt"), "years of work").unwrap();
    let ran = folder.run(&fake, &["--journal", "thesis.txt", "--restart"]);
    assert!(ran.code == 2 && ran.stderr.contains("not a journal"), "{}", ran.stderr);
    assert_eq!(
        std::fs::read_to_string(folder.path("thesis.txt")).unwrap(),
        "years of work"
    );
    assert_eq!(
        (std::fs::read(folder.path("deals.csv")).unwrap(), writes(&fake)),
        (input, 0)
    );
}
