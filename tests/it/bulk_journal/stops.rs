//! Random runs with a server that has random faults, stopped in every way and resumed until they are complete.

use chartmogul::bulk::Stopped;
use chartmogul_tests::ledger::Reply;
use fastrand::Rng;
use tokio::sync::oneshot;

use super::*;

/// What the server does with an update, request by request; the last entry repeats. At most two attempts fail before one
/// succeeds, so that the outcome is the same however often a run is stopped in between.
const FAULTS: &[&[Reply]] = &[
    &[Reply::Apply],
    &[Reply::Apply],
    &[Reply::Apply],
    &[Reply::Refuse(422)],
    &[Reply::Refuse(404)],
    &[Reply::Refuse(304)],
    &[Reply::Refuse(500)],
    &[Reply::Reset],
    &[Reply::Refuse(502), Reply::Apply],
    &[Reply::Reset, Reply::Apply],
    &[Reply::ApplyAndReset, Reply::Apply],
    &[Reply::ApplyAndRespond(502), Reply::Refuse(503), Reply::Apply],
    &[Reply::Refuse(503), Reply::Refuse(404)],
];

fn outcome(faults: &[Reply]) -> &'static str {
    match faults.last().unwrap() {
        Reply::Refuse(422) => "rejected 422, amount_in_cents: no",
        Reply::Refuse(404) => "rejected 404, amount_in_cents: no",
        Reply::Refuse(304) => "not modified",
        Reply::Refuse(500) => "given up 500, amount_in_cents: no, perhaps done",
        Reply::Reset => "given up, perhaps done",
        _ => "updated",
    }
}

/// The outcome without the response.
fn word(line: &Line) -> &str {
    line.essence().2.split(" {").next().unwrap()
}

/// How a run ends.
#[derive(Debug, Clone, Copy)]
enum Stop {
    Never,
    /// It is asked to stop after this many outcomes.
    Asked(usize),
    /// It is dropped after this many outcomes.
    Dropped(usize),
    /// Its deadline, in milliseconds.
    Deadline(u64),
    Errors(u64),
    Share(f64, u64),
}

/// What the server does with all requests until this many outcomes have arrived.
type Outage = Option<(Reply, usize)>;

const OUTAGES: &[Reply] = &[
    Reply::Refuse(302),
    Reply::Refuse(401),
    Reply::Refuse(403),
    Reply::Refuse(408),
    Reply::Refuse(503),
    Reply::Refuse(504),
    Reply::ApplyAndRespond(502),
    Reply::Reset,
    Reply::ApplyAndReset,
];

#[tokio::test]
#[allow(clippy::print_stdout)] // shown when it fails
async fn runs_that_are_stopped_and_resumed_have_the_same_outcomes() {
    let seed = std::env::var("CHARTMOGUL_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("seed {seed}");
    let mut rng = Rng::with_seed(seed);
    for _ in 0..30 {
        Case::new(&mut rng).await.run().await;
    }
}

fn uuid(object: u8) -> String {
    format!("00000000-0000-4000-8000-{object:012}")
}

struct Case {
    rng: Rng,
    scene: Scene,
    count: u64,
    /// The opportunity of each update.
    objects: Vec<u8>,
    faults: Vec<&'static [Reply]>,
    skip_unchanged: bool,
}

impl Case {
    async fn new(rng: &mut Rng) -> Self {
        let mut rng = rng.fork();
        let count = rng.u64(1..60);
        let many = rng.u8(1..30);
        let faults: Vec<_> = (0..count).map(|_| FAULTS[rng.usize(..FAULTS.len())]).collect();
        let replies = faults.clone();
        let reply = move |index, nth: usize| {
            let replies: &[Reply] = replies[usize::try_from(index).unwrap()];
            replies[nth.min(replies.len() - 1)]
        };
        let ledger = Ledger::start(0..3, rng.u64(..), reply).await;
        let retry = Retry::default()
            .max_attempts(3)
            .backoff(Duration::from_millis(1), Duration::from_millis(1))
            .budget(u32::MAX);
        Self {
            count,
            objects: (0..count).map(|_| rng.u8(..many)).collect(),
            faults,
            skip_unchanged: rng.bool(),
            scene: Scene::retrying(ledger, retry),
            rng,
        }
    }

    fn bulk(&mut self, path: &Path) -> Bulk<UpdateOpportunity> {
        let opportunities = self.scene.client.opportunities();
        let updates: Vec<_> = self
            .objects
            .iter()
            .zip(0..)
            .map(|(object, index): (_, i64)| opportunities.update(uuid(*object)).amount_in_cents(index))
            .collect();
        let bulk = Bulk::new(updates)
            .journal(path)
            .fsync(false)
            .concurrency(self.rng.usize(1..=8));
        let bulk = if self.skip_unchanged {
            bulk.skip_unchanged()
        } else {
            bulk
        };
        if self.rng.bool() { bulk.in_order() } else { bulk }
    }

    /// The outcome of an update in an undisturbed run. One that is given up holds back later ones of its opportunity.
    fn expected(&self, index: u64) -> String {
        let at = usize::try_from(index).unwrap();
        let is_given_up = |before: &usize| outcome(self.faults[*before]).starts_with("given up");
        let is_before = |before: &usize| self.objects[*before] == self.objects[at];
        match (0..at).find(|before| is_before(before) && is_given_up(before)) {
            Some(before) => format!("behind {before}"),
            None => outcome(self.faults[at]).to_owned(),
        }
    }

    fn outage(&mut self) -> Outage {
        let some = self.rng.usize(..=usize::try_from(self.count).unwrap());
        self.rng
            .bool()
            .then(|| (OUTAGES[self.rng.usize(..OUTAGES.len())], some))
    }

    fn stop(&mut self) -> Stop {
        let some = self.rng.usize(..=usize::try_from(self.count).unwrap());
        match self.rng.u8(..8) {
            0 => Stop::Never,
            1 | 2 => Stop::Asked(some),
            3 => Stop::Dropped(some),
            4 | 5 => Stop::Deadline(self.rng.u64(1..40)),
            6 => Stop::Errors(self.rng.u64(1..5)),
            _ => Stop::Share(self.rng.f64() * 100.0, self.rng.u64(..10)),
        }
    }

    async fn run(mut self) {
        let path = self.scene.path("journal");
        let mut known: BTreeMap<u64, Line> = BTreeMap::new();
        loop {
            let (stop, outage) = (self.stop(), self.outage());
            let times = self.scene.ledger.times();
            let (lines, report) = self.run_once(&path, stop, outage).await;
            self.scene.ledger.settle_here().await;
            let mut indices: Vec<_> = lines.iter().map(|line| line.index).collect();
            indices.sort_unstable();
            indices.dedup();
            assert_eq!(indices.len(), lines.len(), "{stop:?}: an outcome came twice");
            let now = self.scene.ledger.times();
            for line in &lines {
                if let Some(before) = known.get(&line.index) {
                    assert_eq!(
                        (line.essence(), line.repeats),
                        (before.essence(), before.repeats),
                        "{stop:?}"
                    );
                    assert!(line.earlier, "{stop:?}: {line}");
                    assert_eq!(
                        now.get(&line.index),
                        times.get(&line.index),
                        "{stop:?}: {line} was sent again"
                    );
                }
                if ["stopped", "behind", "not sent"]
                    .iter()
                    .any(|word| line.outcome.starts_with(word))
                {
                    assert_eq!(now.get(&line.index), None, "{stop:?}: {line} was sent");
                    continue;
                }
                // That says nothing about the update, so it is sent again.
                let is_of_the_outage = line.outcome.contains("401") || line.outcome.contains("403");
                if !line.is_final() || is_of_the_outage {
                    continue;
                }
                let (word, expected) = (word(line), self.expected(line.index));
                assert_eq!(word, expected, "{stop:?}, {outage:?}: {line}");
                known.insert(line.index, line.clone());
            }
            let Some(report) = report else { continue };
            assert_eq!(lines.len() as u64, self.count, "{stop:?}: each has an outcome");
            self.check_report(stop, outage, &lines, report);
            if report.stopped.is_none() && outage.is_none() {
                for line in &lines {
                    assert_eq!(word(line), self.expected(line.index), "{stop:?}: {line}");
                }
                break;
            }
        }
        // Runs again after everything is done.
        let before = self.scene.ledger.requests();
        let (lines, _) = all(self.bulk(&path)).await.unwrap();
        for line in &lines {
            assert_eq!(word(line), self.expected(line.index), "{line}");
            assert_eq!(
                known.get(&line.index).map(Line::essence),
                line.is_final().then(|| line.essence())
            );
        }
        let again = lines.iter().filter(|line| line.outcome.starts_with("given up")).count();
        assert!(
            self.scene.ledger.requests() <= before + 3 * again,
            "nothing else is left to be sent"
        );
        self.check_server(&lines);
    }

    /// Returns the outcomes, and the report if the run was not dropped.
    async fn run_once(&mut self, path: &Path, stop: Stop, outage: Outage) -> (Vec<Line>, Option<Report>) {
        let bulk = self.bulk(path);
        let (ask, asked) = oneshot::channel::<()>();
        let mut ask = Some(ask);
        let bulk = match stop {
            Stop::Never | Stop::Dropped(_) => bulk,
            Stop::Asked(_) => bulk.stop_when(async {
                let _ = asked.await;
            }),
            Stop::Deadline(after) => bulk.deadline(Duration::from_millis(after)),
            Stop::Errors(errors) => bulk.stop_after_errors(errors),
            Stop::Share(percent, of) => bulk.stop_above_share(percent, of),
        };
        self.scene.ledger.outage(outage.map(|(reply, _)| reply));
        let mut run = bulk.start().await.unwrap();
        let mut lines = Vec::new();
        loop {
            if outage.is_some_and(|(_, some)| lines.len() == some) {
                self.scene.ledger.outage(None);
            }
            match stop {
                Stop::Asked(some) if lines.len() == some => drop(ask.take()),
                Stop::Dropped(some) if lines.len() == some => return (lines, None),
                _ => {}
            }
            match run.try_next().await.unwrap() {
                Some(done) => lines.push(Line::of(&done)),
                None => return (lines, Some(run.report())),
            }
        }
    }

    fn check_report(&self, stop: Stop, outage: Outage, lines: &[Line], report: Report) {
        let with = |begin: &str| lines.iter().filter(|line| line.outcome.starts_with(begin)).count() as u64;
        assert_eq!(
            [
                report.updates,
                report.updated,
                report.not_modified,
                report.rejected,
                report.given_up,
                report.not_sent
            ],
            [
                self.count,
                with("updated"),
                with("not modified"),
                with("rejected"),
                with("given up"),
                with("stopped") + with("behind") + with("not sent")
            ],
        );
        assert_eq!(
            report.repeats,
            lines.iter().map(|line| u64::from(line.repeats)).sum::<u64>()
        );
        let words = ["rejected", "given up", "not sent"];
        let failed = |line: &&Line| words.iter().any(|word| line.outcome.starts_with(word));
        let failures = lines.iter().filter(failed).count() as u64;
        let new = lines.iter().filter(failed).filter(|line| !line.earlier).count() as u64;
        match (stop, report.stopped) {
            (Stop::Errors(errors), Some(Stopped::Errors)) => assert!(failures >= errors),
            (Stop::Errors(errors), None) => assert!(new < errors),
            (Stop::Asked(_), Some(Stopped::Requested)) | (Stop::Deadline(_), Some(Stopped::Deadline)) | (_, None) => {}
            (_, Some(Stopped::KeyRefused)) => assert!(outage.is_some()),
            (Stop::Share(..), Some(Stopped::Errors)) => assert!(failures > 0),
            (stop, stopped) => panic!("{stop:?} ended with {stopped:?}"),
        }
    }

    /// Checks that the opportunities are as if the updates had been made one by one, in order, and that all requests were
    /// counted.
    fn check_server(&self, lines: &[Line]) {
        let mut amounts: BTreeMap<String, u64> = BTreeMap::new();
        for (object, index) in self.objects.iter().zip(0..) {
            if self.expected(index) == "updated" {
                amounts.insert(uuid(*object), index);
            }
        }
        let objects = self.scene.ledger.objects().into_iter();
        let found: BTreeMap<_, _> = objects.map(|(uuid, entry)| (uuid, entry.amount.unwrap())).collect();
        // An update with another outcome may have been made during an outage.
        let is_certain = |uuid: &String| {
            let of = |line: &&Line| line.id == *uuid;
            lines.iter().filter(of).all(|line| line.outcome.starts_with("updated"))
        };
        let certain = |amounts: &BTreeMap<String, u64>| -> BTreeMap<String, u64> {
            let certain = amounts.iter().filter(|(uuid, _)| is_certain(uuid));
            certain.map(|(uuid, amount)| (uuid.clone(), *amount)).collect()
        };
        assert_eq!(certain(&found), certain(&amounts));
        let mut last: BTreeMap<String, u64> = BTreeMap::new();
        for receipt in self.scene.ledger.receipts() {
            let before = last.insert(receipt.uuid.clone(), receipt.index);
            assert!(
                before.is_none_or(|before| before <= receipt.index),
                "{before:?} before {receipt:?}"
            );
        }
        let times = self.scene.ledger.times();
        for line in lines {
            let requests = times.get(&line.index).copied().unwrap_or_default();
            assert!(
                requests <= 3 * (1 + line.repeats as usize),
                "{requests} requests for {line}"
            );
        }
    }
}
