//! Journals with all kinds of damage: a run either reports it before it sends anything, or continues correctly.

use std::{collections::BTreeMap, fs, ops::Range, path::PathBuf};

use chartmogul::bulk::{self, Error, Report};
use chartmogul_tests::{
    bulk::{Line, Record, framed, records},
    ledger::Entry,
};
use fastrand::Rng;

use super::{Scene, without_repeats};

/// Includes all kinds of outcomes, and opportunities with several updates.
const COUNT: u64 = 15;

struct Bench {
    scene: Scene,
    path: PathBuf,
    expected: Vec<Line>,
    report: Report,
    objects: BTreeMap<String, Entry>,
    /// The journal of a complete run.
    whole: Vec<u8>,
    records: Vec<Record>,
    tally: Tally,
}

/// Number of cases by their result.
#[derive(Debug, Default, PartialEq)]
struct Tally {
    went_on: usize,
    damaged: usize,
    no_journal: usize,
}

impl Bench {
    async fn new() -> Self {
        let scene = Scene::new().await;
        let path = scene.path("journal");
        let (expected, report) = scene.run(COUNT, &path).await.unwrap();
        let whole = fs::read(&path).unwrap();
        let records = records(&whole);
        assert_eq!(records.last().unwrap().end, whole.len());
        Self {
            objects: amounts(&scene),
            scene,
            path,
            expected,
            report,
            whole,
            records,
            tally: Tally::default(),
        }
    }

    /// Starts a run with a damaged journal. If it is refused, and `is_saved` is set, salvages the journal and starts again.
    async fn check(&mut self, what: &str, damaged: &[u8], is_saved: bool) {
        let same = self
            .whole
            .iter()
            .zip(damaged)
            .take_while(|(one, other)| one == other)
            .count();
        let intact: Vec<_> = self.records.iter().take_while(|record| record.end <= same).collect();
        let done: Vec<_> = intact.iter().filter_map(|record| record.index("done")).collect();
        fs::write(&self.path, damaged).unwrap();
        let _ = fs::remove_file(self.scene.path("journal.damaged")); // of the previous case
        self.scene.ledger.forget_requests();
        match self.scene.run(COUNT, &self.path).await {
            Ok((lines, report)) => {
                self.tally.went_on += 1;
                self.check_end(what, &done, &lines, report);
            }
            Err(Error::JournalDamaged { offset, good, .. }) => {
                self.tally.damaged += 1;
                assert_eq!(self.scene.ledger.requests(), 0, "{what}: nothing was sent");
                assert_eq!(fs::read(&self.path).unwrap(), damaged, "{what}: nothing was written");
                assert_eq!(good.bytes, offset);
                assert!(good.done >= done.len() as u64, "{what}: {good}");
                assert!(good.bytes >= intact.last().unwrap().end as u64, "{what}: {good}");
                if !is_saved {
                    return;
                }
                assert_eq!(bulk::salvage(&self.path).unwrap(), good, "{what}");
                let kept = usize::try_from(good.bytes).unwrap();
                assert_eq!(fs::read(&self.path).unwrap(), damaged[..kept], "{what}");
                let beside = fs::read(self.scene.path("journal.damaged")).unwrap();
                assert_eq!(beside, damaged, "{what}: all of it is kept");
                let (lines, report) = self.scene.run(COUNT, &self.path).await.unwrap();
                self.check_end(what, &done, &lines, report);
            }
            Err(Error::NotAJournal { .. }) => {
                self.tally.no_journal += 1;
                assert!(intact.is_empty(), "{what}: the beginning is good");
                assert_eq!(self.scene.ledger.requests(), 0, "{what}: nothing was sent");
                let saved = bulk::salvage(&self.path);
                assert!(matches!(saved, Err(Error::NotAJournal { .. })), "{what}: {saved:?}");
                assert_eq!(fs::read(&self.path).unwrap(), damaged, "{what}: nothing was written");
            }
            Err(error) => panic!("{what}: {error}"),
        }
    }

    fn check_end(&self, what: &str, done: &[u64], lines: &[Line], report: Report) {
        assert_eq!(essences(lines), essences(&self.expected), "{what}");
        assert_eq!(without_repeats(report), self.report, "{what}");
        let times = self.scene.ledger.times();
        for line in lines {
            assert!(line.earlier || !done.contains(&line.index), "{what}: {line} was known");
            assert!(
                !line.earlier || !times.contains_key(&line.index),
                "{what}: {line} was sent"
            );
        }
        assert_eq!(
            amounts(&self.scene),
            self.objects,
            "{what}: an older update was made again"
        );
    }
}

/// Outcomes without the number of changes, which grows with each case.
fn essences(lines: &[Line]) -> Vec<(u64, &str, &str)> {
    lines
        .iter()
        .map(Line::essence)
        .map(|(index, id, outcome)| (index, id, outcome.split(r#","changes""#).next().unwrap()))
        .collect()
}

fn amounts(scene: &Scene) -> BTreeMap<String, Entry> {
    let amount = |entry: Entry| Entry { changes: 0, ..entry };
    let objects = scene.ledger.objects().into_iter();
    objects.map(|(uuid, entry)| (uuid, amount(entry))).collect()
}

#[tokio::test]
async fn a_journal_with_a_wrong_bit() {
    let mut bench = Bench::new().await;
    let mut rng = Rng::with_seed(1);
    // Every byte of the first records, and a sample of the others.
    let first = bench.records[3].end;
    let last = bench.records[bench.records.len() - 2].start;
    let places = (0..bench.whole.len()).filter(|at| *at < first || *at > last || at % 31 == 0);
    for (number, at) in places.enumerate() {
        let mut damaged = bench.whole.clone();
        damaged[at] ^= 1 << rng.u8(..8);
        bench.check(&format!("byte {at}"), &damaged, number % 8 == 0).await;
    }
    let Tally {
        went_on,
        damaged,
        no_journal,
    } = bench.tally;
    assert_eq!(went_on, 0, "each is noticed, in the last record too");
    assert_eq!(no_journal, bench.records[0].end);
    assert!(damaged > 0);
}

#[tokio::test]
async fn a_truncated_journal() {
    let mut bench = Bench::new().await;
    let mut rng = Rng::with_seed(2);
    let ends: Vec<_> = bench
        .records
        .iter()
        .flat_map(|record| [record.end - 1, record.end, record.end + 1])
        .collect();
    let first = bench.records[2].end;
    let cases = (0..bench.whole.len()).filter(|at| *at < first && at % 3 == 0 || ends.contains(at) || at % 233 == 0);
    for length in cases {
        let mut cut = bench.whole[..length].to_vec();
        bench.check(&format!("cut at {length}"), &cut, true).await;
        // Then something else follows. After an incomplete header, nothing is ever written.
        if length < bench.records[0].end {
            continue;
        }
        // Random bytes that are no longer than the rest of an incomplete record can't be distinguished from that rest.
        let begins = !bench.records.iter().any(|record| record.end == length);
        let (what, is_damage) = match rng.u8(..3) {
            0 => {
                cut.resize(length + rng.usize(5..5_000), 0);
                ("zeros", 0..=0)
            }
            1 => {
                cut.extend((0..rng.usize(20..500)).map(|_| rng.u8(1..)));
                ("nonsense", usize::from(!begins)..=1)
            }
            _ => continue,
        };
        let before = bench.tally.damaged;
        bench
            .check(&format!("cut at {length}, and {what} behind"), &cut, true)
            .await;
        assert!(
            is_damage.contains(&(bench.tally.damaged - before)),
            "{what} behind {length}: what a crash leaves is no damage, and nothing else is left by one"
        );
    }
    assert_eq!(bench.tally.no_journal, 0);
}

#[tokio::test]
async fn a_journal_with_a_part_that_is_changed() {
    let mut bench = Bench::new().await;
    let mut rng = Rng::with_seed(3);
    for number in 0..400 {
        let length = bench.whole.len();
        let mut range = |most: usize| -> Range<usize> {
            let start = rng.usize(..length);
            start..(start + rng.usize(1..=most)).min(length)
        };
        let mut damaged = bench.whole.clone();
        let what = match number % 5 {
            0 => {
                let range = range(600);
                damaged.drain(range.clone());
                format!("without {range:?}")
            }
            1 => {
                let range = range(600);
                damaged[range.clone()].fill(0);
                format!("zeros at {range:?}")
            }
            2 => {
                let range = range(600);
                let twice = damaged[range.clone()].to_vec();
                damaged.splice(range.end..range.end, twice);
                format!("{range:?} twice")
            }
            3 => {
                let (at, from) = (range(1).start, range(600));
                let copy = damaged[from.clone()].to_vec();
                damaged.splice(at..at, copy);
                format!("{from:?} again at {at}")
            }
            _ => {
                let range = range(300);
                damaged[range.clone()].iter_mut().for_each(|byte| *byte = rng.u8(..));
                format!("nonsense at {range:?}")
            }
        };
        if damaged != bench.whole {
            bench.check(&what, &damaged, number % 3 == 0).await;
        }
    }
    let Tally {
        went_on,
        damaged,
        no_journal,
    } = bench.tally;
    assert!(went_on > 0 && damaged > 300 && no_journal > 0, "{:?}", bench.tally);
}

/// Complete records, so that all checksums are right.
#[tokio::test]
async fn a_journal_with_missing_duplicate_or_reordered_records() {
    let mut bench = Bench::new().await;
    let pieces: Vec<Vec<u8>> = bench
        .records
        .iter()
        .map(|record| bench.whole[record.start..record.end].to_vec())
        .collect();
    let said: Vec<_> = bench.records.iter().map(|record| record.json.to_string()).collect();
    for at in 0..pieces.len() {
        let mut without = pieces.clone();
        without.remove(at);
        bench
            .check(&format!("without {}", said[at]), &without.concat(), true)
            .await;
        let mut twice = pieces.clone();
        twice.insert(at, pieces[at].clone());
        bench.check(&format!("twice {}", said[at]), &twice.concat(), true).await;
        for other in (at + 1..pieces.len()).filter(|other| other - at < 3 || (at + other) % 5 == 0) {
            let mut swapped = pieces.clone();
            swapped.swap(at, other);
            let what = format!("{} and {}, one in place of the other", said[at], said[other]);
            bench.check(&what, &swapped.concat(), true).await;
        }
    }
}

/// Records with a right checksum may still be invalid.
#[tokio::test]
async fn records_that_no_version_writes() {
    let mut bench = Bench::new().await;
    let end = bench
        .records
        .iter()
        .find(|record| record.index("done").is_some())
        .unwrap()
        .start;
    let done = |outcome: &str| format!(r#"{{"done":{{"index":0,"repeats":0,"outcome":{outcome}}}}}"#);
    for record in [
        "{}".to_owned(),
        "[]".to_owned(),
        "0".to_owned(),
        "nonsense".to_owned(),
        "\u{feff}{}".to_owned(),
        r#"{"paused":1}"#.to_owned(),
        r#"{"sent":-1}"#.to_owned(),
        r#"{"sent":18446744073709551615}"#.to_owned(),
        r#"{"sent":1e3}"#.to_owned(),
        r#"{"taken":{"index":1}}"#.to_owned(),
        r#"{"ended":0}"#.to_owned(),
        r#"{"ended":18446744073709551615}"#.to_owned(),
        "[".repeat(100_000),
        done(r#""paused""#),
        done(r#"{"rejected":null}"#),
    ] {
        let mut journal = bench.whole[..end].to_vec();
        journal.extend(framed(record.as_bytes()));
        let went_on = bench.tally.went_on;
        bench.check(&record[..record.len().min(100)], &journal, true).await;
        assert_eq!(bench.tally.went_on, went_on, "{record}");
    }
}

/// A response is decoded only when it is yielded. Salvaging does not help then: the journal is not damaged.
#[tokio::test]
async fn a_response_that_this_version_can_not_decode() {
    let bench = Bench::new().await;
    let first = bench
        .records
        .iter()
        .position(|record| record.index("done") == Some(0))
        .unwrap();
    for response in [r#""text""#, "[]", "1e999"] {
        let mut journal = bench.whole[..bench.records[first].start].to_vec();
        let done = format!(r#"{{"done":{{"index":0,"repeats":0,"outcome":{{"updated":{response}}}}}}}"#);
        journal.extend(framed(done.as_bytes()));
        fs::write(&bench.path, &journal).unwrap();
        bench.scene.ledger.forget_requests();
        let error = bench.scene.run(COUNT, &bench.path).await.unwrap_err();
        assert!(matches!(error, Error::NotAJournal { .. }), "{response}: {error}");
        assert_eq!(bench.scene.ledger.requests(), 0, "{response}: nothing was sent");
        assert_eq!(
            fs::read(&bench.path).unwrap(),
            journal,
            "{response}: nothing was written"
        );
    }
}
