//! Errors in the shapes that the API returns, by recordings.

use std::collections::BTreeMap;

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::{
    document::Kind,
    schema::{Fault, Problem},
};

/// `{code, message, param}`: the shape of the newer services.
pub(crate) fn with_code(status: StatusCode, message: &str, param: Option<&str>) -> Response {
    let body = json!({ "code": status.as_u16(), "message": message, "param": param });
    (status, Json(body)).into_response()
}

/// `{error}`: the shape of the older services.
pub(crate) fn without_code(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "error": message }))).into_response()
}

/// The error for an identifier that another object has.
pub(crate) fn taken(field: &str, message: &str) -> Response {
    let body = json!({ "errors": { field: message } });
    (StatusCode::UNPROCESSABLE_ENTITY, Json(body)).into_response()
}

/// The error for a parameter that can't be read.
pub(crate) fn malformed(param: &str, why: &str) -> Response {
    let message = format!("Parameter \"{param}\" is malformed: {why}");
    with_code(StatusCode::BAD_REQUEST, &message, Some(param))
}

/// The error for an object that does not exist.
pub(crate) fn not_found(kind: &Kind) -> Response {
    with_code(
        StatusCode::NOT_FOUND,
        &format!("{} not found", kind.name),
        Some(kind.key),
    )
}

/// All problems of a query: 400 with the first invalid parameter.
pub(crate) fn bad_request(problems: &[Problem]) -> Response {
    let messages: Vec<_> = problems.iter().map(message).collect();
    let param = problems
        .first()
        .map(|problem| problem.param.as_str())
        .filter(|param| !param.is_empty());
    with_code(StatusCode::BAD_REQUEST, &messages.join("; "), param)
}

/// All problems of a body: 422 by field if every value has its type, else 400.
pub(crate) fn unfit_body(problems: &[Problem]) -> Response {
    if problems
        .iter()
        .any(|problem| problem.fault != Fault::Invalid || problem.param.is_empty())
    {
        return bad_request(problems);
    }
    by_field(problems, "invalid")
}

/// 422 with the messages by field, and again as details with a code.
pub(crate) fn by_field(problems: &[Problem], code: &str) -> Response {
    let mut body: BTreeMap<&str, Value> = BTreeMap::new();
    for problem in problems {
        if let Value::Array(messages) = body.entry(&problem.param).or_insert_with(|| json!([])) {
            messages.push(problem.message.as_str().into());
        }
    }
    let details = problems
        .iter()
        .map(|problem| json!({ "param": problem.param, "code": code, "message": problem.message }));
    body.insert("error_details", details.collect());
    (StatusCode::UNPROCESSABLE_ENTITY, Json(body)).into_response()
}

/// An error of the fake or of the test that the API would not return.
pub(crate) fn fault(what: &str) -> Response {
    with_code(
        StatusCode::INTERNAL_SERVER_ERROR,
        &format!("chartmogul-fake: {what}"),
        None,
    )
}

fn message(problem: &Problem) -> String {
    match (problem.fault, problem.param.as_str()) {
        (Fault::Missing | Fault::Unknown, _) => problem.message.clone(),
        (_, "") => format!("The body {}", problem.message),
        (_, param) => format!("Parameter \"{param}\" is malformed: {}", problem.message),
    }
}
