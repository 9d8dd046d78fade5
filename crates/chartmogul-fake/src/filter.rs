//! The filters of a list.

use chrono::{DateTime, Duration, NaiveTime, Utc};
use serde_json::{Map, Value};

use crate::{paging, resources::Resource, state::State, store, time};

/// The filters of a query: an object must pass them all.
pub(crate) struct Filters<'a> {
    wanted: Vec<(&'a str, &'a Value)>,
    resource: &'a dyn Resource,
    state: &'a State,
}

impl<'a> Filters<'a> {
    pub(crate) fn of(query: &'a Map<String, Value>, resource: &'a dyn Resource, state: &'a State) -> Self {
        let filters = query.iter().map(|(name, value)| (name.as_str(), value));
        Self::all(
            filters.filter(|(name, _)| !paging::PARAMETERS.contains(name)),
            resource,
            state,
        )
    }

    pub(crate) fn all(
        filters: impl Iterator<Item = (&'a str, &'a Value)>,
        resource: &'a dyn Resource,
        state: &'a State,
    ) -> Self {
        let wanted = filters.collect();
        Self {
            wanted,
            resource,
            state,
        }
    }

    pub(crate) fn let_through(&self, object: &str) -> bool {
        if self.wanted.is_empty() {
            return true; // without parsing the object
        }
        let object = store::read(object);
        self.wanted.iter().all(|(name, wanted)| {
            let own = self.resource.passes(self.state, &object, name, wanted);
            own.unwrap_or_else(|| passes(&object, name, wanted))
        })
    }
}

/// Whether an object passes a filter by the field of the same name; `..._on_or_after` and `..._on_or_before` limit a day or
/// an instant. An object without the field passes no filter.
fn passes(object: &store::Object, name: &str, wanted: &Value) -> bool {
    let instants = |field: &str, end: Time| {
        let have = object.get(field).and_then(|have| instant(have, Time::Start))?;
        Some((have, instant(wanted, end)?))
    };
    if let Some(field) = name.strip_suffix("_on_or_after") {
        return instants(field, Time::Start).is_some_and(|(have, first)| have >= first);
    }
    if let Some(field) = name.strip_suffix("_on_or_before") {
        return instants(field, Time::End).is_some_and(|(have, last)| have <= last);
    }
    match (object.get(name), wanted) {
        (Some(have), Value::Array(any)) => any.contains(have),
        (Some(have), wanted) => have == wanted,
        (None, _) => false,
    }
}

/// The instant that a day means.
#[derive(Clone, Copy)]
pub(crate) enum Time {
    Start,
    End,
}

pub(crate) fn instant(value: &Value, day: Time) -> Option<DateTime<Utc>> {
    let text = value.as_str()?;
    match (time::day(text), day) {
        (Some(day), Time::Start) => Some(day.and_time(NaiveTime::MIN).and_utc()),
        (Some(day), Time::End) => {
            Some((day.and_time(NaiveTime::MIN) + Duration::days(1)).and_utc() - Duration::nanoseconds(1))
        }
        (None, _) => time::instant(text),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn passes(query: Value) -> bool {
        let object = json!({ "owner": "a", "day": "2026-03-31", "at": "2026-03-31T12:00:00.000Z", "count": 2, "customer_uuid": "cus_a" });
        let query: Map<_, _> = serde_json::from_value(query).unwrap();
        Filters::of(&query, crate::resources::of(""), &State::default()).let_through(&object.to_string())
    }

    #[test]
    fn an_object_passes_all_filters_or_none() {
        for fits in [
            json!({ "cursor": "x", "per_page": 1 }),
            json!({ "owner": "a", "count": 2 }),
            json!({ "owner": ["b", "a"] }),
            json!({ "customer_uuid": "cus_a" }),
            json!({ "day_on_or_after": "2026-03-31", "day_on_or_before": "2026-03-31" }),
            json!({ "at_on_or_after": "2026-03-31", "at_on_or_before": "2026-03-31" }),
            json!({ "at_on_or_before": "2026-03-31T14:00:00+02:00" }),
            json!({ "at_on_or_before": "2026-03-31 15:00:00 +0300" }),
        ] {
            assert!(passes(fits.clone()), "{fits}");
        }
        for odd in [
            json!({ "owner": "a", "count": 3 }),
            json!({ "owner": "A" }),
            json!({ "stage": "x" }),
            json!({ "day_on_or_after": "2026-04-01" }),
            json!({ "day_on_or_before": "2026-03-30" }),
            json!({ "at_on_or_before": "2026-03-31T11:59:59Z" }),
            json!({ "owner_on_or_after": "2026-03-31" }),
        ] {
            assert!(!passes(odd.clone()), "{odd}");
        }
    }
}
