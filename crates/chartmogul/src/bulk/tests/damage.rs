//! Journals that are damaged, or that this version cannot read.

use super::*;

/// The length of the record that begins here.
fn length(record: &[u8]) -> usize {
    let length = u64::from_le_bytes(record[..8].try_into().unwrap());
    length.try_into().unwrap()
}

#[tokio::test]
async fn a_damaged_journal_is_not_restarted_silently() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let world = Arc::<World>::default();
    let plan: Vec<_> = (0..20).map(|id| (id, 0, false)).collect();
    all(journaled(&world, &plan, &journal).start().await.unwrap()).await;
    let mut bytes = std::fs::read(&journal).unwrap();
    let header = 12 + length(&bytes) + 4;
    for byte in &mut bytes[header + 10..] {
        *byte = b'#';
    }
    std::fs::write(&journal, bytes).unwrap();
    let run = journaled(&world, &plan, &journal).start().await;
    if let Ok(run) = run {
        let report = all(run).await.1;
        panic!("{report}; {} sent", world.sent().len());
    }
}

#[tokio::test]
async fn one_bit_in_the_last_outcome() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let world = Arc::<World>::default();
    let plan = vec![(0u8, 0u16, false), (1, 60_000, false)];
    let mut run = journaled(&world, &plan, &journal).start().await.unwrap();
    assert_eq!(run.try_next().await.unwrap().unwrap().index, 0); // acknowledged
    drop(run);
    world.busy.lock().unwrap().clear();
    let mut bytes = std::fs::read(&journal).unwrap();
    let at = bytes.len() - 8;
    bytes[at] ^= 1; // in the middle of the last record, which is complete
    std::fs::write(&journal, bytes).unwrap();
    if let Ok(run) = journaled(&world, &plan, &journal).start().await {
        sleep(Duration::from_millis(500)).await;
        drop(run);
        let count = world.sent().iter().filter(|(id, _)| id == "0").count();
        assert_eq!(count, 1, "acknowledged and sent again");
    }
}

#[test]
fn salvage_of_nothing_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("typo.journal");
    assert!(salvage(&path).is_err() && !path.exists(), "{:?}", salvage(&path));
}

#[tokio::test]
async fn a_response_that_cannot_be_read_any_more_is_no_damage() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let world = Arc::<World>::default();
    let plan: Vec<_> = (0..3).map(|id| (id, 0, false)).collect();
    all(journaled(&world, &plan, &journal).start().await.unwrap()).await;
    // The server (or an older version) sent something else.
    let old = std::fs::read(&journal).unwrap();
    let mut new = Vec::new();
    let mut at = 0;
    while at < old.len() {
        let length = length(&old[at..]);
        let text = String::from_utf8(old[at + 12..at + 12 + length].to_vec()).unwrap();
        at += 12 + length + 4;
        let record = text
            .replace(r#""updated":{"value":1}"#, r#""updated":{"value":"1"}"#)
            .into_bytes();
        let mask = |bytes: &[u8]| {
            crc32c::crc32c(bytes)
                .rotate_right(15)
                .wrapping_add(0xa282_ead8)
                .to_le_bytes()
        };
        let length = (record.len() as u64).to_le_bytes();
        new.extend_from_slice(&length);
        new.extend_from_slice(&mask(&length));
        new.extend_from_slice(&record);
        new.extend_from_slice(&mask(&record));
    }
    std::fs::write(&journal, new).unwrap();
    let error = journaled(&world, &plan, &journal)
        .start()
        .await
        .unwrap()
        .finish()
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NotAJournal { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains("the response to update 1 can't be read by this version"),
        "{error}"
    );
    assert_eq!(world.sent().len(), 3, "nothing was sent again");
}
