//! Sessions: commands as they are typed, and all that they print. `TRYCMD=overwrite` writes them anew.

#[test]
fn sessions_are_as_they_are_written_down() {
    trycmd::TestCases::new()
        .env("CHARTMOGUL_CONFIG_DIR", "/nonexistent/chartmogul")
        .env("CHARTMOGUL_API_KEY", "")
        .env("NO_COLOR", "1")
        .case("tests/sessions/*.md")
        .case("../../docs/guide/command-line.md");
}
