use axum::{
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{AUTHORIZATION, WWW_AUTHENTICATE},
    },
    response::Response,
};
use base64::prelude::{BASE64_STANDARD, Engine as _};

use crate::errors;

pub(crate) const API_KEY: &str = "fake-api-key";

/// HTTP Basic: the key is the user name; the password is empty or the key again.
pub(crate) fn check(headers: &HeaderMap) -> Result<(), Box<Response>> {
    let given = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))
        .and_then(|(_, token)| String::from_utf8(BASE64_STANDARD.decode(token.trim()).ok()?).ok());
    match given.as_deref().and_then(|given| given.split_once(':')) {
        Some((API_KEY, "" | API_KEY)) => Ok(()),
        _ => {
            let mut response = errors::with_code(StatusCode::UNAUTHORIZED, "No valid API key provided", None);
            let challenge = HeaderValue::from_static("Basic realm=\"ChartMogul\"");
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
            Err(Box::new(response))
        }
    }
}
