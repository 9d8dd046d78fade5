//! Damaged cells: error values of a spreadsheet, lost characters, invisible characters.

use super::{cells::Cell, values::Wrong};

/// Values that are invalid in any column.
pub(super) fn damaged(cell: &Cell) -> Option<Wrong> {
    let text = cell.text.as_str();
    if spreadsheet_error(text) {
        return Some(Wrong::new("is an error of the spreadsheet, not a value", None));
    }
    if text.contains('\u{fffd}') {
        return Some(Wrong::new(
            "was damaged when the file was converted: a character is lost",
            None,
        ));
    }
    let mut ends = text.chars();
    let ends: String = [ends.next(), ends.next_back()].into_iter().flatten().collect();
    let what = invisible(&ends)?;
    let shown = visible(text);
    let meant = (!shown.is_empty()).then_some(shown);
    Some(Wrong::new(
        format!("begins or ends with {what}, which is invisible"),
        meant,
    ))
}

/// Whether the text is an error that a spreadsheet shows instead of a value.
fn spreadsheet_error(text: &str) -> bool {
    const ERRORS: [&str; 9] = [
        "#REF!",
        "#N/A",
        "#VALUE!",
        "#NAME?",
        "#DIV/0!",
        "#NUM!",
        "#NULL!",
        "#SPILL!",
        "#GETTING_DATA",
    ];
    ERRORS.contains(&text) || text.len() > 2 && text.bytes().all(|byte| byte == b'#')
}

/// An invisible character, and its name.
pub(super) fn invisible(text: &str) -> Option<String> {
    let found = text.chars().find_map(|c| {
        let name = match c {
            '\u{a0}' => "a no-break space",
            '\u{2007}' | '\u{202f}' => "a narrow no-break space",
            '\u{2000}'..='\u{200a}' | '\u{205f}' | '\u{3000}' | '\u{1680}' => "an unusual space",
            '\u{200b}' => "a zero width space",
            '\u{200c}' | '\u{200d}' | '\u{2060}' => "a zero width character",
            '\u{feff}' => "a byte order mark",
            '\u{ad}' => "a soft hyphen",
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}' => {
                "a mark of the writing direction"
            }
            '\n' | '\r' | '\t' => return None,
            c if c.is_control() => "a control character",
            _ => return None,
        };
        Some((c, name))
    });
    found.map(|(c, name)| format!("{name} (U+{:04X})", u32::from(c)))
}

/// The text without invisible characters, and without spaces at its ends.
pub(super) fn visible(text: &str) -> String {
    let visible = |c: &char| invisible(c.encode_utf8(&mut [0; 4])).is_none() || matches!(c, '\n' | '\r' | '\t');
    text.chars().filter(visible).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_sees_is_named() {
        assert_eq!(invisible("owner\u{a0}").as_deref(), Some("a no-break space (U+00A0)"));
        assert_eq!(
            invisible("\u{200b}owner").as_deref(),
            Some("a zero width space (U+200B)")
        );
        assert_eq!(invisible("größe\n"), None);
        assert_eq!(visible("\u{feff} owner\u{a0}"), "owner");
    }
}
