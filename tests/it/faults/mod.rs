//! All faults between client and server: the caller's result, the number of requests, and leaks. The table in
//! `docs/reliability.md` shows the results.

mod case;
mod crowd;
mod rows;

use std::{sync::Arc, time::Duration};

use chartmogul_tests::{UUID, snapshot, watch::Watch};
use tokio::{sync::Semaphore, task::JoinSet, time::timeout};

use self::case::{CUSTOMER, Outcome, key_forms};

/// Far longer than any row takes, unless it hangs.
const HUNG: Duration = Duration::from_secs(60);

/// Few enough that short time limits are not missed on a busy processor.
const SIDE_BY_SIDE: usize = 16;

// One thread for clients and servers, so that everything that is logged is captured.
#[tokio::test(flavor = "current_thread")]
async fn every_fault_has_its_outcome() {
    let watch = Watch::default();
    let watching = watch.begin();

    let mut prepared = Vec::new();
    let mut sections = Vec::new();
    for (title, rows) in rows::sections() {
        let first = prepared.len();
        for row in rows {
            prepared.push(case::prepare(row, prepared.len()).await);
        }
        sections.push((title, first..prepared.len()));
    }
    // Concurrently, because most rows wait most of the time.
    let permits = Arc::new(Semaphore::new(SIDE_BY_SIDE));
    let mut running = JoinSet::new();
    for (number, row) in prepared.into_iter().enumerate() {
        let (name, permits) = (row.name(), Arc::clone(&permits));
        running.spawn(async move {
            let _permit = permits.acquire().await;
            let ran = timeout(HUNG, row.run()).await;
            (number, ran.unwrap_or_else(|_| panic!("{name}: hangs")))
        });
    }
    let mut ran = Vec::new();
    while let Some(done) = running.join_next().await {
        ran.push(done.unwrap());
    }
    ran.sort_by_key(|(number, _)| *number);

    // One by one, so that no call is late because of another row.
    let mut outcomes: Vec<Outcome> = Vec::new();
    for (_, ran) in ran {
        // A call that waits for a lost permit takes long; a few of them are enough.
        let lost = outcomes.iter().filter(|outcome| outcome.has_lost_its_client).count();
        outcomes.push(if lost < 3 { ran.finish().await } else { ran.outcome });
    }
    let mut failures = Vec::new();
    sections.push(("Many calls at once", outcomes.len()..outcomes.len() + 1));
    match timeout(HUNG, crowd::half_of_a_hundred_calls_are_cancelled()).await {
        Ok(outcome) => outcomes.push(outcome),
        Err(_) => failures.push("many calls at once: hang".to_owned()),
    }

    drop(watching);
    let log = watch.text();
    for target in ["chartmogul.attempt", "hyper_util::client", "reqwest::connect"] {
        assert!(log.contains(target), "nobody watched {target}");
    }
    let suspicious = suspicious(&log);
    for outcome in &mut outcomes {
        outcome.look_for_key(&suspicious);
    }

    let mut text = String::new();
    let mut table = |title: &str, rows: &[Outcome]| {
        text.push_str(&format!("### {title}\n\n{}\n", Outcome::HEAD));
        let mut last = String::new();
        for row in rows {
            let line = row.line();
            // Variants of one fault with the same result are one line.
            if line != last {
                text.push_str(&line);
            }
            last = line;
            failures.extend(row.failures());
        }
        text.push('\n');
    };
    for (title, rows) in sections {
        table(title, outcomes.get(rows).unwrap_or_default());
    }
    let data = [CUSTOMER, UUID].map(|data| suspicious.lines().find(|line| line.contains(data)));
    failures.extend(data.into_iter().flatten().map(|line| format!("logged: {line}")));
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    snapshot::check_part("docs/reliability.md", "faults", &text);
}

/// The lines of the log with a leak: any key, customers' data, an object's identifier.
fn suspicious(log: &str) -> String {
    let [plain, encoded] = key_forms(case::KEY);
    let lines = log.lines();
    let suspicious = lines.filter(|line| {
        [&*plain, &encoded, CUSTOMER, UUID]
            .iter()
            .any(|secret| line.contains(secret))
    });
    suspicious.collect::<Vec<_>>().join("\n")
}
