//! From bytes to text: files as spreadsheets write them are recognized, or rejected with what was found.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// A text, and whether it began with a byte order mark.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decoded {
    pub(super) text: String,
    pub(super) marked: bool,
}

/// Decodes a file.
///
/// # Errors
/// What the file is instead of text, and what to do.
pub(super) fn decode(bytes: &[u8], encoding: Option<&'static Encoding>) -> Result<Decoded, String> {
    if let Some(what) = foreign(bytes) {
        return Err(format!("it is {what}, not CSV: export it as \"CSV UTF-8\""));
    }
    let (of_mark, length) = match Encoding::for_bom(bytes) {
        Some((encoding, length)) => (Some(encoding), length),
        None => (None, 0),
    };
    let marked = of_mark.is_some();
    let encoding = of_mark.or(encoding).or_else(|| wide(bytes)).unwrap_or(UTF_8);
    let bytes = &bytes[length..];
    // In a single-byte encoding, nearly all bytes are valid text; but bytes beyond ASCII are hardly valid UTF-8 by
    // chance.
    if encoding.is_single_byte() && !bytes.is_ascii() && std::str::from_utf8(bytes).is_ok() {
        return Err(format!(
            "it is UTF-8 already, and would be damaged if it were read as {}; leave --encoding out",
            encoding.name()
        ));
    }
    let text = if encoding == UTF_8 {
        std::str::from_utf8(bytes)
            .map_err(|error| not_utf8(bytes, error.valid_up_to()))?
            .to_owned()
    } else {
        let text = encoding.decode_without_bom_handling_and_without_replacement(bytes);
        text.ok_or_else(|| {
            format!(
                "it is not {}: some bytes are not valid in this encoding",
                encoding.name()
            )
        })?
        .into_owned()
    };
    match text.find('\0') {
        Some(at) => Err(format!(
            "line {} has a zero byte: the file is damaged, or is not text",
            line(text.as_bytes(), at)
        )),
        None => Ok(Decoded { text, marked }),
    }
}

/// Files that are not text.
fn foreign(bytes: &[u8]) -> Option<&'static str> {
    let known: [(&[u8], &str); 6] = [
        (b"PK\x03\x04", "a workbook (.xlsx, .ods, .numbers) or another zip file"),
        (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls)"),
        (b"\x1f\x8b", "compressed with gzip"),
        (b"%PDF", "a PDF"),
        (b"<!DOCTYPE", "a web page"),
        (b"<html", "a web page"),
    ];
    known
        .iter()
        .find(|(start, _)| bytes.starts_with(start))
        .map(|(_, what)| *what)
}

/// UTF-16 without a mark: the header is ASCII, so every second byte is zero.
fn wide(bytes: &[u8]) -> Option<&'static Encoding> {
    let zeros = |from: usize| bytes.iter().skip(from).step_by(2).take(8).all(|byte| *byte == 0);
    match bytes {
        [first, 0, _, 0, ..] if *first != 0 && zeros(1) => Some(UTF_16LE),
        [0, first, 0, _, ..] if *first != 0 && zeros(0) => Some(UTF_16BE),
        _ => None,
    }
}

fn not_utf8(bytes: &[u8], at: usize) -> String {
    let byte = bytes.get(at).copied().unwrap_or_default();
    let (shown, _) = WINDOWS_1252.decode_without_bom_handling(&bytes[at..(at + 1).min(bytes.len())]);
    format!(
        "it is not UTF-8: line {} has the byte {byte:02X}, which is {shown:?} in Windows-1252; export it as \"CSV UTF-8\", or \
         say what it is, such as --encoding windows-1252",
        line(bytes, at)
    )
}

/// The number of the line that contains the byte; a carriage return alone ends a line, too.
fn line(bytes: &[u8], at: usize) -> usize {
    let before = &bytes[..at];
    let ends = before.iter().enumerate().filter(|(at, byte)| match byte {
        b'\n' => true,
        b'\r' => bytes.get(at + 1) != Some(&b'\n'),
        _ => false,
    });
    ends.count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> Result<String, String> {
        decode(bytes, None).map(|decoded| decoded.text)
    }

    #[test]
    fn what_spreadsheets_write_is_recognised() {
        let wide = |mark: bool, big: bool| -> Vec<u8> {
            let text = if mark {
                "\u{feff}uuid,größe\n"
            } else {
                "uuid,größe\n"
            };
            let units = text.encode_utf16();
            units
                .flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() })
                .collect()
        };
        for bytes in [
            "uuid,größe\n".as_bytes().to_vec(),
            "\u{feff}uuid,größe\n".as_bytes().to_vec(),
            wide(true, true),
            wide(true, false),
            wide(false, true),
            wide(false, false),
        ] {
            assert_eq!(text(&bytes).as_deref(), Ok("uuid,größe\n"), "{bytes:x?}");
        }
        let latin = b"uuid,gr\xf6\xdfe\n";
        assert_eq!(decode(latin, Some(WINDOWS_1252)).unwrap().text, "uuid,größe\n");
    }

    #[test]
    fn what_is_no_text_is_refused_by_its_name() {
        for (bytes, said) in [
            (&b"PK\x03\x04rest"[..], "a workbook"),
            (b"\xd0\xcf\x11\xe0rest", "an old Excel workbook"),
            (b"<!DOCTYPE html>", "a web page"),
            (
                b"a\r\nb\rgr\xf6\xdf",
                "line 3 has the byte F6, which is \"ö\" in Windows-1252",
            ),
            (b"uuid\na\0b", "line 2 has a zero byte"),
        ] {
            let error = text(bytes).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
        let refused = decode("größe".as_bytes(), Some(WINDOWS_1252)).unwrap_err();
        assert!(refused.contains("it is UTF-8 already"), "{refused}");
        // With a mark it is known; in ASCII both are the same.
        for same in ["\u{feff}größe", "size"] {
            assert!(decode(same.as_bytes(), Some(WINDOWS_1252)).is_ok());
        }
        assert!(decode(b"\xff\xff\xff", Some(encoding_rs::SHIFT_JIS)).is_err());
    }
}
