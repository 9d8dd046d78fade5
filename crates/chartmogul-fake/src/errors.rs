//! Errors in the shapes that the API has been seen to send.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;

/// `{code, message, param}`: the shape of the newer services.
pub(crate) fn with_code(status: StatusCode, message: &str, param: Option<&str>) -> Response {
    let body = json!({ "code": status.as_u16(), "message": message, "param": param });
    (status, Json(body)).into_response()
}

/// Messages by field, and the same again under `error_details`.
pub(crate) fn by_field(field: &str, code: &str, message: &str) -> Response {
    let body = json!({
        field: [message],
        "error_details": [{ "param": field, "code": code, "message": message }],
    });
    (StatusCode::UNPROCESSABLE_ENTITY, Json(body)).into_response()
}
