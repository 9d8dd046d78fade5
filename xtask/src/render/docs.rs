//! Documentation comments.
//!
//! The document's words are Markdown for people. rustdoc reads more into Markdown than they mean: a link in each
//! `[..]`, HTML in each `<..>`, a test in each block of code. [`markdown`] keeps the words as they were meant.

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
    let text = markdown(text.trim());
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
    let first = words.lines().next().unwrap_or_default();
    let begins_block = fence(first).is_some() || first.starts_with('>');
    let gap = if begins_block { "\n\n" } else { " " };
    let item = format!("- `{name}`:{gap}{}", words.trim_start_matches('\n'));
    item.replace('\n', "\n  ") + "\n"
}

/// Characters that Rust does not take in a comment, or that turn the direction of what follows.
fn is_control(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn blocks(lines: &[&str]) -> Vec<String> {
    let mut done = Vec::new();
    let mut paragraph: Vec<String> = Vec::new();
    let mut in_list = false;
    let mut at = 0;
    while let Some(&line) = lines.get(at) {
        let bare = line.trim_start();
        // With four blanks it is code itself, or goes on with a paragraph.
        if let Some(fence) = fence(bare).filter(|_| in_list || !is_indented(line)) {
            flush(&mut paragraph, &mut done);
            let indent = if in_list { &line[..line.len() - bare.len()] } else { "" };
            let body = &lines[at + 1..];
            let length = body.iter().position(|line| closes(line.trim_start(), fence));
            let length = length.unwrap_or(body.len());
            let code = body[..length].iter().map(|line| without_indent(line, indent.len()));
            fenced(&mut done, indent, language(bare), code);
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
            continue;
        }
        // Both end the paragraph above, and a list that is not indented.
        if !is_indented(line) && (is_rule(bare) || !paragraph.is_empty() && is_underline(bare)) {
            paragraph.push(line.to_owned());
            flush(&mut paragraph, &mut done);
            in_list &= bare.len() < line.len();
            at += 1;
            continue;
        }
        let begins = paragraph.is_empty(); // code can't interrupt a paragraph
        if begins && is_indented(line) && !in_list {
            let is_code = |line: &&str| line.is_empty() || is_indented(line);
            let mut code: Vec<_> = lines[at..].iter().copied().take_while(is_code).collect();
            at += code.len();
            while code.last().is_some_and(|line| line.is_empty()) {
                code.pop();
            }
            fenced(
                &mut done,
                "",
                "text",
                code.into_iter().map(|line| without_indent(line, 4)),
            );
            done.push(String::new());
            continue;
        }
        if bare.is_empty() {
            flush(&mut paragraph, &mut done);
            done.push(String::new());
        } else {
            if is_item(bare) {
                in_list = true;
            } else if begins && bare.len() == line.len() {
                in_list = false;
            }
            // Within a list it is a paragraph of an item; its blanks would make code of it.
            let indented = begins && is_indented(line);
            paragraph.push(if indented { format!("  {bare}") } else { line.to_owned() });
            if bare.starts_with('#') {
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

fn is_indented(line: &str) -> bool {
    line.starts_with("    ") || line.starts_with('\t')
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

fn is_item(line: &str) -> bool {
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let marks: &[char] = if rest.len() < line.len() {
        &['.', ')']
    } else {
        &['-', '*', '+']
    };
    rest.starts_with(marks) && rest[1..].starts_with(' ')
}

fn without_indent(line: &str, most: usize) -> &str {
    if most == 4
        && let Some(rest) = line.strip_prefix('\t')
    {
        return rest;
    }
    let blanks = line.len() - line.trim_start_matches(' ').len();
    &line[blanks.min(most)..]
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
        if run == ticks {
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
            ("an unclosed ` and [x]", r"an unclosed ` and \[x]"),
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
            ("# Head\n    code", "# Head\n```text\ncode\n```\n"),
            ("- item\n\n      more", "- item\n\n  more"),
            ("- item\n  ```\n  x\n  ```", "- item\n  ```text\n  x\n  ```"),
            ("> ```\n> x", "> ```text\n> x\n> ```"),
            ("a paragraph\n    goes on", "a paragraph\n    goes on"),
            ("Head\n====\n    code", "Head\n====\n```text\ncode\n```\n"),
            ("Head\n-\n    code", "Head\n-\n```text\ncode\n```\n"),
            ("***\n    code", "***\n```text\ncode\n```\n"),
            ("- a\n- b\n* * *\n    code", "- a\n- b\n* * *\n```text\ncode\n```\n"),
            ("- a\n  ---\n      more", "- a\n  ---\n  more"),
        ] {
            assert_eq!(markdown(given), shown, "{given}");
        }
    }
}
