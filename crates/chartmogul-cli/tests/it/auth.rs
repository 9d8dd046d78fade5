//! Keys: where they come from, where they go, and that they are never shown.

use std::fs;

use chartmogul_fake::{Canned, Fake};

use super::{Ran, finish, program, with_profiles};

const KEY: &str = "fake-api-key";

fn never_shown(ran: &Ran) {
    assert!(
        !ran.stdout.contains(KEY) && !ran.stderr.contains(KEY),
        "{}{}",
        ran.stdout,
        ran.stderr
    );
}

#[test]
fn a_key_is_kept_used_and_forgotten() {
    let fake = Fake::start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let profiles = folder.path().join("inside");
    let call = |words: &[&str], input: &str| {
        let ran = finish(with_profiles(&profiles).args(words), input);
        never_shown(&ran);
        ran
    };
    let url = fake.url();
    fake.respond_next(Canned::new(200).json(r#"{"data":"pong!"}"#));
    let login = call(&["auth", "login", "--base-url", &url], &format!("{KEY}\n"));
    assert_eq!(login.code, 0, "{}", login.stderr);
    assert!(login.stderr.contains("which only you can read"), "{}", login.stderr);
    assert_eq!(fake.requests()[0].path, "/v1/ping");
    if cfg!(not(feature = "keyring")) {
        assert!(login.stderr.contains("built without a keyring"), "{}", login.stderr);
    }

    let file = profiles.join("profiles.json");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&file), mode(&profiles)), (0o600, 0o700));
    }
    assert_eq!(fs::read_dir(&profiles).unwrap().count(), 1, "no temporary file is left");

    // The profile knows its own URL.
    let list = call(&["opportunities", "list"], "");
    assert_eq!((list.code, list.stdout.as_str()), (0, "[]\n"), "{}", list.stderr);
    let status = call(&["auth", "status"], "");
    assert!(status.stdout.contains("\"kept_in\": \"file\""), "{}", status.stdout);
    let other = call(&["opportunities", "list", "--profile", "other"], "");
    assert_eq!(other.code, 4);
    assert_eq!(call(&["auth", "logout"], "").code, 0);
    assert_eq!(call(&["auth", "status"], "").code, 4);
    assert!(!fs::read_to_string(&file).unwrap().contains(KEY));
}

#[test]
fn a_wrong_key_is_not_kept() {
    let fake = Fake::start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let login = |input: &str, more: &[&str]| {
        let mut command = with_profiles(folder.path());
        command.args(["auth", "login", "--base-url", &fake.url()]).args(more);
        finish(&mut command, input)
    };
    let wrong = login("another-key\n", &[]);
    assert_eq!(wrong.code, 4);
    assert_eq!(wrong.error()["code"], "unauthorized");
    assert!(!wrong.stderr.contains("another-key"), "{}", wrong.stderr);
    for (input, said) in [
        ("", "no key was given"),
        ("\n", "no key was given"),
        ("two words\n", "not an API key"),
        ("one-key\nanother-key\n", "more than one line"),
    ] {
        let ran = login(input, &[]);
        assert_eq!(ran.code, 4, "{input:?}");
        assert!(ran.stderr.contains(said), "{input:?}: {}", ran.stderr);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    assert_eq!(login("another-key", &["--no-check"]).code, 0);
}

/// Only the API says that a key is valid: by a response in JSON, or by 403.
#[test]
fn what_is_not_checked_is_not_kept() {
    let fake = Fake::start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let login = |response: Canned| {
        fake.respond_next(response);
        let mut command = with_profiles(folder.path());
        finish(command.args(["auth", "login", "--base-url", &fake.url()]), KEY)
    };
    for (response, code) in [
        (Canned::new(404).text("not here"), 5),
        (Canned::new(200).text("<!DOCTYPE html><html></html>"), 6),
    ] {
        let ran = login(response);
        never_shown(&ran);
        assert_eq!(ran.code, code, "{}", ran.stderr);
        let error = ran.error();
        assert!(
            error["message"].to_string().contains("the key could not be checked: ")
                && error["next_step"].to_string().contains("--no-check"),
            "{}",
            ran.stderr
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
    assert_eq!(login(Canned::new(403).text("no")).code, 0);
}

#[test]
fn without_a_network_the_key_is_not_checked_for_long() {
    use std::net::TcpListener;

    let folder = tempfile::tempdir().unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    for (address, limit, code, said) in [
        (
            nobody,
            &[][..],
            "connection",
            "Checking the key with ChartMogul, for at most 10 s.",
        ),
        (
            silent.local_addr().unwrap(),
            &["--timeout", "1"],
            "timeout",
            "ChartMogul, for at most 1 s.",
        ),
    ] {
        let mut command = with_profiles(folder.path());
        command
            .args(["auth", "login", "--base-url", &format!("http://{address}")])
            .args(limit);
        let ran = finish(&mut command, KEY);
        never_shown(&ran);
        assert_eq!(
            (ran.code, ran.error()["code"].as_str()),
            (6, Some(code)),
            "{}",
            ran.stderr
        );
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
        assert!(!ran.stderr.contains("attempts"), "it is asked once: {}", ran.stderr);
        let next = ran.error()["next_step"].as_str().unwrap().to_owned();
        assert!(
            next.contains("No key was stored") && next.contains("--no-check"),
            "{next}"
        );
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn the_environment_wins() {
    let fake = Fake::start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("profiles.json"), r#"{"default":{"key":"wrong"}}"#).unwrap();
    private(&folder.path().join("profiles.json"));
    let mut command = with_profiles(folder.path());
    command
        .env("CHARTMOGUL_API_KEY", KEY)
        .args(["opportunities", "list", "--base-url", &fake.url()]);
    assert_eq!(finish(&mut command, "").code, 0);
    let mut command = with_profiles(folder.path());
    command.env("CHARTMOGUL_API_KEY", KEY).args(["auth", "status"]);
    let ran = finish(&mut command, "");
    never_shown(&ran);
    assert!(ran.stdout.contains("environment"), "{}", ran.stdout);
}

#[cfg(unix)]
fn private(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[cfg(unix)]
#[test]
fn a_file_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("profiles.json");
    fs::write(&file, format!(r#"{{"default":{{"key":"{KEY}"}}}}"#)).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let ran = finish(with_profiles(folder.path()).args(["auth", "status"]), "");
    never_shown(&ran);
    assert_eq!(ran.code, 4);
    assert!(
        ran.error()["next_step"].as_str().unwrap().starts_with("chmod 600 "),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_damaged_file_does_not_show_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("profiles.json");
    for text in [
        format!(r#"{{"default":{{"key":"{KEY}""#),
        format!(r#"{{"default":"{KEY}"}}"#),
    ] {
        fs::write(&file, text).unwrap();
        private(&file);
        let ran = finish(with_profiles(folder.path()).args(["auth", "status"]), "");
        never_shown(&ran);
        assert_eq!(
            (ran.code, ran.error()["code"].as_str()),
            (1, Some("profiles")),
            "{}",
            ran.stderr
        );
    }
}

#[test]
fn a_folder_that_can_not_be_written_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let inside = file.join("chartmogul"); // no folder can be there, whoever tries
    let ran = finish(with_profiles(&inside).args(["auth", "login", "--no-check"]), KEY);
    never_shown(&ran);
    assert_eq!(
        (ran.code, ran.error()["code"].as_str()),
        (1, Some("file")),
        "{}",
        ran.stderr
    );
}

#[test]
fn without_a_home_there_is_the_environment() {
    let call = |words: &[&str]| {
        let mut command = program();
        command.env_remove("CHARTMOGUL_CONFIG_DIR").args(words);
        finish(&mut command, KEY)
    };
    let login = call(&["auth", "login", "--no-check"]);
    assert_eq!((login.code, login.error()["code"].as_str()), (1, Some("no_folder")));
    let list = call(&["opportunities", "list"]);
    assert_eq!((list.code, list.error()["code"].as_str()), (4, Some("no_key")));
    for ran in [&login, &list] {
        assert!(
            ran.error()["next_step"].as_str().unwrap().starts_with("Set HOME, "),
            "{}",
            ran.stderr
        );
    }
    assert_eq!(call(&["--fake", "opportunities", "list"]).code, 0);
    assert_eq!(call(&["--help"]).code, 0);
}

/// With the feature, there is no keyring where this runs: no session, no bus.
#[test]
fn without_a_keyring_the_key_is_in_the_file_or_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let login = |words: &[&str]| {
        let mut command = with_profiles(folder.path());
        finish(command.args(["auth", "login", "--no-check"]).args(words), KEY)
    };
    let asked_for = login(&["--store", "keyring"]);
    never_shown(&asked_for);
    assert_eq!(
        (asked_for.code, asked_for.error()["code"].as_str()),
        (1, Some("keyring")),
        "{}",
        asked_for.stderr
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    assert_eq!(login(&[]).code, 0);
    fs::write(folder.path().join("profiles.json"), r#"{"default":{}}"#).unwrap();
    private(&folder.path().join("profiles.json"));
    let lost = finish(with_profiles(folder.path()).args(["auth", "status"]), "");
    assert_eq!(
        (lost.code, lost.error()["code"].as_str()),
        (4, Some("keyring")),
        "{}",
        lost.stderr
    );
}

#[test]
fn no_command_takes_a_key() {
    let tree = super::run(&["commands", "--json"]).stdout;
    assert!(!tree.contains("api-key") && !tree.contains("--key"));
}
