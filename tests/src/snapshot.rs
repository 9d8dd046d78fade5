//! Snapshots by subject: `it/snapshots/<folder>/<name>.snap`, and generated sections of documentation.

use similar::TextDiff;

/// Compares a text with its snapshot.
pub fn check(folder: &str, name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(format!("{}/it/snapshots/{folder}", env!("CARGO_MANIFEST_DIR")));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// Compares a text with the section of a document of the workspace between `<!-- begin: name ... -->` and
/// `<!-- end: name -->`. Like a snapshot, it is updated with `INSTA_UPDATE=always`.
pub fn check_part(document: &str, name: &str, text: &str) {
    let path = format!("{}/../{document}", env!("CARGO_MANIFEST_DIR"));
    let old = std::fs::read_to_string(&path).expect("the document");
    let markers = (|| {
        let begin = old.find(&format!("<!-- begin: {name}"))?;
        let begin = begin + old[begin..].find("-->\n")? + "-->\n".len();
        let end = begin + old[begin..].find(&format!("<!-- end: {name} -->"))?;
        Some((begin, end))
    })();
    let (begin, end) = markers.unwrap_or_else(|| panic!("{document} has no part {name}"));
    let new = format!("{}\n{}\n{}", &old[..begin], text.trim(), &old[end..]);
    if new == old {
        return;
    }
    if std::env::var_os("INSTA_UPDATE").is_some_and(|value| value == "always") {
        std::fs::write(&path, new).expect("a document that can be written");
        return;
    }
    let diff = TextDiff::from_lines(&old, &new);
    panic!(
        "{document} is out of date; INSTA_UPDATE=always accepts this:\n{}",
        diff.unified_diff().context_radius(0)
    );
}
