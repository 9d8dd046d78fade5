//! Updates whose objects are read first: what they would change, and that unchanged ones are not sent.

use chartmogul_api::operations::UPDATE_OPPORTUNITY;

use super::*;

#[tokio::test]
async fn what_would_change_nothing_is_not_sent_if_asked() {
    let world = Arc::<World>::default();
    world
        .state
        .lock()
        .unwrap()
        .extend([("a".to_owned(), 1), ("b".to_owned(), 1)]);
    let updates = || [world.set("a", 1), world.set("b", 2)];
    let (done, report) = all(Bulk::new(updates()).in_order().dry_run().await.unwrap()).await;
    assert_eq!((report.not_modified, report.updated, world.sent().len()), (1, 1, 0));
    let Outcome::Updated(preview) = &done[1].outcome else {
        panic!()
    };
    assert_eq!(
        serde_json::to_value(preview).unwrap(),
        json!({ "changes": [{ "field": "value", "old": 1, "new": 2 }], "lost": [] })
    );
    let report = all(Bulk::new(updates()).skip_unchanged().start().await.unwrap())
        .await
        .1;
    assert_eq!((report.not_modified, report.updated), (1, 1));
    assert_eq!(world.sent(), [("b".to_owned(), 2)]);
}

#[tokio::test]
async fn what_was_only_read_was_never_sent() {
    let fake = fake(1);
    let client = client_of(&fake)
        .limiter(crate::Unlimited)
        .retry(crate::Retry::never())
        .build()
        .unwrap();
    fake.respond_next(chartmogul_fake::Canned::new(502));
    let update = client.opportunities().update(uuid(0)).amount_in_cents(1);
    let (done, report) = all(Bulk::new([update]).skip_unchanged().start().await.unwrap()).await;
    assert!(fake.requests().iter().all(|request| request.method == "GET"));
    assert!(
        !done[0].outcome.error().unwrap().may_have_happened(),
        "nothing was written"
    );
    assert_eq!((report.given_up, report.not_sent), (0, 1), "{report}");
}

#[test]
fn a_null_is_not_lost() {
    let object = json!({"custom": {"a": 1, "none": null}});
    let body = json!({"custom": [{"key": "a", "value": 1}]});
    let preview = changes::preview(&body, &object, &UPDATE_OPPORTUNITY);
    assert_eq!(preview, Preview::default());
}

#[test]
fn large_numbers_are_not_the_same() {
    for (old, new) in [
        (json!(9_223_372_036_854_775_808_u64), json!(i64::MAX)),
        (json!(9_007_199_254_740_993_i64), json!(9_007_199_254_740_992.0)),
    ] {
        let preview = changes::preview(&json!({ "a": new }), &json!({ "a": old }), &UPDATE_PLAN);
        assert_eq!(preview.changes.len(), 1, "{old} -> {new}");
    }
    // A String attribute that looks like a time
    let preview = changes::preview(
        &json!({"custom": [{"key": "label", "value": "2026-01-31T00:00:00Z"}]}),
        &json!({"custom": {"label": "2026-01-31"}}),
        &UPDATE_OPPORTUNITY,
    );
    assert_eq!(preview.changes.len(), 1, "a text was changed");
}

#[tokio::test]
async fn deadline_and_skip_unchanged_do_not_write_after_the_deadline() {
    let fake = fake(1);
    let client = client_of(&fake).limiter(crate::Unlimited).build().unwrap();
    let object = chartmogul_fake::samples::object("opportunities", &uuid(0)).to_string();
    let late = Duration::from_millis(700);
    fake.respond_next(chartmogul_fake::Canned::new(200).json(object.clone()).after(late));
    fake.respond_next(chartmogul_fake::Canned::new(200).json(object).after(late));
    let update = client.opportunities().update(uuid(0)).amount_in_cents(123);
    let started = Instant::now();
    let run = Bulk::new([update]).skip_unchanged().deadline(Duration::from_secs(1));
    let report = all(run.start().await.unwrap()).await.1;
    assert!(
        started.elapsed() < Duration::from_millis(1_200),
        "{:?}: {report}",
        started.elapsed()
    );
}
