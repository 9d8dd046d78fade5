//! Records the requests of the SDK in the tests, for validators that are not written in Rust.

use std::{fs::OpenOptions, io::Write as _, ops::Deref};

use chartmogul_fake::{Fake, Recorded};
use serde_json::json;

/// A fake that records the requests of the SDK: when it is dropped, and the environment variable `CHARTMOGUL_SENT` names a
/// file, it appends a line of JSON for each request.
#[derive(Debug)]
pub struct Witness {
    fake: Fake,
    writes: bool,
}

impl Witness {
    pub(crate) fn new(fake: Fake) -> Self {
        Self { fake, writes: true }
    }

    /// Disables recording, for a test in which the SDK sends values from the server that the document does not allow.
    #[must_use]
    pub fn unwritten(mut self) -> Self {
        self.writes = false;
        self
    }
}

impl Deref for Witness {
    type Target = Fake;

    fn deref(&self) -> &Fake {
        &self.fake
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let Some(path) = std::env::var_os("CHARTMOGUL_SENT").filter(|_| self.writes) else {
            return;
        };
        let lines: String = self.fake.requests().iter().filter_map(line).collect();
        // Tests run concurrently. A single write is appended in one piece.
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .expect("the file that CHARTMOGUL_SENT names");
        file.write_all(lines.as_bytes()).expect("room in the file");
    }
}

/// A request as a line; `None` if the SDK did not send it. The body is text, so that no number is changed.
fn line(request: &Recorded) -> Option<String> {
    let sdk = request.header("user-agent")?.starts_with("chartmogul-rust/");
    let target = match request.query.as_str() {
        "" => request.path.clone(),
        query => format!("{}?{query}", request.path),
    };
    let line = json!({
        "method": request.method,
        "path": target,
        "content_type": request.header("content-type"),
        "body": String::from_utf8_lossy(&request.body),
    });
    sdk.then(|| format!("{line}\n"))
}
