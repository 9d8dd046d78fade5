//! A page with the value of the pipeline before and after: one file, which loads nothing.

use std::collections::BTreeMap;

use chartmogul::{Operation, chartmogul_api::Schema};
use serde_json::Value;

use crate::{
    error::CliError,
    flags::{self, CURRENCY, Flag, Kind},
    money,
};

/// The field with the stage of a deal. The document does not mark a field as such.
const STAGE: &str = "pipeline_stage";

/// The fields of a resource that the page shows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject {
    /// The amount in cents.
    cents: &'static str,
    /// The day that determines the month.
    day: &'static str,
}

impl Subject {
    /// # Errors
    /// The resource has no pipeline.
    pub(super) fn of(operation: &'static Operation) -> Result<Self, CliError> {
        let flags = flags::flags(operation);
        let found = |is_it: fn(&Flag) -> bool| {
            let mut names = flags.iter().filter(|flag| is_it(flag)).map(|flag| flag.path.as_slice());
            names.find_map(|path| if let [name] = path { Some(*name) } else { None })
        };
        let cents = found(|flag| flag.kind == Kind::Money);
        let day = found(|flag| matches!(flag.field.schema, Schema::Date));
        match (cents, day, operation.fields.contains(&STAGE)) {
            (Some(cents), Some(day), true) => Ok(Self { cents, day }),
            _ => {
                let resource = operation.tag.replace('_', " ");
                let message =
                    format!("--report needs an amount, a day and the field {STAGE}, which {resource} do not have");
                Err(CliError::usage(message).field("report"))
            }
        }
    }

    /// The fields that the page needs.
    pub(super) fn facts_of(self, object: &Value) -> Value {
        let names = [self.cents, CURRENCY, STAGE, self.day];
        let facts = names.iter().map(|name| ((*name).to_owned(), object[*name].clone()));
        facts.collect::<serde_json::Map<_, _>>().into()
    }
}

/// Sums of amounts, before and after.
#[derive(Debug)]
pub(super) struct Changes {
    subject: Subject,
    rows: u64,
    /// By currency, then by stage or month.
    stages: BTreeMap<String, BTreeMap<String, [i128; 2]>>,
    months: BTreeMap<String, BTreeMap<String, [i128; 2]>>,
}

impl Changes {
    pub(super) fn of(subject: Subject) -> Self {
        Self {
            subject,
            rows: 0,
            stages: BTreeMap::new(),
            months: BTreeMap::new(),
        }
    }

    pub(super) fn add(&mut self, before: &Value, after: &Value) {
        self.rows += 1;
        let Subject { cents, day } = self.subject;
        for (at, object) in [before, after].into_iter().enumerate() {
            let (Some(cents), Some(currency)) = (object[cents].as_i64(), object[CURRENCY].as_str()) else {
                continue;
            };
            let stage = object[STAGE].as_str().unwrap_or("(none)").to_owned();
            let month = object[day]
                .as_str()
                .and_then(|day| day.get(..7))
                .unwrap_or("(none)")
                .to_owned();
            for (groups, name) in [(&mut self.stages, stage), (&mut self.months, month)] {
                groups.entry(currency.to_owned()).or_default().entry(name).or_default()[at] += i128::from(cents);
            }
        }
    }
}

/// The page. It leaves out updates that earlier runs made without a report, because the old values are unknown.
pub(super) fn page(changes: &Changes, input: &str, earlier: u64) -> String {
    let mut body = String::new();
    for (currency, stages) in &changes.stages {
        let total = stages
            .values()
            .fold([0, 0], |sum, [before, after]| [sum[0] + before, sum[1] + after]);
        let [before, after] = total.map(|cents| amount(cents, currency));
        let change = total[1] - total[0];
        let sign = if change > 0 { "+" } else { "" };
        let change = format!("{sign}{}", amount(change, currency));
        body += &format!(
            "<h2>{}</h2>\n<p>Before <b>{}</b>, after <b>{}</b>: {}.</p>\n",
            escaped(currency),
            escaped(&before),
            escaped(&after),
            escaped(&change)
        );
        let words = |name: &str| name.replace('_', " ");
        body += &chart(&format!("By {}", words(STAGE)), stages, currency);
        if let Some(months) = changes.months.get(currency) {
            body += &chart(
                &format!("By month of the {}", words(changes.subject.day)),
                months,
                currency,
            );
        }
    }
    if body.is_empty() {
        body += "<p>Nothing changes.</p>\n";
    }
    let earlier = match earlier {
        0 => String::new(),
        earlier => format!(
            "<p>Not included: {}, made by earlier runs without a report.</p>\n",
            super::counted(earlier, "row")
        ),
    };
    PAGE.replace("{rows}", &super::counted(changes.rows, "change"))
        .replace("{earlier}", &earlier)
        .replace("{input}", &escaped(input))
        .replace("{body}", &body)
}

const PAGE: &str = r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Pipeline before and after</title>
<style>
:root { color-scheme: light dark; --before: #9aa5b1; --after: #2563eb; --line: #d5dae0; --text: #1f2933; --back: #ffffff; }
@media (prefers-color-scheme: dark) { :root { --before: #7b8794; --after: #60a5fa; --line: #3e4c59; --text: #e4e7eb; --back: #1f2933; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--back); max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.15rem; margin-top: 2rem; } h3 { font-size: 1rem; margin-bottom: .3rem; }
svg { width: 100%; height: auto; } svg text { fill: var(--text); font: 12px system-ui, sans-serif; }
.before { fill: var(--before); } .after { fill: var(--after); } .axis { stroke: var(--line); }
.key { display: inline-block; width: .8em; height: .8em; margin: 0 .3em 0 1em; border-radius: 2px; }
</style>
</head>
<body>
<h1>Pipeline before and after {input}</h1>
<p>{rows}.
<span class="key" style="background: var(--before)"></span>before
<span class="key" style="background: var(--after)"></span>after</p>
{earlier}{body}</body>
</html>
"#;

/// Pairs of bars, one pair below the other.
fn chart(title: &str, groups: &BTreeMap<String, [i128; 2]>, currency: &str) -> String {
    const WIDTH: f64 = 900.0;
    const NAMES: f64 = 190.0;
    const VALUES: f64 = 170.0;
    const ROW: f64 = 46.0;
    const BAR: f64 = 16.0;
    let room = WIDTH - NAMES - VALUES;
    let all = || groups.values().flatten().copied();
    let (least, most) = (all().min().unwrap_or(0).min(0), all().max().unwrap_or(0).max(0));
    #[allow(clippy::cast_precision_loss)] // precise enough for a picture
    let place = |cents: i128| NAMES + room * (cents - least) as f64 / ((most - least).max(1)) as f64;
    let zero = place(0);
    let mut shapes = String::new();
    for (at, (name, values)) in groups.iter().enumerate() {
        #[allow(clippy::cast_precision_loss)] // precise enough for a picture
        let top = ROW * at as f64 + 6.0;
        shapes += &format!(
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\n",
            NAMES - 10.0,
            top + BAR + 5.0,
            escaped(&cut(name))
        );
        for (side, class) in ["before", "after"].into_iter().enumerate() {
            let (value, y) = (values[side], top + (BAR + 2.0) * if side == 0 { 0.0 } else { 1.0 });
            let (from, to) = (place(value).min(zero), place(value).max(zero));
            let (name, shown) = (escaped(name), escaped(&amount(value, currency)));
            if value != 0 {
                let width = (to - from).max(1.0);
                shapes += &format!(
                    "<rect class=\"{class}\" x=\"{from:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{BAR}\" rx=\"2\">\
                     <title>{name}, {class}: {shown}</title></rect>\n"
                );
            }
            shapes += &format!(
                "<text x=\"{:.1}\" y=\"{:.1}\">{shown}</text>\n",
                to + 6.0,
                y + BAR - 3.5
            );
        }
    }
    #[allow(clippy::cast_precision_loss)] // precise enough for a picture
    let height = ROW * groups.len() as f64 + 6.0;
    format!(
        "<h3>{title}</h3>\n<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{title}, {}\">\n\
         <line class=\"axis\" x1=\"{zero:.1}\" x2=\"{zero:.1}\" y1=\"0\" y2=\"{height}\"/>\n{shapes}</svg>\n",
        escaped(currency)
    )
}

/// A longer name is in the title of its bars.
fn cut(name: &str) -> String {
    const MOST: usize = 26;
    match name.chars().count() {
        0..=MOST => name.to_owned(),
        _ => name.chars().take(MOST - 1).chain(['…']).collect(),
    }
}

fn amount(cents: i128, currency: &str) -> String {
    let shown = i64::try_from(cents)
        .ok()
        .and_then(|cents| money::from_cents(cents, currency));
    shown.unwrap_or_else(|| format!("{cents} cents of {currency}"))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use chartmogul::chartmogul_api::operations;
    use serde_json::json;

    use super::*;

    fn deal(cents: i64, currency: &str, stage: &str, day: &str) -> Value {
        json!({ "amount_in_cents": cents, "currency": currency, "pipeline_stage": stage, "estimated_close_date": day })
    }

    #[test]
    fn amounts_are_summed_by_currency_stage_and_month() {
        let subject = Subject::of(operations::find("update_opportunity").unwrap()).unwrap();
        assert_eq!(
            (subject.cents, subject.day),
            ("amount_in_cents", "estimated_close_date")
        );
        assert!(Subject::of(operations::find("update_plan").unwrap()).is_err());
        let mut changes = Changes::of(subject);
        changes.add(
            &deal(10_000, "EUR", "Lead", "2026-03-31"),
            &deal(20_000, "EUR", "<Won>", "2026-04-30"),
        );
        changes.add(
            &deal(5, "JPY", "Lead", "2026-03-31"),
            &deal(5, "JPY", "Lead", "2026-03-31"),
        );
        changes.add(&json!({}), &json!({ "amount_in_cents": null }));
        assert_eq!(changes.stages["EUR"]["Lead"], [10_000, 0]);
        assert_eq!(changes.months["EUR"]["2026-04"], [0, 20_000]);
        let page = page(&changes, "a & b.csv", 2);
        for part in [
            "&lt;Won&gt;, after: 200.00 EUR",
            "<p>3 changes.",
            "a &amp; b.csv",
            "+100.00 EUR",
            "5 JPY",
            "Not included: 2 rows",
        ] {
            assert!(page.contains(part), "{part}");
        }
        for outside in ["http", "src=", "@import", "<script", "url("] {
            assert!(!page.contains(outside), "{outside}");
        }
    }
}
