//! Sessions: commands as they are typed, and all that they print. `INSTA_UPDATE=always` or `TRYCMD=overwrite` writes
//! them anew.

use std::{env, process::Command};

#[test]
fn sessions_are_as_they_are_written_down() {
    // trycmd reads a variable of its own. The one of insta is enough, so that one command writes all snapshots.
    let writes = env::var("INSTA_UPDATE").is_ok_and(|mode| matches!(mode.as_str(), "always" | "force"));
    if writes && env::var_os("TRYCMD").is_none() {
        let mut again = Command::new(env::current_exe().unwrap());
        let status = again.arg("sessions::").env("TRYCMD", "overwrite").status().unwrap();
        assert!(status.success(), "the sessions could not be written");
        return;
    }
    trycmd::TestCases::new()
        .env("CHARTMOGUL_CONFIG_DIR", "/nonexistent/chartmogul")
        .env("CHARTMOGUL_API_KEY", "")
        .env("NO_COLOR", "1")
        .case("tests/sessions/*.md")
        .case("../../docs/guide/command-line.md");
}
