//! The journal of bulk runs: full disks, damage, concurrent runs, changed input, other files, files that disappear, and runs
//! that are stopped in every possible way. `bulk_kill` kills processes.

mod damage;
mod file;
mod input;
mod stops;

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error as StdError,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use chartmogul::{
    Client, Retry,
    bulk::{self, Bulk, Error, Report},
    opportunities::UpdateOpportunity,
};
use chartmogul_tests::{
    bulk::{Line, client, fate, framed, is_invalid, records, update},
    ledger::Ledger,
    program::Program,
    snapshot,
};
use tempfile::TempDir;

/// Far longer than a run takes, unless it hangs.
const HUNG: Duration = Duration::from_secs(300);

const PROGRAM: &str = env!("CARGO_BIN_EXE_bulk_run");

/// A server, a client for it, and a folder for journals.
struct Scene {
    ledger: Ledger,
    client: Client,
    folder: TempDir,
}

impl Scene {
    async fn new() -> Self {
        Self::with(Ledger::start(0..0, 0, |index, _| fate(index)).await)
    }

    fn with(ledger: Ledger) -> Self {
        Self::retrying(ledger, Retry::never())
    }

    fn retrying(ledger: Ledger, retry: Retry) -> Self {
        let client = client(&ledger.url(), retry);
        Self {
            ledger,
            client,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn updates(&self, count: u64) -> Vec<UpdateOpportunity> {
        (0..count).map(|index| update(&self.client, index)).collect()
    }

    /// Runs the first `count` updates of the input.
    async fn run(&self, count: u64, journal: &Path) -> Result<(Vec<Line>, Report), Error> {
        let bulk = Bulk::new(self.updates(count)).concurrency(3).fsync(false);
        all(bulk.journal(journal)).await
    }

    fn program(&self, count: u64, journal: &Path) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .args([self.ledger.url(), count.to_string(), "concurrency=3".to_owned()])
            .arg(format!("journal={}", journal.display()));
        command
    }
}

async fn all(bulk: Bulk<UpdateOpportunity>) -> Result<(Vec<Line>, Report), Error> {
    let mut run = bulk.start().await?;
    let mut lines = Vec::new();
    while let Some(done) = run.try_next().await? {
        lines.push(Line::of(&done));
    }
    lines.sort_by_key(|line| line.index);
    Ok((lines, run.report()))
}

/// The message of an error with all causes, without the parts that vary.
fn message(error: &Error, folder: &Path) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text.replace(&folder.display().to_string(), "<folder>")
}

/// The part of a report that must be the same in two runs over the same input.
fn without_repeats(mut report: Report) -> Report {
    report.repeats = 0;
    report
}

fn essences(lines: &[Line]) -> Vec<(u64, &str, &str)> {
    lines.iter().map(Line::essence).collect()
}

#[tokio::test]
async fn a_full_disk_ends_the_run_but_keeps_its_journal() {
    const COUNT: u64 = 60;
    let expected = Scene::new().await;
    let (expected, report) = all(Bulk::new(expected.updates(COUNT))).await.unwrap();
    // The limit is in the first record, behind it, in the first updates, and later; each run is resumed with a higher limit.
    for limits in [
        [0, 50],
        [57, 100],
        [130, 300],
        [1_000, 2_222],
        [9_999, 10_000],
        [15_000, 25_000],
    ] {
        let scene = Scene::with(Ledger::start(0..3, 0, |index, _| fate(index)).await);
        let path = scene.path("journal");
        let mut known = BTreeMap::new();
        for limit in limits {
            let mut command = Command::new("sh");
            let program = scene.program(COUNT, &path);
            let before = scene.ledger.requests();
            command
                .args(["-c", r#"trap "" XFSZ; exec "$0" "$@""#, PROGRAM])
                .args(program.get_args())
                .arg(format!("file-limit={limit}"));
            let program = Program::start(&mut command);
            let (status, mut lines) = tokio::task::spawn_blocking(|| program.finish()).await.unwrap();
            assert_eq!(status.code(), Some(1), "{limit}: {lines:?}");
            let error = lines.pop().unwrap();
            assert!(error.starts_with("error\tthe journal "), "{error}");
            assert!(error.ends_with("File too large (os error 27)"), "{error}");

            let lines: Vec<Line> = lines.iter().map(|line| line.parse().unwrap()).collect();
            let yielded: BTreeMap<_, _> = lines.iter().map(|line| (line.index, &*line.outcome)).collect();
            // The second outcome is that of an update that an earlier run sent.
            let stopped = |outcome: &str| outcome.starts_with("stopped") || outcome == "given up, perhaps done";
            for receipt in &scene.ledger.receipts()[before..] {
                assert!(receipt.has_response, "what was sent was waited for");
                assert!(!stopped(yielded[&receipt.index]), "a response was not yielded");
            }
            for line in lines.iter().filter(|line| !stopped(&line.outcome)) {
                assert_eq!(line.essence().2, expected[usize::try_from(line.index).unwrap()].outcome);
            }
            let journal = fs::read(&path).unwrap();
            assert!(journal.len() <= limit);
            let times = scene.ledger.times();
            for (index, before) in known {
                assert_eq!(
                    times.get(&index).copied().unwrap_or_default(),
                    before,
                    "{index} was known"
                );
            }
            known = records(&journal)
                .iter()
                .filter_map(|record| record.index("done"))
                .map(|index| (index, times.get(&index).copied().unwrap_or_default()))
                .collect();
        }
        let (lines, resumed) = scene.run(COUNT, &path).await.unwrap();
        assert_eq!(essences(&lines), essences(&expected));
        let times = scene.ledger.times();
        for line in &lines {
            let requests = times.get(&line.index).copied().unwrap_or_default();
            assert!(requests <= 1 + line.repeats as usize, "{requests} requests for {line}");
            if let Some(before) = known.get(&line.index) {
                assert_eq!(requests, *before, "{line} was known");
            }
        }
        assert_eq!(without_repeats(resumed), report);
    }
}

#[tokio::test]
async fn one_run_at_a_time_uses_a_journal() {
    const COUNT: u64 = 40;
    let scene = Scene::new().await;
    let in_use = |error: &Error| matches!(error, Error::JournalInUse { .. });
    for is_killed in [true, false] {
        let path = scene.path(&format!("journal-{is_killed}"));
        scene.ledger.hold(true); // so that the first run does not end
        scene.ledger.forget_requests();
        let mut first = Program::start(&mut scene.program(COUNT, &path));
        while scene.ledger.requests() == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let mut second = Program::start(&mut scene.program(COUNT, &path));
        let mine = scene.run(COUNT, &path);
        // The server does not respond, so a run that is not refused would wait forever.
        let ends = async {
            while !second.has_ended() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            mine.await
        };
        let mine = tokio::time::timeout(HUNG, ends).await.expect("to be refused");
        let (status, lines) = second.finish();
        assert_eq!(status.code(), Some(1));
        assert!(
            lines.len() == 1 && lines[0].ends_with(" is in use by another run"),
            "{lines:?}"
        );
        assert!(in_use(&mine.unwrap_err()));
        assert!(in_use(&bulk::salvage(&path).unwrap_err()));
        if is_killed {
            first.kill();
        }
        scene.ledger.hold(false);
        let (status, lines) = tokio::task::spawn_blocking(|| first.finish()).await.unwrap();
        assert_eq!(status.success(), !is_killed, "{lines:?}");
        if !is_killed {
            assert_eq!(lines.len() as u64, COUNT + 1);
            let sent = (0..COUNT).filter(|index| !is_invalid(*index)).map(|index| (index, 1));
            assert!(scene.ledger.times().into_iter().eq(sent), "each once");
        }
        let (lines, report) = scene.run(COUNT, &path).await.unwrap();
        assert_eq!((lines.len() as u64, report.stopped), (COUNT, None));
    }
}

#[tokio::test]
async fn a_journal_is_free_when_the_run_is_dropped() {
    let scene = Scene::with(Ledger::start(20..21, 0, |index, _| fate(index)).await);
    let path = scene.path("journal");
    let bulk = || Bulk::new(scene.updates(30)).journal(&path);
    let mut first = bulk().start().await.unwrap();
    first.try_next().await.unwrap().unwrap();
    drop(first);
    let (lines, report) = all(bulk()).await.unwrap();
    assert_eq!((lines.len(), report.stopped), (30, None));
}

#[tokio::test]
async fn other_files_are_left_as_they_are() {
    let scene = Scene::new().await;
    let header = |version: u32, operation: &str| {
        let header = format!(
            r#"{{"journal":{{"format":"chartmogul bulk","version":{version},"operation":"{operation}","later":1}}}}"#
        );
        framed(header.as_bytes())
    };
    let csv = "uuid,close_date\n4ee13ca4-e7fe-41ee-9a7f-f303abf41acc,2026-06-30\n";
    let cases: [(&str, Vec<u8>); 9] = [
        ("a CSV file", csv.repeat(100).into_bytes()),
        ("a short CSV file", csv.into()),
        ("a byte", b"u".to_vec()),
        ("a thousand zeros", vec![0; 1_000]),
        ("a journal of a later version", header(2, "update_opportunity")),
        ("a journal of another operation", header(1, "update_customer")),
        ("another record file", framed(b"hello")),
        (
            "a record file of another program",
            framed(br#"{"journal":{"format":"x","version":1,"operation":"y"}}"#),
        ),
        ("a journal without a beginning", framed(br#"{"stopped":null}"#)),
    ];
    let mut text = String::new();
    for (name, bytes) in cases {
        let path = scene.path(&name.replace(' ', "-"));
        fs::write(&path, &bytes).unwrap();
        let error = scene.run(9, &path).await.unwrap_err();
        assert!(matches!(error, Error::NotAJournal { .. }), "{error:?}");
        text.push_str(&format!("{name}:\n  {}\n", message(&error, scene.folder.path())));
        let salvaged = bulk::salvage(&path);
        assert_eq!(fs::read(&path).unwrap(), bytes, "{name} is as it was");
        let salvaged = match salvaged {
            Ok(good) => format!("good: {good}"),
            Err(error) => message(&error, scene.folder.path()),
        };
        text.push_str(&format!("  salvage: {salvaged}\n"));
    }
    let nowhere = scene.path("nowhere").join("journal");
    let error = scene.run(9, &nowhere).await.unwrap_err();
    text.push_str(&format!(
        "a file in a folder that does not exist:\n  {}\n",
        message(&error, scene.folder.path())
    ));
    let error = bulk::salvage(&nowhere).unwrap_err();
    text.push_str(&format!("  salvage: {}\n", message(&error, scene.folder.path())));
    let missing = scene.path("missing");
    let error = bulk::salvage(&missing).unwrap_err();
    text.push_str(&format!(
        "nothing:\n  salvage: {}\n",
        message(&error, scene.folder.path())
    ));
    assert!(!missing.exists(), "salvaging does not begin a journal");
    assert_eq!(scene.ledger.requests(), 0, "nothing was sent");
    snapshot::check("errors", "not_a_journal", &text);
}

#[tokio::test]
#[allow(clippy::print_stderr)] // reports a test that is skipped
async fn a_journal_that_must_not_be_written_is_left_as_it_is() {
    let scene = Scene::new().await;
    let path = scene.path("journal");
    scene.run(5, &path).await.unwrap();
    let journal = fs::read(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    if fs::OpenOptions::new().append(true).open(&path).is_ok() {
        eprintln!("skipped: this user may write everything");
        return;
    }
    let error = scene.run(9, &path).await.unwrap_err();
    assert!(matches!(error, Error::Journal { doing: "opened", .. }), "{error:?}");
    assert_eq!(fs::read(&path).unwrap(), journal);
}

#[tokio::test]
async fn an_empty_file_becomes_a_journal() {
    let scene = Scene::new().await;
    let path = scene.path("journal");
    let (expected, _) = scene.run(9, &path).await.unwrap();
    let journal = fs::read(&path).unwrap();
    let header = &journal[..records(&journal)[0].end];
    // After a power loss, a new file may contain zeros.
    let zeros = vec![0; header.len()];
    let half = [&header[..50], &zeros[50..]].concat();
    for beginning in [
        &[],
        &zeros[..7],
        &zeros,
        &header[..1],
        &header[..header.len() - 1],
        &half,
    ] {
        fs::write(&path, beginning).unwrap();
        let (lines, _) = scene.run(9, &path).await.unwrap();
        assert_eq!(lines.len(), expected.len());
        assert!(lines.iter().all(|line| !line.earlier));
    }
}

#[tokio::test]
async fn a_journal_is_its_owners() {
    let scene = Scene::new().await;
    let path = scene.path("journal");
    scene.run(9, &path).await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    let mut journal = fs::read(&path).unwrap();
    let middle = journal.len() / 2;
    journal[middle] ^= 1;
    fs::write(&path, journal).unwrap();
    bulk::salvage(&path).unwrap();
    assert_eq!([mode(&path), mode(&scene.path("journal.damaged"))], [0o600; 2]);
    let names: BTreeSet<_> = fs::read_dir(scene.folder.path())
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names, BTreeSet::from(["journal", "journal.damaged"].map(str::to_owned)));
}

/// A response that could be read can be read again from the journal, where its values are nested more deeply.
#[tokio::test]
async fn a_response_with_deep_values_does_not_spoil_the_journal() {
    for levels in [64, 110, 118, 120, 122, 124, 126, 1_000] {
        let (fake, client) = chartmogul_tests::start();
        let folder = tempfile::tempdir().unwrap();
        let deep = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        let response = format!(r#"{{"uuid":"1","custom":{{"deep":{deep}}}}}"#);
        fake.respond_next(chartmogul_fake::Canned::new(200).json(response));
        let run = || {
            let update = client.opportunities().update(chartmogul_tests::UUID).amount_in_cents(1);
            all(Bulk::new([update]).journal(folder.path().join("journal")))
        };
        let (first, _) = run().await.unwrap();
        let (again, report) = run().await.unwrap_or_else(|error| panic!("{levels}: {error}"));
        assert_eq!((fake.requests().len(), report.updated), (1, 1), "{levels}");
        assert!(again[0].earlier && !first[0].earlier);
        assert!(
            again[0]
                .outcome
                .starts_with(r#"updated {"uuid":"1","custom":{"deep":[[[["#),
            "{}",
            again[0].outcome
        );
    }
}
