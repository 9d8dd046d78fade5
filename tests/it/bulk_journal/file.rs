//! Journal files: their kind and owner, and files that are moved or removed during a run.

use std::{
    fs::{self, File},
    os::unix::{
        fs::{PermissionsExt as _, symlink},
        net::UnixListener,
    },
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use chartmogul::bulk::{self, Bulk, Error, Outcome};
use chartmogul_tests::{bulk::framed, snapshot};

use super::{HUNG, Scene, message};

#[tokio::test]
async fn only_a_regular_file_becomes_a_journal() {
    let scene = Scene::new().await;
    let fifo = scene.path("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let socket = scene.path("socket");
    let _listener = UnixListener::bind(&socket).unwrap();
    fs::create_dir(scene.path("folder")).unwrap();
    let link = scene.path("link");
    symlink(&fifo, &link).unwrap();
    let devices = ["/dev/null", "/dev/full", "/dev/zero"].map(PathBuf::from);
    let mut text = String::new();
    for path in [scene.path("folder"), fifo, socket, link].into_iter().chain(devices) {
        let run = tokio::time::timeout(HUNG, scene.run(9, &path)).await;
        let error = run.expect("to be refused").unwrap_err();
        assert!(matches!(error, Error::NotAJournal { .. }), "{error:?}");
        text.push_str(&format!("{}\n", message(&error, scene.folder.path())));
        let error = bulk::salvage(&path).unwrap_err();
        assert!(matches!(error, Error::NotAJournal { .. }), "{error:?}");
    }
    assert_eq!(scene.ledger.requests(), 0, "nothing was sent");
    snapshot::check("errors", "no_regular_file", &text);
}

#[tokio::test]
async fn a_symbolic_link_to_a_journal_is_followed() {
    let scene = Scene::new().await;
    fs::create_dir(scene.path("folder")).unwrap();
    let (path, link) = (scene.path("folder").join("journal"), scene.path("link"));
    symlink(&path, &link).unwrap();
    scene.run(9, &link).await.unwrap();
    let requests = scene.ledger.requests();
    let (lines, _) = scene.run(9, &path).await.unwrap();
    assert!(lines.iter().all(|line| line.earlier));
    assert_eq!(scene.ledger.requests(), requests);
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_file_that_others_can_read_is_made_private_before_it_is_used() {
    let scene = Scene::new().await;
    let open = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o666)).unwrap();
    let path = scene.path("journal");
    fs::write(&path, "").unwrap();
    open(&path);
    scene.run(5, &path).await.unwrap();
    assert_eq!(mode(&path), 0o600, "a new journal");

    open(&path);
    scene.run(5, &path).await.unwrap();
    assert_eq!(mode(&path), 0o600, "a journal that is gone on with");

    let mut journal = fs::read(&path).unwrap();
    let middle = journal.len() / 2;
    journal[middle] ^= 1;
    fs::write(&path, journal).unwrap();
    open(&path);
    assert!(scene.run(5, &path).await.is_err());
    bulk::salvage(&path).unwrap();
    assert_eq!(mode(&path), 0o600, "a journal that was salvaged");

    let other = scene.path("deals.csv");
    fs::write(&other, "uuid,estimated_close_date\n").unwrap();
    open(&other);
    scene.run(5, &other).await.unwrap_err();
    assert_eq!(mode(&other), 0o666, "a file that is no journal is not touched");
}

/// Something that happens to a journal during a run, and the resulting error.
type Accident = (fn(&Path), &'static str);

const ACCIDENTS: [Accident; 6] = [
    (|path| fs::remove_file(path).unwrap(), "removed"),
    (|path| fs::rename(path, path.with_extension("away")).unwrap(), "removed"),
    (|path| fs::remove_dir_all(path.parent().unwrap()).unwrap(), "removed"),
    (
        |path| {
            let journal = fs::read(path).unwrap();
            fs::remove_file(path).unwrap();
            fs::write(path, journal).unwrap();
        },
        "replaced by another file",
    ),
    (|path| fs::write(path, "").unwrap(), "changed"),
    (
        |path| {
            let journal = fs::read(path).unwrap();
            fs::write(path, [journal, framed(br#"{"stopped":null}"#)].concat()).unwrap();
        },
        "changed",
    ),
];

#[tokio::test]
async fn a_run_ends_when_its_journal_is_no_longer_there() {
    const COUNT: u64 = 60;
    for (accident, expected) in ACCIDENTS {
        let scene = Scene::new().await;
        fs::create_dir(scene.path("folder")).unwrap();
        let path = scene.path("folder").join("journal");
        scene.ledger.hold(true);
        let mut run = Bulk::new(scene.updates(COUNT))
            .concurrency(3)
            .journal(&path)
            .start()
            .await
            .unwrap();
        while scene.ledger.requests() < 3 {
            tokio::task::yield_now().await;
        }
        accident(&path);
        scene.ledger.hold(false);
        let error = loop {
            match run.try_next().await {
                Ok(Some(done)) => {
                    let was_sent = !matches!(done.outcome, Outcome::NotSent(_));
                    assert!(!was_sent || done.unrecorded, "{expected}: {done:?}");
                }
                Ok(None) => panic!("{expected}: the run ended as if nothing had happened"),
                Err(error) => break error,
            }
        };
        assert!(
            matches!(error, Error::JournalLost { what, .. } if what == expected),
            "{expected}: {error:?}"
        );
        assert_eq!(scene.ledger.requests(), 3, "{expected}: nothing more was sent");
    }
}

#[tokio::test]
async fn a_journal_that_was_removed_while_a_run_waited_for_it_is_begun_again() {
    let scene = Scene::new().await;
    let path = scene.path("journal");
    loop {
        // Simulates another run that ends, and a program that then removes its journal.
        let other = File::create(&path).unwrap();
        other.lock().unwrap();
        let remove = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            fs::remove_file(&path).unwrap();
            drop(other);
        };
        match tokio::join!(scene.run(9, &path), remove).0 {
            Err(Error::JournalInUse { .. }) => {} // the machine was so slow that the wait timed out
            result => break drop(result.unwrap()),
        }
    }
    let requests = scene.ledger.requests();
    scene.run(9, &path).await.unwrap();
    assert_eq!(scene.ledger.requests(), requests, "the journal is at its path");
}

#[tokio::test]
async fn without_a_lock_only_one_of_two_runs_completes() {
    const COUNT: u64 = 3; // all of them are sent, and nothing is written before the responses
    let scene = Scene::new().await;
    let path = scene.path("journal");
    let start = || {
        Bulk::new(scene.updates(COUNT))
            .concurrency(3)
            .journal(&path)
            .lock(false)
            .start()
    };
    scene.ledger.hold(true);
    let first = start().await.unwrap();
    while scene.ledger.requests() < 3 {
        tokio::task::yield_now().await;
    }
    let second = start().await.unwrap();
    while scene.ledger.requests() < 6 {
        tokio::task::yield_now().await;
    }
    scene.ledger.hold(false);
    let error = first.finish().await.unwrap_err();
    assert!(matches!(error, Error::JournalLost { what: "changed", .. }), "{error:?}");
    assert_eq!(second.finish().await.unwrap().stopped, None);
    assert!(scene.run(COUNT, &path).await.unwrap().0.iter().all(|line| line.earlier));
}
