//! Lists, page by page, as all endpoints return them.

use axum::{
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::Value;

use crate::{
    document, errors,
    handle::Call,
    resources::Resource,
    store::{self, Object, Store},
};

/// Entries in a page, unless the request wants fewer.
const PER_PAGE: u64 = 200;

/// Makes a cursor hold each of `+`, `/` and `=`, so that a client that does not encode it fails at once.
const PREFIX: &str = ">>>???";

/// Query parameters of pages, which are no filters.
pub(crate) const PARAMETERS: [&str; 2] = ["cursor", "per_page"];

/// Returns the sort key of an object.
pub(crate) type Order = fn(&Object) -> String;

/// One page of the objects that pass a filter; all of them if the operation has no pages. The newest come first, unless the
/// resource has an order.
pub(crate) fn page(store: &Store, call: &Call<'_>, resource: &dyn Resource, wanted: impl Fn(&str) -> bool) -> Response {
    let (operation, query) = (call.operation, &call.query);
    let Some((schema, entries)) = operation
        .success
        .schema
        .and_then(|schema| Some((schema, document::entries(schema)?)))
    else {
        return errors::fault("not a list");
    };
    let parameter = operation.query.iter().find(|parameter| parameter.name == "cursor");
    let limit = match (parameter, query.get("per_page").and_then(Value::as_u64)) {
        (None, _) => usize::MAX,
        (Some(_), per_page) => usize::try_from(per_page.unwrap_or(PER_PAGE).min(PER_PAGE)).unwrap_or(usize::MAX),
    };
    // The document's example of a cursor returns the first page, so that the examples work.
    let is_example = |cursor: &&Value| parameter.is_some_and(|parameter| parameter.example == *cursor);
    let given = query.get("cursor").filter(|cursor| !is_example(cursor));
    let after = match given.and_then(Value::as_str).map(position) {
        None => None,
        Some(Some(position)) => Some(position),
        Some(None) => return errors::malformed("cursor", "must be the cursor of an earlier response"),
    };
    let order = resource.order();
    let page = match order {
        None => store.page(after.as_ref().map(|(number, _)| *number), limit, &wanted),
        Some(order) => store.sorted(after.as_ref(), limit, &wanted, order),
    };
    let last = match (page.last, order) {
        (Some(number), None) => Some((number, String::new())),
        (Some(number), Some(order)) => page.objects.last().map(|last| (number, order(&store::read(last)))),
        (None, _) => after,
    };

    let objects = match resource.lacks(call) {
        [] => page.objects.join(","),
        lacks => {
            let objects = page.objects.iter().map(|object| {
                let mut object = store::read(object);
                object.retain(|name, _| !lacks.contains(&name.as_str()));
                Value::from(object).to_string()
            });
            objects.collect::<Vec<_>>().join(",")
        }
    };
    let mut body = format!(r#"{{"{entries}":[{objects}]"#);
    for (name, _) in document::properties(schema) {
        let value = match name {
            "cursor" => last.as_ref().map_or(Value::Null, |last| cursor(last).into()),
            "has_more" => page.has_more.into(),
            // Fields from before cursors; recorded in responses to requests without one.
            "current_page" | "page" | "total_pages" | "per_page" if query.contains_key("cursor") => continue,
            "current_page" | "page" => 1.into(),
            "per_page" => limit.into(),
            "total_pages" => {
                let objects = store.all().filter(|object| wanted(object)).count();
                resource.total_pages(operation, objects.div_ceil(limit))
            }
            // The owner of the list.
            name => match operation.argument(name, &call.path) {
                Some(argument) => argument.into(),
                None => continue,
            },
        };
        body.push_str(&format!(r#","{name}":{value}"#));
    }
    body.push('}');
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}

/// A cursor, which is set even on the last page; it is opaque to clients.
fn cursor((number, sorted_by): &(u64, String)) -> String {
    BASE64_STANDARD.encode(format!("{PREFIX}{number:010}{sorted_by}"))
}

/// The number and the sort key of the object at a cursor.
fn position(cursor: &str) -> Option<(u64, String)> {
    let text = String::from_utf8(BASE64_STANDARD.decode(cursor).ok()?).ok()?;
    let (number, sorted_by) = text.strip_prefix(PREFIX)?.split_at_checked(10)?;
    Some((number.parse().ok()?, sorted_by.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_holds_all_that_must_be_encoded() {
        for wanted in [0, 7, 1_000_000, 9_999_999_999] {
            let wanted = (wanted, String::new());
            let cursor = cursor(&wanted);
            assert!(['+', '/', '='].iter().all(|c| cursor.contains(*c)), "{cursor}");
            assert_eq!(position(&cursor), Some(wanted));
        }
        for wrong in ["", "x", "Pj4+", "MTI="] {
            assert_eq!(position(wrong), None, "{wrong}");
        }
    }
}
