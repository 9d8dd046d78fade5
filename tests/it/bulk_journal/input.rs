//! Input that does not match the journal.

use super::*;

type Change = fn(&Client, &mut Vec<UpdateOpportunity>);

/// Changes of the input: a name, whether only a complete journal reveals it, and the change.
const CHANGES: &[(&str, bool, Change)] = &[
    ("another opportunity", false, |client, updates| {
        updates[4] = client.opportunities().update("somebody-else").amount_in_cents(4);
    }),
    ("another amount", false, |client, updates| {
        updates[4] = update(client, 4).amount_in_cents(5);
    }),
    ("a field more", false, |client, updates| {
        updates[4] = update(client, 4).owner("somebody@example.com");
    }),
    ("a field less", false, |client, updates| {
        let id = chartmogul_tests::bulk::uuid(4);
        updates[4] = client.opportunities().update(id).amount_in_cents(4).win_likelihood(50);
    }),
    ("another custom attribute", false, |client, updates| {
        updates[4] = update(client, 4).replace_all_custom([("ratio", "high")]);
    }),
    ("a custom attribute in another form", false, |client, updates| {
        updates[0] = update(client, 0).replace_all_custom([("ratio", 0)]);
    }),
    ("several", false, |client, updates| {
        updates[4] = update(client, 5).owner("somebody@example.com");
        updates[4] = client
            .opportunities()
            .update(chartmogul_tests::bulk::uuid(4))
            .amount_in_cents(0)
            .win_likelihood(49)
            .owner("somebody@example.com");
    }),
    ("two that changed places", false, |_, updates| updates.swap(4, 5)),
    ("one in between", false, |client, updates| {
        updates.insert(4, update(client, 100));
    }),
    ("one missing", false, |_, updates| drop(updates.remove(4))),
    ("the first one missing", false, |_, updates| drop(updates.remove(0))),
    ("the end missing", false, |_, updates| updates.truncate(4)),
    ("the last one missing", true, |_, updates| drop(updates.pop())),
    ("nothing", false, |_, updates| updates.clear()),
    ("one more", true, |client, updates| updates.push(update(client, 100))),
];

#[tokio::test]
async fn input_that_does_not_match_the_journal_is_refused() {
    const COUNT: u64 = 9;
    let scene = Scene::new().await;
    let path = scene.path("journal");
    let (expected, _) = scene.run(COUNT, &path).await.unwrap();
    let ended = fs::read(&path).unwrap();
    // Killed after the sixth update was taken and before any response, and when only the end was missing.
    let records = records(&ended);
    let taken = records.iter().find(|record| record.index("taken") == Some(5)).unwrap();
    let begun: Vec<u8> = records
        .iter()
        .filter(|record| record.end <= taken.end && record.index("done").is_none())
        .filter(|record| record.index("sent").is_none_or(|index| index == 0))
        .flat_map(|record| &ended[record.start..record.end])
        .copied()
        .collect();
    let unended = ended[..records.last().unwrap().start].to_vec();
    let mut text = String::new();
    for (name, only_when_ended, change) in CHANGES {
        let mut messages = BTreeSet::new();
        for journal in [&begun, &unended, &ended] {
            let is_known = match *name {
                "one more" => *journal == ended,
                _ => !only_when_ended || *journal != begun,
            };
            if !is_known {
                continue;
            }
            fs::write(&path, journal).unwrap();
            scene.ledger.forget_requests();
            let mut updates = scene.updates(COUNT);
            change(&scene.client, &mut updates);
            let mut run = Bulk::new(updates).journal(&path).start().await.unwrap();
            let error = loop {
                match run.try_next().await {
                    Ok(Some(done)) => {
                        let line = Line::of(&done);
                        // Updates that an earlier run sent may have been made.
                        let is_stopped =
                            ["stopped: the run failed", "given up, perhaps done"].contains(&&*line.outcome);
                        let index = usize::try_from(line.index).unwrap();
                        assert!(is_stopped || line.earlier && line.essence() == expected[index].essence());
                    }
                    Ok(None) => panic!("{name}: not seen"),
                    Err(error) => break error,
                }
            };
            assert!(matches!(error, Error::InputChanged { .. }), "{name}: {error:?}");
            messages.insert(message(&error, scene.folder.path()));
            assert_eq!(scene.ledger.requests(), 0, "{name}: nothing was sent");
            drop(run);
            assert_eq!(fs::read(&path).unwrap(), *journal, "{name}: nothing was written");
        }
        let messages: Vec<_> = messages.into_iter().collect();
        text.push_str(&format!("{name}:\n  {}\n", messages.join("\n  ")));
    }
    // The journal still works with the right input.
    let (lines, _) = scene.run(COUNT, &path).await.unwrap();
    assert_eq!(essences(&lines), essences(&expected));
    assert_eq!(scene.ledger.requests(), 0);
    snapshot::check("errors", "input_changed", &text);
}
