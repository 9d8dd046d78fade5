//! Documentation comments.
//!
//! The document's words are Markdown for people. rustdoc reads more into Markdown than they mean: a link in each
//! `[..]`, HTML in each `<..>`, a test in each block of code. [`markdown`] keeps the words as they were meant.

use std::borrow::Cow;

use proc_macro2::TokenStream;
use quote::quote;

/// One `///` line for each line of the text.
pub(super) fn comment(text: &str) -> TokenStream {
    let lines = lines(text);
    quote! { #(#[doc = #lines])* }
}

/// The same as text, for code that is not made of tokens.
pub(super) fn comment_text(text: &str, indent: &str) -> String {
    prefixed(text, &format!("{indent}///"))
}

/// The same for a whole file.
pub(super) fn module_text(text: &str) -> String {
    prefixed(text, "//!")
}

fn prefixed(text: &str, prefix: &str) -> String {
    lines(text).iter().map(|line| format!("{prefix}{line}\n")).collect()
}

fn lines(text: &str) -> Vec<String> {
    let mut lines: Vec<_> = text
        .trim()
        .lines()
        .map(|line| match line.trim_end() {
            "" => String::new(),
            line => format!(" {line}"),
        })
        .collect();
    lines.dedup_by(|line, above| line.is_empty() && above.is_empty()); // where a part has nothing to say
    lines
}

/// The page of the API reference, as a last line. A tag may have none.
pub(super) fn source(url: &str) -> String {
    match url {
        "" => String::new(),
        url => format!("Source: <{url}>"),
    }
}

/// Some things in a sentence: `a, b and c`.
pub(super) fn listed(items: impl Iterator<Item = String>) -> String {
    let items: Vec<_> = items.collect();
    match items.as_slice() {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        items => items.concat(),
    }
}

/// A text of one line, as a sentence.
pub(super) fn sentence(text: &str) -> String {
    let text = text.trim();
    let text = match fence(text) {
        Some(_) => inline(&format!("\\{text}")), // it stands in one line with other words
        None => markdown(text),
    };
    if text.ends_with(['.', '!', '?', ':']) {
        text
    } else {
        format!("{text}.")
    }
}

/// The first paragraph as one line of plain text, for terminals: without the marks of emphasis, links without their targets.
pub(super) fn plain(text: &str) -> String {
    let lines = text.trim().lines().map(str::trim).take_while(|line| !line.is_empty());
    let text = lines.collect::<Vec<_>>().join(" ").replace("**", "");
    let text: String = text.chars().filter(|c| !is_control(*c)).collect();
    let mut plain = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find('[') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let length = link(rest).unwrap_or(1);
        plain.push_str(if length > 1 {
            rest[1..length].split("](").next().unwrap_or("")
        } else {
            "["
        });
        rest = &rest[length..];
    }
    plain + rest
}

/// The document's words, so that rustdoc shows them as they were meant, runs none of them as a test, and has nothing to
/// warn of.
pub(super) fn markdown(text: &str) -> String {
    let text: String = text.trim_end().chars().filter(|c| !is_control(*c)).collect();
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    blocks(&lines).join("\n")
}

/// An item of a list: a name, and words about it. A block begins below the name, because it can't begin behind it.
pub(super) fn item(name: &str, words: &str) -> String {
    let words = markdown(words);
    let words = words.trim_start_matches('\n');
    let first = words.lines().next().unwrap_or_default();
    let begins_block =
        fence(first).is_some() || first.starts_with(['>', '#']) || is_rule(first) || item_of(first).is_some();
    let gap = if begins_block { "\n\n" } else { " " };
    let item = format!("- `{name}`:{gap}{words}");
    item.replace('\n', "\n  ") + "\n"
}

/// Characters that Rust does not take in a comment, or that turn the direction of what follows.
fn is_control(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Writes blocks of code with a fence that says what they are not: Rust.
///
/// Whether a line is code depends on all that is open above it. What is written is simpler than what is read, so that
/// mistakes about that have no effect: outside of fences, no line is so far to the right that it could be code.
fn blocks(lines: &[&str]) -> Vec<String> {
    let mut lines: Vec<Cow<'_, str>> = lines.iter().map(|line| Cow::Borrowed(*line)).collect();
    let mut done = Vec::new();
    let mut paragraph: Vec<String> = Vec::new();
    // The columns where the texts of the open items begin.
    let mut items: Vec<usize> = Vec::new();
    let mut at = 0;
    while let Some(line) = lines.get(at).cloned() {
        let bare = line.trim_start();
        let column = columns(&line);
        if bare.is_empty() {
            flush(&mut paragraph, &mut done);
            done.push(String::new());
            at += 1;
            continue;
        }
        let open = items.len();
        while items.last().is_some_and(|text| *text > column) {
            items.pop();
        }
        let ends_item = items.len() < open;
        let begins = paragraph.is_empty(); // code can't interrupt a paragraph
        if begins && column >= CODE && items.is_empty() {
            let is_code = |line: &&Cow<'_, str>| line.trim_start().is_empty() || columns(line) >= CODE;
            let length = lines[at..].iter().take_while(is_code).count();
            let code: Vec<_> = lines[at..at + length]
                .iter()
                .map(|line| without_indent(line, CODE))
                .collect();
            let end = code
                .iter()
                .rposition(|line| !line.is_empty())
                .map_or(0, |last| last + 1);
            fenced(&mut done, "", "text", code[..end].iter().copied());
            done.push(String::new());
            at += length;
            continue;
        }
        let open = items.last().copied().unwrap_or(0);
        let place = match column {
            _ if done.is_empty() && begins => 0, // the first line is trimmed
            column if column < open + CODE => column,
            _ => open,
        };
        if let Some(fence) = fence(bare) {
            flush(&mut paragraph, &mut done);
            let indent = " ".repeat(if items.is_empty() { 0 } else { place });
            let body = &lines[at + 1..];
            let length = body.iter().position(|line| closes(line.trim_start(), fence));
            let length = length.unwrap_or(body.len());
            let code = body[..length].iter().map(|line| without_indent(line, column));
            fenced(&mut done, &indent, language(bare), code);
            at += length + 2;
            continue;
        }
        if bare.starts_with('>') {
            flush(&mut paragraph, &mut done);
            let quoted = lines[at..].iter().map_while(|line| line.trim_start().strip_prefix('>'));
            let quoted: Vec<_> = quoted.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
            let inner = blocks(&quoted).into_iter();
            done.extend(inner.map(|line| format!("> {line}").trim_end().to_owned()));
            at += quoted.len();
            items.clear();
            continue;
        }
        let indent = " ".repeat(place);
        // Both end the paragraph above.
        if is_rule(bare) || !begins && is_underline(bare) {
            paragraph.push(indent + bare);
            flush(&mut paragraph, &mut done);
        } else if let Some((mark, text)) = item_of(bare) {
            flush(&mut paragraph, &mut done);
            // What begins behind the mark is not seen there.
            if begins_below(text) {
                if done.last().is_some_and(|above: &String| !above.is_empty()) {
                    done.push(String::new()); // or the mark would make a heading of it
                }
                done.push(indent + mark);
                items.push(place + mark.len() + 1);
                lines[at] = Cow::Owned(" ".repeat(place + mark.len() + 1) + text);
                continue;
            }
            paragraph.push(indent + &one_blank(bare));
            // Right behind a paragraph, a mark without text begins no list, nor does a number other than 1.
            let is_first = ends_item || done.last().is_none_or(String::is_empty);
            if !text.is_empty() && (is_first || !mark.starts_with(|c: char| c.is_ascii_digit())) {
                items.push(place + mark.len() + 1);
            }
        } else {
            let is_heading = bare.trim_start_matches('#').starts_with([' ', '\t']) && bare.starts_with('#');
            if is_heading {
                flush(&mut paragraph, &mut done);
            }
            paragraph.push(indent + bare);
            if is_heading {
                flush(&mut paragraph, &mut done);
            }
        }
        at += 1;
    }
    flush(&mut paragraph, &mut done);
    done
}

fn flush(paragraph: &mut Vec<String>, done: &mut Vec<String>) {
    if !paragraph.is_empty() {
        done.extend(inline(&paragraph.join("\n")).lines().map(str::to_owned));
        paragraph.clear();
    }
}

/// From this column on, a line that begins a block is code.
const CODE: usize = 4;

/// The column where the text of a line begins.
fn columns(line: &str) -> usize {
    let blanks = line.chars().map_while(|c| match c {
        ' ' => Some(1),
        '\t' => Some(CODE),
        _ => None,
    });
    blanks.fold(0, |column, width| {
        if width == CODE {
            column / CODE * CODE + CODE
        } else {
            column + 1
        }
    })
}

/// A line across the page: three or more of one mark, perhaps with blanks.
fn is_rule(line: &str) -> bool {
    let marks: Vec<char> = line.chars().filter(|c| !matches!(c, ' ' | '\t')).collect();
    let is_mark = |mark| matches!(mark, '*' | '-' | '_');
    marks.len() >= 3 && marks.iter().all(|mark| is_mark(*mark) && *mark == marks[0])
}

/// What makes a heading of the paragraph above.
fn is_underline(line: &str) -> bool {
    !line.is_empty() && ['=', '-'].into_iter().any(|mark| line.trim_matches(mark).is_empty())
}

/// The mark of an item of a list, and its text.
fn item_of(line: &str) -> Option<(&str, &str)> {
    let digits = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let marks: &[char] = if digits > 0 { &['.', ')'] } else { &['-', '*', '+'] };
    let text = line[digits..].strip_prefix(marks)?;
    (digits < 10 && (text.is_empty() || text.starts_with([' ', '\t']))).then(|| (&line[..=digits], text.trim_start()))
}

/// Whether the text of an item is another block, also that of an item in it.
fn begins_below(text: &str) -> bool {
    let inner = item_of(text).is_some_and(|(_, text)| begins_below(text));
    inner || fence(text).is_some() || text.starts_with('>')
}

/// An item with one blank behind its mark: more of them would make code of its text.
fn one_blank(item: &str) -> String {
    match item_of(item) {
        Some((mark, text)) => format!("{mark} {}", one_blank(text)).trim_end().to_owned(),
        None => item.to_owned(),
    }
}

/// Without the blanks before a column.
fn without_indent(line: &str, most: usize) -> &str {
    let mut rest = line;
    while columns(line) - columns(rest) < most && rest.starts_with([' ', '\t']) {
        rest = &rest[1..];
    }
    rest
}

/// What opens a block of code: three or more backticks or tildes.
fn fence(line: &str) -> Option<&str> {
    ['`', '~'].into_iter().find_map(|c| {
        let length = line.len() - line.trim_start_matches(c).len();
        // With backticks behind it, it is a span of code within a line.
        (length >= 3 && !(c == '`' && line[length..].contains('`'))).then(|| &line[..length])
    })
}

fn closes(line: &str, fence: &str) -> bool {
    line.starts_with(fence) && line.trim_matches(fence.chars().next().unwrap_or('`')).is_empty()
}

/// What a block is in, if it says so. Rust is text, too: it would be run.
fn language(line: &str) -> &str {
    let info = line.trim_start_matches(['`', '~']).trim();
    let word = info.split([' ', ',', '{']).next().unwrap_or_default();
    match word {
        "json" | "yaml" | "xml" | "html" | "http" | "csv" | "sh" | "bash" | "console" | "curl" | "sql" | "js"
        | "javascript" | "ruby" | "python" | "php" => word,
        _ => "text",
    }
}

fn fenced<'a>(done: &mut Vec<String>, indent: &str, language: &str, code: impl Iterator<Item = &'a str>) {
    let code: Vec<_> = code.collect();
    let inner = code.iter().filter_map(|line| fence(line.trim_start()));
    let longest = inner.map(str::len).max();
    let fence = "`".repeat(longest.map_or(3, |longest| longest + 1));
    done.push(format!("{indent}{fence}{language}"));
    done.extend(code.iter().map(|line| format!("{indent}{line}")));
    done.push(format!("{indent}{fence}"));
}

/// Within a paragraph: what is neither code nor a link to another site is just text.
fn inline(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let url = if c == 'h' && !out.ends_with(char::is_alphanumeric) {
            url(rest)
        } else {
            0
        };
        let whole = match c {
            '`' => Some(span(rest)),
            '\\' => Some(1 + rest[1..].chars().next().map_or(0, char::len_utf8)),
            '<' => autolink(rest),
            '[' => link(rest),
            _ => None,
        };
        let begins_tag = || rest[1..].starts_with(|c: char| c.is_ascii_alphabetic() || "/!?".contains(c));
        let length = whole.unwrap_or(if url > 0 { url } else { c.len_utf8() });
        let part = &rest[..length];
        rest = match whole {
            // Nothing closes it. rustdoc ends with a panic where it finds two of these.
            Some(length) if part.chars().all(|c| c == '`') => {
                out.push_str(&r"\`".repeat(length));
                &rest[length..]
            }
            None if url > 0 => {
                out.extend(["<", part, ">"]);
                &rest[length..]
            }
            None if c == '[' || (c == '<' && begins_tag()) => {
                out.extend(["\\", part]);
                &rest[length..]
            }
            _ => {
                out.push_str(part);
                &rest[length..]
            }
        };
    }
    out
}

/// The length of a span of code, or of the backticks if nothing closes them.
fn span(text: &str) -> usize {
    let ticks = text.len() - text.trim_start_matches('`').len();
    let mut at = ticks;
    while let Some(next) = text[at..].find('`') {
        let begin = at + next;
        let run = text[begin..].len() - text[begin..].trim_start_matches('`').len();
        // HTML at the beginning of a line ends the paragraph, and with it what is open.
        let mut lines = text[..begin].lines().skip(1);
        if run == ticks && !lines.any(|line| line.trim_start().starts_with('<')) {
            return begin + run;
        }
        at = begin + run;
    }
    ticks
}

/// The length of `<https://..>`.
fn autolink(text: &str) -> Option<usize> {
    let end = text.find('>')?;
    (url(&text[1..]) > 0 && !text[..end].contains(char::is_whitespace)).then_some(end + 1)
}

/// The length of `[text](https://..)`. What links to anything else would be looked up among Rust's names.
fn link(text: &str) -> Option<usize> {
    let middle = text.find("](")?;
    if text[1..middle].contains(['[', ']', '<', '`']) || url(&text[middle + 2..]) == 0 {
        return None;
    }
    let end = text[middle..].find(')')? + middle;
    (!text[middle..end].contains('\n')).then_some(end + 1)
}

/// The length of a URL, without the punctuation that ends the sentence.
fn url(text: &str) -> usize {
    let mut schemes = ["https://", "http://"].into_iter();
    let Some(scheme) = schemes.find(|scheme| text.starts_with(scheme)) else {
        return 0;
    };
    let ends = |c: char| c.is_whitespace() || "<>\"`|\\^{}[]()".contains(c);
    let end = text.find(ends).unwrap_or(text.len());
    let url = text[..end].trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', '*', '_']);
    if url.len() > scheme.len() { url.len() } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::markdown;

    #[test]
    fn a_page_that_nobody_names_is_no_link() {
        assert_eq!(super::source("https://a.test"), "Source: <https://a.test>");
        assert_eq!(super::source(""), "");
    }

    #[test]
    fn help_is_one_line_of_plain_text() {
        for (given, shown) in [
            (
                "It **replaces all** of\n`custom[0]`.\n\nMore.",
                "It replaces all of `custom[0]`.",
            ),
            ("See [the page](https://a.example/b), [x].", "See the page, [x]."),
            ("", ""),
        ] {
            assert_eq!(super::plain(given), shown);
        }
    }

    #[test]
    fn a_sentence_is_no_block() {
        for (given, shown) in [
            (" Send it", "Send it."),
            ("```rust", r"\`\`\`rust."),
            ("~~~ Send it", r"\~~~ Send it."),
        ] {
            assert_eq!(super::sentence(given), shown);
        }
    }

    #[test]
    fn ordinary_words_of_an_api_stay_words() {
        for (given, shown) in [
            (
                "custom[0][type] is `custom[0][type]`",
                r"custom\[0]\[type] is `custom[0][type]`",
            ),
            (
                "the <uuid> of Vec<String>, 1 < 2",
                r"the \<uuid> of Vec\<String>, 1 < 2",
            ),
            (
                "See https://a.example/b?c=d. Or (http://x.example).",
                "See <https://a.example/b?c=d>. Or (<http://x.example>).",
            ),
            (
                "[the page](https://a.example/b) and <https://c.example>",
                "[the page](https://a.example/b) and <https://c.example>",
            ),
            ("[other](thing) [`Thing`]", r"\[other](thing) \[`Thing`]"),
            ("an unclosed ` and [x]", r"an unclosed \` and \[x]"),
            ("two ` of\n\nthem `", "two \\` of\n\nthem \\`"),
            ("`a\n<!-- b `", "\\`a\n\\<!-- b \\`"),
            (r"kept: \[x]", r"kept: \[x]"),
            ("a\u{202e}b\r\nc", "ab\nc"),
        ] {
            assert_eq!(markdown(given), shown);
        }
    }

    #[test]
    fn a_block_begins_below_the_name_of_an_item() {
        for (given, shown) in [
            ("its name", "- `x`: its name\n"),
            ("its name\nhere", "- `x`: its name\n  here\n"),
            ("```\na\n```", "- `x`:\n  \n  ```text\n  a\n  ```\n"),
            ("    a", "- `x`:\n  \n  ```text\n  a\n  ```\n  \n"),
            ("> a", "- `x`:\n  \n  > a\n"),
            ("\n~~~\na", "- `x`:\n  \n  ```text\n  a\n  ```\n"),
            ("- a\n\n     b", "- `x`:\n  \n  - a\n  \n       b\n"),
        ] {
            assert_eq!(super::item("x", given), shown, "{given}");
        }
    }

    #[test]
    fn no_block_is_a_test() {
        for (given, shown) in [
            ("```\nx\n```", "```text\nx\n```"),
            ("```rust\nx\n```\nafter", "```text\nx\n```\nafter"),
            ("~~~json\n{}\n~~~", "```json\n{}\n```"),
            ("```\nnever closed", "```text\nnever closed\n```"),
            (
                "Such as:\n\n    a\n\n    b\n\nafter",
                "Such as:\n\n```text\na\n\nb\n```\n\nafter",
            ),
            ("    ```\n    x", "````text\n```\nx\n````\n"),
            ("#no head\n    goes on", "#no head\ngoes on"),
            ("# Head\n    code", "# Head\n```text\ncode\n```\n"),
            ("- item\n\n      more", "- item\n\n  more"),
            ("- item\n  ```\n  x\n  ```", "- item\n  ```text\n  x\n  ```"),
            ("> ```\n> x", "> ```text\n> x\n> ```"),
            ("a paragraph\n    goes on", "a paragraph\ngoes on"),
            ("Head\n====\n    code", "Head\n====\n```text\ncode\n```\n"),
            ("Head\n-\n    code", "Head\n-\n```text\ncode\n```\n"),
            ("***\n    code", "***\n```text\ncode\n```\n"),
            ("- a\n- b\n* * *\n    code", "- a\n- b\n* * *\n```text\ncode\n```\n"),
            ("- a\n  ---\n      more", "- a\n  ---\n  more"),
            ("- a\n- b\n***\n    code", "- a\n- b\n***\n```text\ncode\n```\n"),
            (
                "1. a\n2. b\n   ```\n   x\n   ```",
                "1. a\n2. b\n   ```text\n   x\n   ```",
            ),
            ("-     code", "- code"),
            ("-\t\tcode\n1.      code", "- code\n1. code"),
            ("- -     code", "- - code"),
            ("- ```rust\n  x\n  ```", "-\n  ```text\n  x\n  ```"),
            ("a\n1. ~~~\n   x", "a\n\n1.\n   ```text\n   x\n   ```"),
            ("- >     x", "-\n> ```text\n> x\n> ```\n>"),
            ("a\n    ```\n    x", "a\n```text\nx\n```"),
            ("\n\n  ```\n  x\n  ```", "\n\n```text\nx\n```"),
            ("a\n2) b\n\n     code", "a\n2) b\n\n```text\n code\n```\n"),
            ("  - a\n\n      code", "- a\n\n  code"),
            ("- a\n  - b\n    - c\n\n      d", "- a\n  - b\n    - c\n\n      d"),
            ("  \tcode", "```text\ncode\n```\n"),
        ] {
            assert_eq!(markdown(given), shown, "{given}");
        }
    }
}
