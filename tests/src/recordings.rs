//! Recorded traffic. It is not part of the project: it is read from a folder beside the workspace.

use std::io::Write as _;

use serde_json::Value;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/recordings/exchanges.jsonl");

/// A recorded request and its response.
pub struct Exchange(Value);

/// All recorded exchanges. If they are not available, prints a line and returns `None`; with
/// `CHARTMOGUL_RECORDINGS=required`, which `.ci/run` sets, the test fails.
pub fn read(test: &str) -> Option<Vec<Exchange>> {
    let Ok(text) = std::fs::read_to_string(PATH) else {
        let required = std::env::var_os("CHARTMOGUL_RECORDINGS").is_some_and(|value| value == "required");
        assert!(
            !required,
            "the recorded traffic is required, and not beside the workspace"
        );
        // Not `eprintln!`, which the test runner captures.
        let _ = writeln!(
            std::io::stderr(),
            "skipped {test}: no recorded traffic beside the workspace"
        );
        return None;
    };
    Some(
        text.lines()
            .map(|line| Exchange(serde_json::from_str(line).expect("JSON")))
            .collect(),
    )
}

impl Exchange {
    fn text(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap_or_default()
    }

    /// Its number in the recordings.
    pub fn id(&self) -> &str {
        self.text("id")
    }

    /// Method and path template.
    pub fn operation(&self) -> &str {
        self.text("operation")
    }

    /// HTTP method.
    pub fn method(&self) -> &str {
        self.text("method")
    }

    /// The path as it was sent.
    pub fn path(&self) -> &str {
        self.text("path")
    }

    /// The query as it was sent.
    pub fn query(&self) -> &str {
        self.text("query")
    }

    /// The last segment of the path.
    pub fn uuid(&self) -> &str {
        self.text("path").rsplit('/').next().unwrap_or_default()
    }

    /// The body of the request.
    pub fn request(&self) -> &Value {
        &self.0["request_body"]
    }

    /// Status of the response.
    pub fn status(&self) -> u16 {
        self.0["status"]
            .as_u64()
            .and_then(|status| status.try_into().ok())
            .expect("a status")
    }

    /// Content type of the response.
    pub fn content_type(&self) -> &str {
        self.text("content_type")
    }

    /// The body of the response; text if it was not JSON.
    pub fn response(&self) -> &Value {
        &self.0["response_body"]
    }

    /// The body of the response as it was on the wire, except for white space.
    pub fn response_text(&self) -> String {
        match self.response() {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            json => json.to_string(),
        }
    }
}
