//! Lists, page by page, as all endpoints answer them.

use axum::{
    http::{StatusCode, Uri, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{errors, store::Store};

/// Entries in a page, unless the request wants fewer.
const PER_PAGE: i64 = 200;

/// Makes a cursor hold each of `+`, `/` and `=`, so that a client that does not encode it fails at once.
const PREFIX: &str = ">>>???";

/// Reads the query of a request. A parameter that is not imitated is refused loudly: the API would probably ignore it,
/// and answer with more than was asked for.
pub(crate) fn query<T: DeserializeOwned + Serialize>(uri: &Uri) -> Result<T, Box<Response>> {
    let pairs: Vec<(String, String)> = pairs(uri.query().unwrap_or_default());
    for pair in &pairs {
        // One by one, to know which is wrong.
        let alone = serde_urlencoded::to_string([pair]).unwrap_or_default();
        let known = match serde_urlencoded::from_str::<T>(&alone) {
            Ok(query) => serde_urlencoded::to_string(query).unwrap_or_default(),
            Err(error) => return Err(malformed(&pair.0, &error.to_string()).into()),
        };
        if known.is_empty() {
            let text = format!("chartmogul-fake does not imitate the query parameter {:?}\n", pair.0);
            return Err(Box::new((StatusCode::NOT_IMPLEMENTED, text).into_response()));
        }
    }
    let all = serde_urlencoded::to_string(pairs).unwrap_or_default();
    serde_urlencoded::from_str(&all).map_err(|error| malformed("query", &error.to_string()).into())
}

fn pairs(query: &str) -> Vec<(String, String)> {
    serde_urlencoded::from_str(query).unwrap_or_default()
}

/// One page of the objects that are wanted.
pub(crate) fn page(
    store: &Store,
    root: &str,
    cursor: Option<&str>,
    per_page: Option<i64>,
    wanted: impl Fn(&str) -> bool,
) -> Response {
    let per_page = per_page.unwrap_or(PER_PAGE).min(PER_PAGE);
    let Ok(limit @ 1..) = usize::try_from(per_page) else {
        return malformed("per_page", "must be 1 or more");
    };
    let after = match cursor.map(place) {
        None => None,
        Some(Some(place)) => Some(place),
        Some(None) => return malformed("cursor", "must be one that was answered before"),
    };
    let page = store.page(after, limit, wanted);
    let cursor = page
        .last
        .or(after)
        .map_or(Value::Null, |place| self::cursor(place).into());
    let body = format!(
        r#"{{"{root}":[{}],"cursor":{cursor},"has_more":{}}}"#,
        page.objects.join(","),
        page.has_more
    );
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}

/// Filled even on the last page; where it leads to is the fake's business.
fn cursor(place: u64) -> String {
    BASE64_STANDARD.encode(format!("{PREFIX}{place:010}"))
}

fn place(cursor: &str) -> Option<u64> {
    let text = String::from_utf8(BASE64_STANDARD.decode(cursor).ok()?).ok()?;
    text.strip_prefix(PREFIX)?.parse().ok()
}

fn malformed(param: &str, why: &str) -> Response {
    let message = format!("Parameter \"{param}\" is malformed: {why}");
    errors::with_code(StatusCode::BAD_REQUEST, &message, Some(param))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_holds_all_that_must_be_encoded() {
        for number in [0, 7, 1_000_000, 9_999_999_999] {
            let cursor = cursor(number);
            assert!(['+', '/', '='].iter().all(|c| cursor.contains(*c)), "{cursor}");
            assert_eq!(place(&cursor), Some(number));
        }
        for wrong in ["", "x", "Pj4+", "MTI="] {
            assert_eq!(place(wrong), None, "{wrong}");
        }
    }
}
