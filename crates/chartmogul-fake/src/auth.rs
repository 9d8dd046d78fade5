use axum::{
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    response::Response,
};
use base64::prelude::{BASE64_STANDARD, Engine as _};

use crate::errors;

pub(crate) const API_KEY: &str = "fake-api-key";

/// HTTP Basic: the key is the user name; the password is empty or the key again.
pub(crate) fn check(headers: &HeaderMap) -> Result<(), Box<Response>> {
    let given = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Basic "))
        .and_then(|token| String::from_utf8(BASE64_STANDARD.decode(token).ok()?).ok());
    match given.as_deref().and_then(|given| given.split_once(':')) {
        Some((API_KEY, "" | API_KEY)) => Ok(()),
        _ => Err(Box::new(errors::with_code(
            StatusCode::UNAUTHORIZED,
            "No valid API key provided",
            None,
        ))),
    }
}
