//! A dry run: what would change, and what it would be worth.

use std::{collections::BTreeMap, sync::Arc};

use chartmogul::{
    Client, Operation,
    bulk::{Bulk, Outcome, Preview},
};
use serde_json::Value;

use super::{
    Options,
    before::Before,
    counted,
    ending::Failures,
    plan::Plan,
    progress::{Bar, Counts, Stop},
    report,
    results::{Line, Word, object},
};
use crate::{
    context::{Context, Format},
    error::{CliError, Exit},
    flags::{self, CURRENCY, IN_CENTS, Kind},
    money,
    output::Printer,
};

/// The columns of a change, after the number and the identifier of its row.
pub(super) const FIELDS: [&str; 3] = ["field", "old", "new"];

/// Reads each object, and shows what would change.
pub(super) async fn run(
    context: &Context,
    mut printer: Printer<'_>,
    client: &Client,
    plan: &Arc<Plan>,
    options: &Options,
) -> Result<Exit, CliError> {
    let id = plan.id();
    let mut totals = Totals::of(plan.layout.operation);
    let (mut lost, mut losing) = (0, 0);
    let (mut removed, mut removing) = (0, 0);
    let mut changes = options
        .report
        .as_ref()
        .map(|(_, subject)| report::Changes::of(*subject));
    let Seen {
        counts,
        failures,
        stopped,
    } = each(context, client, plan, |row, key, preview| {
        totals.add(preview);
        if let Some(changes) = &mut changes {
            changes.add(&preview.object, &after(preview));
        }
        lost += preview.lost.len() as u64;
        losing += u64::from(!preview.lost.is_empty());
        let entries: u64 = preview.changes.iter().map(missing).sum();
        removed += entries;
        removing += u64::from(entries > 0);
        for [field, old, new, lost] in lines(preview, context.output.format == Format::Table) {
            let of_row = [("row", row.into()), (id, key.into())];
            let [name, before, after] = FIELDS;
            let of_field = [(name, field), (before, old), (after, new), ("lost", lost)];
            let fields: Vec<_> = of_row.into_iter().chain(of_field).collect();
            printer.entry(&object(&fields))?;
        }
        Ok(())
    })
    .await?;
    if context.output.format != Format::Table || counts.updated > 0 {
        printer.end()?;
    }
    for line in totals.lines() {
        context.note(&line);
    }
    if lost > 0 {
        context.warn(&format!(
            "{} would remove {} that they do not name.",
            counted(losing, "row"),
            counted(lost, "custom attribute")
        ));
    }
    if removed > 0 {
        context.warn(&format!(
            "{} would remove {} that they do not name, such as tags.",
            counted(removing, "row"),
            match removed {
                1 => "1 entry of a list".to_owned(),
                removed => format!("{removed} entries of lists"),
            }
        ));
    }
    let Counts {
        updated,
        failed,
        not_sent,
        ..
    } = counts;
    let unchanged = plan.rows - updated - failed - not_sent;
    context.note(&format!(
        "{}: {updated} would be updated, {unchanged} would not change, {failed} would fail. Nothing was sent.",
        counted(plan.rows, "row")
    ));
    if let (Some((path, _)), Some(changes)) = (&options.report, &changes) {
        let written = std::fs::write(path, report::page(changes, &plan.input.name, 0));
        written.map_err(|error| CliError::file("write", path, &error))?;
    }
    if stopped {
        return Err(CliError::new(Exit::Interrupted, "interrupted", "stopped"));
    }
    Ok(failures.exit(counts))
}

/// Adds the objects that would change, in their current state.
pub(super) async fn collect(
    context: &Context,
    client: &Client,
    plan: &Arc<Plan>,
    subject: report::Subject,
    before: &mut Before,
) -> Result<(), CliError> {
    context.note("Reading the objects as they are, for the report.");
    let seen = each(context, client, plan, |_, id, preview| {
        before.add(id, subject.facts_of(&preview.object));
        Ok(())
    })
    .await?;
    if seen.stopped {
        return Err(CliError::new(
            Exit::Interrupted,
            "interrupted",
            "stopped before anything was sent",
        ));
    }
    before.write()
}

/// The result of a dry run.
struct Seen {
    counts: Counts,
    failures: Failures,
    /// Whether a signal stopped it.
    stopped: bool,
}

/// Runs a dry run to its end, and reports rows that would fail.
async fn each(
    context: &Context,
    client: &Client,
    plan: &Arc<Plan>,
    mut found: impl FnMut(u64, &str, &Preview) -> Result<(), CliError>,
) -> Result<Seen, CliError> {
    let (bar, mut stop) = (Bar::new(context, plan.updates), Stop::default());
    let bulk = Bulk::try_new(plan.updates(client))
        .in_order()
        .total(plan.updates)
        .stop_when(stop.listen(&bar)?);
    let unusable = |error: chartmogul::bulk::Error| CliError::new(Exit::Unexpected, "run", error.to_string());
    let mut run = bulk.dry_run().await.map_err(unusable)?;
    let progress = run.progress();
    let (mut counts, mut failures) = (Counts::default(), Failures::default());
    for planned in plan.rows().filter(|planned| !planned.is_empty()) {
        let Some(done) = run.try_next().await.map_err(unusable)? else {
            break;
        };
        let line = Line::of(planned.row, &planned.id, &done);
        counts.add(line.word);
        failures.add(&done);
        if let Outcome::Updated(preview) = &done.outcome {
            found(planned.row, &planned.id, preview)?;
        }
        if line.word == Word::Failed {
            let reason = line.reason.unwrap_or_default();
            bar.above(|| context.warn(&format!("row {}: {reason}", planned.row)));
        }
        bar.show(counts, &progress);
    }
    bar.finish();
    // An error that ended the run comes after the last outcome.
    while run.try_next().await.map_err(unusable)?.is_some() {}
    if run.report().stopped == Some(chartmogul::bulk::Stopped::KeyRefused) {
        return Err(CliError::new(Exit::SignIn, "unauthorized", "the API key was rejected")
            .next("Sign in with `chartmogul auth login`"));
    }
    Ok(Seen {
        counts,
        failures,
        stopped: stop.was_asked_for(),
    })
}

/// Each field that would change: its name, the old and the new value, and whether it would be lost. For people, amounts
/// are shown with their currency, even if only the currency changes.
fn lines(preview: &Preview, for_people: bool) -> Vec<[Value; 4]> {
    let after = after(preview);
    let is_changed = |field: &str| preview.changes.iter().any(|change| change.field == field);
    // The amount that a line shows; for a currency, an amount that has no line of its own.
    let amount = |field: &str| {
        let is_in = |name: &str| name == field || field == CURRENCY && !is_changed(name);
        let fields = preview.object.as_object()?.keys().map(String::as_str);
        fields.filter(|name| name.ends_with(IN_CENTS)).find(|name| is_in(name))
    };
    let line = |change: &chartmogul::bulk::Change| {
        let key = change.field.strip_prefix("custom.");
        let is_lost = missing(change) > 0 || key.is_some_and(|key| preview.lost.iter().any(|lost| lost == key));
        let (mut field, mut old, mut new) = (change.field.as_str(), change.old.clone(), change.new.clone());
        if let Some(cents) = amount(field).filter(|_| for_people) {
            let shown = |object: &Value| money::from_cents(object[cents].as_i64()?, object[CURRENCY].as_str()?);
            if let (Some(shown_old), Some(shown_new)) = (shown(&preview.object), shown(&after)) {
                (old, new) = (Some(shown_old.into()), Some(shown_new.into()));
                field = cents.trim_end_matches(IN_CENTS);
            }
        }
        let lost = match (for_people, is_lost) {
            (true, true) => match missing(change) {
                0 => "would be lost".into(),
                1 => "1 entry would be lost".into(),
                missing => format!("{missing} entries would be lost").into(),
            },
            (true, false) => Value::Null,
            (false, is_lost) => is_lost.into(),
        };
        [field.into(), old.into(), new.into(), lost]
    };
    preview.changes.iter().map(line).collect()
}

/// How many entries of the old list are missing in the new one.
fn missing(change: &chartmogul::bulk::Change) -> u64 {
    let entries = |value: &Option<Value>| value.as_ref().and_then(Value::as_array).cloned();
    let (Some(old), Some(new)) = (entries(&change.old), entries(&change.new)) else {
        return 0;
    };
    old.iter().filter(|entry| !new.contains(entry)).count() as u64
}

/// The object as it would be after the update.
pub(super) fn after(preview: &Preview) -> Value {
    let mut after = preview.object.clone();
    for change in &preview.changes {
        if let Some(field) = after.get_mut(&change.field) {
            *field = change.new.clone().unwrap_or_default();
        }
    }
    after
}

/// The totals of the amounts, by currency.
#[derive(Debug, Default)]
struct Totals {
    /// The fields in cents; their currency is in the same object.
    cents: Vec<&'static str>,
    by_currency: BTreeMap<String, Total>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Total {
    before: i128,
    after: i128,
}

impl Totals {
    fn of(operation: &'static Operation) -> Self {
        let flags = flags::flags(operation);
        let amounts = flags.iter().filter(|flag| flag.kind == Kind::Money);
        let cents = amounts.filter_map(|flag| {
            if let [name] = flag.path.as_slice() {
                Some(*name)
            } else {
                None
            }
        });
        Self {
            cents: cents.collect(),
            ..Self::default()
        }
    }

    fn add(&mut self, preview: &Preview) {
        let after = after(preview);
        for cents in &self.cents {
            let amount = |object: &Value| Some((object[CURRENCY].as_str()?.to_owned(), object[cents].as_i64()?));
            if let Some((currency, cents)) = amount(&preview.object) {
                self.by_currency.entry(currency).or_default().before += i128::from(cents);
            }
            if let Some((currency, cents)) = amount(&after) {
                self.by_currency.entry(currency).or_default().after += i128::from(cents);
            }
        }
    }

    fn lines(&self) -> Vec<String> {
        let line = |(currency, total): (&String, &Total)| {
            let shown = |cents: i128| {
                let shown = i64::try_from(cents)
                    .ok()
                    .and_then(|cents| money::from_cents(cents, currency));
                shown.unwrap_or_else(|| format!("{cents} cents of {currency}"))
            };
            let change = total.after - total.before;
            let sign = if change > 0 { "+" } else { "" };
            format!(
                "Rows that change: {} before, {} after ({sign}{}).",
                shown(total.before),
                shown(total.after),
                shown(change)
            )
        };
        self.by_currency.iter().map(line).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // tests
mod tests {
    use chartmogul::chartmogul_api::operations;
    use serde_json::json;

    use super::*;

    #[allow(clippy::needless_pass_by_value)] // `json!(..)` is written in place
    fn preview(object: Value, changes: Value) -> Preview {
        let mut preview: Preview = serde_json::from_value(json!({ "changes": changes, "lost": ["vip"] })).unwrap();
        preview.object = object;
        preview
    }

    #[test]
    fn amounts_are_shown_with_the_currency_that_they_have_and_get() {
        let preview = preview(
            json!({ "amount_in_cents": 20_000, "currency": "USD", "custom": { "vip": true } }),
            json!([
                { "field": "amount_in_cents", "old": 20_000, "new": 300 },
                { "field": "currency", "old": "USD", "new": "JPY" },
                { "field": "custom.vip", "old": true, "new": null },
            ]),
        );
        let shown = lines(&preview, true);
        assert_eq!(
            shown[0],
            [json!("amount"), json!("200.00 USD"), json!("300 JPY"), json!(null)]
        );
        assert_eq!(shown[2][3], "would be lost");
        assert_eq!(shown[1], [json!("currency"), json!("USD"), json!("JPY"), json!(null)]);
        // The same number of cents is another amount.
        let only = self::preview(
            json!({ "amount_in_cents": 20_000, "currency": "USD" }),
            json!([{ "field": "currency", "old": "USD", "new": "JPY" }]),
        );
        assert_eq!(
            lines(&only, true),
            [[json!("amount"), json!("200.00 USD"), json!("20000 JPY"), json!(null)]]
        );
        assert_eq!(lines(&preview, false)[0][2], 300);
        let mut totals = Totals::of(operations::find("update_opportunity").unwrap());
        totals.add(&preview);
        assert_eq!(
            totals.lines(),
            [
                "Rows that change: 0 JPY before, 300 JPY after (+300 JPY).",
                "Rows that change: 200.00 USD before, 0.00 USD after (-200.00 USD)."
            ]
        );
    }
}
