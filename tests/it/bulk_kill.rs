//! Bulk runs whose process is killed at random moments, repeatedly, until a run completes.
//!
//! `CHARTMOGUL_KILLS` sets the minimum number of kills. A failure prints its seed, which `CHARTMOGUL_SEED` sets; it does not
//! determine the timing of the program and the kernel.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs,
    os::unix::process::ExitStatusExt as _,
    path::Path,
    process::Command,
    thread::sleep,
    time::Duration,
};

use chartmogul_tests::{
    bulk::{Line, fate, is_behind, is_invalid, records, uuid},
    ledger::{Ledger, Reply},
    program::Program,
};
use fastrand::Rng;
use tokio::runtime::Runtime;

const KILLS: usize = 50;
/// After this many kills, a run may complete.
const KILLS_OF_ONE_RUN: usize = 40;
/// Maximum delay of a response, in milliseconds.
const DELAY: u64 = 6;

#[test]
#[allow(clippy::print_stdout)] // shown when it fails, and with `--nocapture`
fn a_run_that_is_killed_can_be_resumed() {
    let number = |name| {
        std::env::var(name)
            .ok()
            .map(|number| number.parse::<u64>().expect(name))
    };
    let kills = number("CHARTMOGUL_KILLS").map_or(KILLS, |kills| usize::try_from(kills).unwrap());
    let seed = number("CHARTMOGUL_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("seed {seed}");
    let mut rng = Rng::with_seed(seed);
    let runtime = Runtime::new().unwrap();
    let mut counts = Counts::default();
    while counts.kills() < kills {
        let left = kills - counts.kills();
        Killed::new(&mut rng, &runtime).run(left.min(KILLS_OF_ONE_RUN), &mut counts);
    }
    println!("{counts}");
    assert!(counts.while_sending > 0 && counts.while_reading > 0, "{counts}");
}

/// Numbers for `docs/reliability.md`.
#[derive(Debug, Default)]
struct Counts {
    runs: usize,
    before_the_journal: usize,
    while_reading: usize,
    while_sending: usize,
    after_the_last: usize,
    power_losses: usize,
    updates: usize,
    requests: usize,
    again: usize,
    repeats: usize,
    acknowledged: usize,
}

impl Counts {
    fn kills(&self) -> usize {
        self.before_the_journal + self.while_reading + self.while_sending + self.after_the_last
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            runs,
            before_the_journal,
            while_reading,
            while_sending,
            after_the_last,
            power_losses,
            updates,
            requests,
            again,
            repeats,
            acknowledged,
        } = self;
        write!(
            f,
            "{} kills of {runs} runs: {before_the_journal} before the journal had a record, {while_reading} before anything \
             was sent, {while_sending} while updates were sent, {after_the_last} after the last outcome; after \
             {power_losses} of them, the end of the journal was lost\n\
             {updates} updates, {requests} requests, {again} of them sent again, {repeats} counted as repeats; \
             {acknowledged} outcomes were known at a kill",
            self.kills()
        )
    }
}

/// When the process is killed.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// When the journal file exists.
    Started,
    After(Duration),
    /// When more than this many further requests have arrived.
    Received(usize),
    /// When this many lines are written.
    Written(usize),
    /// When the journal has grown by more than this many bytes.
    Journal(u64),
    Never,
}

/// A run that is killed.
struct Killed<'a> {
    rng: &'a mut Rng,
    runtime: &'a Runtime,
    count: u64,
    concurrency: usize,
    is_ordered: bool,
    has_fsync: bool,
    /// Whether updates read before they write.
    merges: bool,
    ledger: Ledger,
    folder: tempfile::TempDir,
    /// Outcomes that were read before a kill, and the number of requests for each.
    acknowledged: BTreeMap<u64, (Line, usize)>,
}

impl<'a> Killed<'a> {
    fn new(rng: &'a mut Rng, runtime: &'a Runtime) -> Self {
        let ledger = ledger(runtime, rng, DELAY);
        Self {
            count: rng.u64(60..400),
            concurrency: rng.usize(1..=32),
            is_ordered: rng.bool(),
            has_fsync: rng.u8(..4) > 0,
            merges: rng.bool(),
            ledger,
            folder: tempfile::tempdir().unwrap(),
            acknowledged: BTreeMap::new(),
            rng,
            runtime,
        }
    }

    fn command(&self, ledger: &Ledger) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bulk_run"));
        command.args([
            ledger.url(),
            self.count.to_string(),
            format!("concurrency={}", self.concurrency),
        ]);
        if self.is_ordered {
            command.arg("ordered");
        }
        if !self.has_fsync {
            command.arg("no-fsync");
        }
        if self.merges {
            command.arg("merge");
        }
        command
    }

    fn run(mut self, kills: usize, counts: &mut Counts) {
        let path = self.folder.path().join("journal");
        let before = counts.kills();
        let (lines, report) = loop {
            let moment = match counts.kills() - before {
                killed if killed < kills => self.moment(&path),
                _ => Moment::Never,
            };
            let (lines, report) = self.start(&path, moment, counts);
            self.check_acknowledged(&lines);
            if let Some(report) = report {
                break (lines, report);
            }
            self.acknowledge(lines);
            counts.acknowledged += self.acknowledged.len();
            // A journal survives a power loss only with `fsync`.
            if self.has_fsync && self.rng.u8(..3) == 0 {
                self.lose_power(&path);
                counts.power_losses += 1;
            }
        };
        self.check_end(&lines, &report, counts);
    }

    fn moment(&mut self, path: &Path) -> Moment {
        let count = usize::try_from(self.count).unwrap();
        match self.rng.u8(..10) {
            // A run has an empty journal only at its start, so these moments are more likely.
            0..=4 if length(path) == 0 => Moment::After(Duration::from_micros(self.rng.u64(..30_000))),
            5..=7 if length(path) == 0 => Moment::Started,
            0 => Moment::After(Duration::from_micros(self.rng.u64(..60_000))),
            1 => Moment::Written(self.rng.usize(..=count)),
            2 => Moment::Written(count),
            3 => Moment::Journal(self.rng.u64(..20_000)),
            4 => Moment::Journal(self.rng.u64(..1_000)),
            _ => Moment::Received(self.rng.usize(..count / 8)),
        }
    }

    /// Starts the process, and kills it. Returns the outcomes that it wrote, and its report if it completed.
    fn start(&mut self, path: &Path, moment: Moment, counts: &mut Counts) -> (Vec<Line>, Option<String>) {
        let (requests, length) = (self.ledger.requests(), length(path));
        let mut command = self.command(&self.ledger);
        command.arg(format!("journal={}", path.display()));
        let mut program = Program::start(&mut command);
        let has_come = |program: &Program, ledger: &Ledger| match moment {
            Moment::After(time) => {
                sleep(time);
                true
            }
            Moment::Started => path.exists(),
            Moment::Received(more) => ledger.requests() > requests + more,
            Moment::Written(lines) => program.written() >= lines,
            Moment::Journal(more) => self::length(path) > length + more,
            Moment::Never => false,
        };
        while !program.has_ended() {
            if has_come(&program, &self.ledger) {
                // Sometimes with a delay after the event.
                if self.rng.bool() {
                    sleep(Duration::from_micros(self.rng.u64(..2_000)));
                }
                program.kill();
                break;
            }
            sleep(Duration::from_micros(50));
        }
        let (status, mut lines) = program.finish();
        self.ledger.settle();
        let report = match status.signal() {
            Some(9) => None,
            _ => Some(lines.pop().unwrap_or_default()),
        };
        assert!(report.is_none() || status.success(), "{status}: {report:?}");
        if report.is_none() {
            *if self::length(path) == 0 {
                &mut counts.before_the_journal
            } else if lines.len() as u64 >= self.count {
                &mut counts.after_the_last
            } else if self.ledger.requests() == requests {
                &mut counts.while_reading
            } else {
                &mut counts.while_sending
            } += 1;
        }
        // The process may have been killed after it wrote the report.
        lines.retain(|line| !line.starts_with("report"));
        let lines: Vec<Line> = lines.iter().map(|line| line.parse().unwrap()).collect();
        let indices: BTreeSet<_> = lines.iter().map(|line| line.index).collect();
        assert_eq!(indices.len(), lines.len(), "an outcome came twice");
        (lines, report)
    }

    /// Checks that acknowledged outcomes are the same again, and were not sent.
    fn check_acknowledged(&self, lines: &[Line]) {
        if self.is_ordered {
            let in_order = lines.iter().zip(0..).all(|(line, index)| line.index == index);
            assert!(in_order, "not in order: {lines:?}");
        }
        let times = self.ledger.times();
        for (index, (before, requests)) in &self.acknowledged {
            let now = times.get(index).copied().unwrap_or_default();
            assert_eq!(now, *requests, "{before} was known and was sent again");
        }
        for line in lines {
            if let Some((before, _)) = self.acknowledged.get(&line.index) {
                assert_eq!(line.essence(), before.essence());
                assert_eq!(line.repeats, before.repeats, "{line}");
                assert!(line.earlier, "{line}");
            }
        }
    }

    fn acknowledge(&mut self, lines: Vec<Line>) {
        let times = self.ledger.times();
        for line in lines.into_iter().filter(Line::is_final) {
            let requests = times.get(&line.index).copied().unwrap_or_default();
            let had_response = self
                .ledger
                .receipts()
                .iter()
                .any(|receipt| receipt.index == line.index && receipt.has_response);
            assert_eq!(had_response, !is_invalid(line.index), "{line}");
            self.acknowledged.insert(line.index, (line, requests));
        }
    }

    /// Removes what a power loss may remove from the journal: what nothing has relied on yet. A part may become zeros, as
    /// file systems do if data was not written in time.
    fn lose_power(&mut self, path: &Path) {
        let mut journal = fs::read(path).unwrap_or_default();
        let records = records(&journal);
        // The first record is synced before another one is written.
        let mut kept = records
            .first()
            .filter(|header| header.end < journal.len())
            .map_or(0, |header| header.end);
        let mut keep = |what: &str, index: u64, times: usize| {
            let record = records
                .iter()
                .filter(|record| record.index(what) == Some(index))
                .nth(times - 1)
                .unwrap_or_else(|| panic!("{index} was not `{what}` {times} times before somebody saw that it was"));
            kept = kept.max(record.end);
        };
        for (index, times) in self.ledger.times() {
            keep("sent", index, times);
        }
        for index in self.acknowledged.keys() {
            keep("done", *index, 1);
        }
        let left = self.rng.usize(kept..=journal.len());
        let lost = journal.len() - left;
        journal.truncate(left);
        if self.rng.u8(..3) == 0 {
            journal.resize(left + lost, 0);
        }
        if path.exists() {
            fs::write(path, journal).unwrap();
        }
    }

    fn check_end(&mut self, lines: &[Line], report: &str, counts: &mut Counts) {
        let undisturbed = ledger(self.runtime, self.rng, 1);
        let (status, mut expected) = Program::start(&mut self.command(&undisturbed)).finish();
        assert!(status.success());
        let expected_report = expected.pop().unwrap();
        let expected: BTreeMap<u64, Line> = lines_by_index(expected.iter().map(|line| line.parse().unwrap()));
        let by_index = lines_by_index(lines.iter().cloned());
        assert_eq!(lines.len() as u64, self.count, "one outcome for each");
        assert!(by_index.keys().copied().eq(0..self.count), "and not the same twice");
        for (line, expected) in by_index.values().zip(expected.values()) {
            assert_eq!(line.essence(), expected.essence());
        }

        // No update is lost, and repeated requests are counted.
        let times = self.ledger.times();
        let mut again = 0;
        for (index, line) in &by_index {
            let requests = times.get(index).copied().unwrap_or_default();
            let least = usize::from(!is_invalid(*index) && !is_behind(*index));
            let most = least + usize::try_from(line.repeats).unwrap();
            assert!((least..=most).contains(&requests), "{requests} requests for {line}");
            again += requests - least;
        }
        let repeats = by_index.values().map(|line| line.repeats as usize).sum();
        let sent_again = match repeats {
            0 => String::new(),
            repeats => format!("; {repeats} sent again"),
        };
        let expected_report = expected_report.replacen("not sent", &format!("not sent{sent_again}"), 1);
        assert_eq!(report, expected_report);

        // Updates of one opportunity arrived in the order of the input, each possibly several times in a row.
        let mut last: BTreeMap<String, u64> = BTreeMap::new();
        for receipt in self.ledger.receipts() {
            assert_eq!(receipt.uuid, uuid(receipt.index));
            let before = last.insert(receipt.uuid.clone(), receipt.index);
            assert!(
                before.is_none_or(|before| before <= receipt.index),
                "{before:?} before {receipt:?}"
            );
        }
        assert_eq!(self.ledger.objects(), undisturbed.objects());

        counts.runs += 1;
        counts.updates += lines.len();
        counts.requests += self.ledger.requests();
        counts.again += again;
        counts.repeats += repeats;
    }
}

fn ledger(runtime: &Runtime, rng: &mut Rng, delay: u64) -> Ledger {
    let reply = |index, _| -> Reply { fate(index) };
    runtime.block_on(Ledger::start(0..delay, rng.u64(..), reply))
}

fn lines_by_index(lines: impl Iterator<Item = Line>) -> BTreeMap<u64, Line> {
    lines.map(|line| (line.index, line)).collect()
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |file| file.len())
}
