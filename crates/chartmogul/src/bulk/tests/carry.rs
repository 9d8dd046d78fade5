//! Journals that are carried over to another input.

use fastrand::Rng;

use super::*;

/// Object, value, and whether the update is rejected.
type Row = (u8, u64, bool);

fn sets(world: &Arc<World>, rows: &[Row]) -> Vec<Set> {
    let set = |&(object, value, refuse): &Row| Set {
        fails: refuse.then_some(refused),
        ..world.set(object, value)
    };
    rows.iter().map(set).collect()
}

async fn run(world: &Arc<World>, rows: &[Row], journal: &Path) -> (Vec<Completed<Object>>, Report) {
    let bulk = streamed(sets(world, rows)).in_order().ignore_consecutive_errors();
    all(bulk.journal(journal).fsync(false).start().await.unwrap()).await
}

fn carry(world: &Arc<World>, rows: &[Row], journal: &Path) -> CarriedOver {
    carry_over(journal, sets(world, rows)).unwrap()
}

#[tokio::test]
async fn only_what_is_new_or_was_refused_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let world = Arc::<World>::default();
    let first = [(1, 10, false), (2, 20, true), (3, 30, false)];
    assert_eq!(carry(&world, &first, &journal), CarriedOver { made: 0, updates: 3 });
    assert!(!journal.exists());
    run(&world, &first, &journal).await;

    // The same input: only the rejected update is tried again, and rejected again.
    assert_eq!(carry(&world, &first, &journal), CarriedOver { made: 2, updates: 3 });
    let report = run(&world, &first, &journal).await.1;
    assert_eq!((report.updated, report.not_sent), (2, 1), "{report}");
    assert_eq!(world.sent().len(), 2);

    // One is corrected, one inserted in front, one appended, and one removed.
    let second = [(4, 40, false), (2, 21, false), (3, 30, false), (5, 50, false)];
    assert_eq!(carry(&world, &second, &journal), CarriedOver { made: 1, updates: 4 });
    let (done, report) = run(&world, &second, &journal).await;
    assert_eq!(report.updated, 4, "{report}");
    assert_eq!(
        done.iter()
            .filter(|done| done.earlier)
            .map(|done| done.index)
            .collect::<Vec<_>>(),
        [2]
    );
    assert_eq!(
        world.sent()[2..],
        [("4".to_owned(), 40), ("2".to_owned(), 21), ("5".to_owned(), 50)]
    );

    // All are made, and the input is the same: the file is unchanged.
    let before = std::fs::read(&journal).unwrap();
    assert_eq!(carry(&world, &second, &journal), CarriedOver { made: 4, updates: 4 });
    assert_eq!(std::fs::read(&journal).unwrap(), before);
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        1,
        "nothing is left beside it"
    );
}

#[tokio::test]
async fn updates_of_an_object_stay_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let world = Arc::<World>::default();
    for (first, second, made, sent) in [
        // After an update that is sent, all later ones are sent again.
        (
            vec![(1, 1, false), (1, 2, true), (1, 3, false)],
            vec![(1, 1, false), (1, 2, false), (1, 3, false)],
            1,
            vec![2, 3],
        ),
        // The update that was made last is not in the new input.
        (vec![(1, 1, false), (1, 2, false)], vec![(1, 1, false)], 0, vec![1]),
        (vec![(1, 1, false), (1, 2, false)], vec![(1, 2, false)], 0, vec![2]),
        (
            vec![(1, 1, false), (1, 2, false)],
            vec![(1, 2, false), (1, 1, false)],
            0,
            vec![2, 1],
        ),
        (vec![(1, 1, false)], vec![(1, 1, false), (1, 1, false)], 1, vec![1]),
    ] {
        let journal = folder.path().join("journal");
        run(&world, &first, &journal).await;
        world.sent.lock().unwrap().clear();
        assert_eq!(carry(&world, &second, &journal).made, made, "{first:?} {second:?}");
        run(&world, &second, &journal).await;
        let now: Vec<_> = world.sent().into_iter().map(|(_, value)| value).collect();
        assert_eq!(now, sent, "{first:?} {second:?}");
        std::fs::remove_file(&journal).unwrap();
    }
}

#[tokio::test]
async fn that_an_update_was_sent_stays_known() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let world = Arc::<World>::default();
    let slow = |others: &[Row]| {
        let mut all = sets(&world, others);
        all.push(Set {
            takes: Duration::from_secs(3_600),
            ..world.set(9, 90)
        });
        all
    };
    let run = Bulk::new(slow(&[(1, 1, false)]))
        .journal(&journal)
        .start()
        .await
        .unwrap();
    sleep(Duration::from_millis(500)).await;
    drop(run); // the slow one is in flight
    sleep(Duration::from_millis(100)).await;
    world.busy.lock().unwrap().clear();
    let carried = carry_over(&journal, slow(&[(2, 2, false), (1, 1, false)])).unwrap();
    assert_eq!(carried, CarriedOver { made: 1, updates: 3 });
    let quick = sets(&world, &[(2, 2, false), (1, 1, false), (9, 90, false)]);
    let (done, report) = all(Bulk::new(quick).in_order().journal(&journal).start().await.unwrap()).await;
    assert_eq!((report.updated, done[2].repeats), (3, 1), "{report}");
}

/// The server still has what the first run made last, although the input after that was never run.
#[tokio::test]
async fn what_was_made_stays_known_over_inputs_that_are_not_run() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let world = Arc::<World>::default();
    run(&world, &[(1, 1, false), (1, 2, false), (1, 3, false)], &journal).await;
    assert_eq!(
        carry(&world, &[(1, 1, false), (1, 3, false), (1, 2, false)], &journal).made,
        1
    );
    let only = [(1, 1, false)];
    assert_eq!(carry(&world, &only, &journal).made, 0);
    run(&world, &only, &journal).await;
    assert_eq!(world.sent().last(), Some(&("1".to_owned(), 1)));
}

#[tokio::test]
async fn another_account_or_operation_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let world = Arc::<World>::default();
    run(&world, &[(1, 1, false)], &journal).await;
    let before = std::fs::read(&journal).unwrap();
    let client = crate::Client::builder()
        .api_key("key")
        .base_url("http://localhost")
        .build()
        .unwrap();
    let error = carry_over(&journal, [client.plans().update("1").name("a")]).unwrap_err();
    assert!(matches!(error, Error::InputChanged { .. }), "{error}");
    let error = carry_over(&journal, [client.opportunities().update("1").owner("a")]).unwrap_err();
    assert!(matches!(error, Error::NotAJournal { .. }), "{error}");
    let in_use = streamed([world.set(1, 1)]).journal(&journal).start().await.unwrap();
    let error = carry_over(&journal, [world.set(2, 2)]).unwrap_err();
    assert!(matches!(error, Error::JournalInUse { .. }), "{error}");
    drop(in_use);
    assert_eq!(std::fs::read(&journal).unwrap()[..before.len()], before);
}

/// After any number of edits, each object has the value of its last row that is not rejected.
#[tokio::test]
async fn after_any_edits_the_objects_are_as_the_input_says() {
    let seed = std::env::var("CHARTMOGUL_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    let mut rng = Rng::with_seed(seed);
    for round in 0..300 {
        let folder = tempfile::tempdir().unwrap();
        let journal = folder.path().join("journal");
        let world = Arc::<World>::default();
        let mut rows: Vec<Row> = Vec::new();
        for edit in 0..4 {
            for _ in 0..rng.usize(1..6) {
                let refuse = rng.u8(0..4) == 0;
                let row = (rng.u8(0..3), rng.u64(0..4) + if refuse { 100 } else { 0 }, refuse);
                let at = rng.usize(..=rows.len());
                match rng.u8(0..3) {
                    0 if at < rows.len() => drop(rows.remove(at)),
                    1 if at < rows.len() => rows[at] = row,
                    _ => rows.insert(at, row),
                }
            }
            if rows.is_empty() {
                continue; // without an update, the operation is unknown
            }
            let made = carry(&world, &rows, &journal).made;
            let sent_before = world.sent().len();
            let expected = rows.iter().filter(|row| !row.2).count() as u64;
            let stops = rng.u8(0..3) == 0;
            let bulk = streamed(sets(&world, &rows))
                .in_order()
                .concurrency(1)
                .journal(&journal)
                .fsync(false);
            let bulk = if stops {
                bulk.stop_after_errors(1)
            } else {
                bulk.ignore_consecutive_errors()
            };
            let report = all(bulk.start().await.unwrap()).await.1;
            if report.stopped.is_some() {
                continue;
            }
            let context = format!("seed {seed}, round {round}, edit {edit}: {rows:?}");
            assert_eq!(report.updated, expected, "{context}");
            assert_eq!((world.sent().len() - sent_before) as u64, expected - made, "{context}");
            for object in 0..3 {
                let last = rows.iter().rev().find(|row| row.0 == object && !row.2);
                let Some((_, value, _)) = last else { continue };
                let state = world.state.lock().unwrap().get(&object.to_string()).copied();
                assert_eq!(state, Some(*value), "{context}");
            }
        }
    }
}
