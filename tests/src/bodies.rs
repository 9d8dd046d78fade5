//! Bodies of responses that are errors, or only look like a success.

/// Name, status, content type and body.
pub type Body = (&'static str, u16, &'static str, &'static str);

/// Every known shape of an error body; the number is that of the table in `error_body.rs`.
pub const BODIES: &[Body] = &[
    (
        "shape 1, code and message",
        400,
        "application/json",
        r#"{"code":400,"message":"Parameter \"owner\" is malformed","param":"owner"}"#,
    ),
    (
        "shape 1, without param",
        401,
        "application/json",
        r#"{"code":401,"message":"No valid API key provided","param":null}"#,
    ),
    (
        "shape 1",
        403,
        "application/json",
        r#"{"code":403,"message":"Your trial has expired","param":null}"#,
    ),
    (
        "shape 1, with param",
        404,
        "application/json",
        r#"{"code":404,"message":"Opportunity not found","param":"uuid"}"#,
    ),
    (
        "shape 1, path as param",
        400,
        "application/json",
        r#"{"code":400,"message":"Unknown type","param":"custom[0][type]"}"#,
    ),
    (
        "shape 2, a message by field",
        422,
        "application/json; charset=utf-8",
        r#"{"errors":{"currency":"is not supported"}}"#,
    ),
    (
        "shape 3, an error text",
        404,
        "application/json; charset=utf-8",
        r#"{"error":"Opportunity not found"}"#,
    ),
    (
        "shape 4, messages by field",
        422,
        "application/json; charset=utf-8",
        r#"{"owner":["can't be blank"],"currency":["is unknown","is short"],"error_details":[{"param":"owner","code":"blank","message":"can't be blank"}]}"#,
    ),
    (
        "shape 4, without details",
        422,
        "application/json; charset=utf-8",
        r#"{"plans":["Please name the plans of the group"]}"#,
    ),
    (
        "shape 5, text and details",
        404,
        "application/json",
        r#"{"error":"Not found","error_details":[{"param":"uuid","code":"invalid","message":"Not found"}]}"#,
    ),
    (
        "shape 6, plain text",
        504,
        "text/plain; charset=utf-8",
        "504 Gateway Timeout Error",
    ),
    (
        "shape 6, plain text called JSON",
        500,
        "application/json",
        "500 Internal Server Error",
    ),
    (
        "shape 7, an HTML page",
        502,
        "text/html",
        "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body>customer@example.com</body></html>",
    ),
    ("shape 8, nothing", 500, "application/json", ""),
    (
        "shape 9, a message",
        404,
        "application/json",
        r#"{"message":"Not found"}"#,
    ),
    (
        "too many requests",
        429,
        "application/json",
        r#"{"code":429,"message":"Your request rate has exceeded our rate limit.","param":null}"#,
    ),
    ("too many connections", 503, "text/plain", "Service unavailable"),
    (
        "request failed",
        402,
        "application/json",
        r#"{"code":402,"message":"Request failed","param":null}"#,
    ),
    ("not allowed", 405, "text/plain", ""),
    (
        "a CDN's own",
        520,
        "text/html",
        "<html><h1>Web server is returning an unknown error</h1></html>",
    ),
    (
        "success with a page",
        200,
        "text/html",
        "<html><title>Sign in</title></html>",
    ),
    (
        "success with broken JSON",
        200,
        "application/json",
        r#"{"owner":"secret@example.com","#,
    ),
    (
        "success with a list",
        200,
        "application/json",
        r#"["secret@example.com"]"#,
    ),
    (
        "success with a text",
        200,
        "application/json",
        r#""secret@example.com""#,
    ),
    ("a redirect", 302, "text/html", ""),
];
