//! Documentation comments.
//!
//! The document's words are Markdown for people. rustdoc reads more into Markdown than they mean: a link in each
//! `[..]`, HTML in each `<..>`, a test in each block of code. [`markdown`] keeps the words as they were meant.

use std::ops::Range;

use proc_macro2::TokenStream;
use pulldown_cmark::{BrokenLink, CodeBlockKind, CowStr, Event, LinkType, Options, Parser, Tag};
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
        .trim_end()
        .lines()
        .skip_while(|line| line.trim().is_empty())
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
    let mut text = cleaned(text.trim());
    if !text.ends_with(['.', '!', '?', ':']) {
        text.push('.');
    }
    let mut events = Parser::new(&text);
    let has_definition = events.reference_definitions().iter().next().is_some();
    if has_definition || events.any(|event| matches!(event, Event::Start(Tag::CodeBlock(_)))) {
        text.insert(0, '\\'); // it stands in one line with other words
    }
    markdown(&text)
}

/// The first block as one line of plain text, for terminals: without the marks of emphasis, links without their targets.
pub(super) fn plain(text: &str) -> String {
    let text = cleaned(text);
    let mut plain = String::new();
    let mut open = 0;
    for event in Parser::new(&text) {
        match event {
            Event::End(_) if open == 1 => break,
            Event::End(_) => open -= 1,
            Event::Start(tag) => {
                open += 1;
                if matches!(tag, Tag::Paragraph | Tag::Item | Tag::CodeBlock(_)) {
                    plain.push(' ');
                }
            }
            Event::SoftBreak | Event::HardBreak => plain.push(' '),
            Event::Text(words) | Event::Html(words) | Event::InlineHtml(words) => plain += &words,
            Event::Code(code) => plain.extend(["`", &code, "`"]),
            _ => {}
        }
    }
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// An item of a list: a name, and words about it. A block begins below the name, because it can't begin behind it.
pub(super) fn item(name: &str, words: &str) -> String {
    let words = cleaned(words);
    let words = words.trim_start_matches('\n');
    let gap = match Parser::new_ext(words, OPTIONS).next() {
        None | Some(Event::Start(Tag::Paragraph)) => " ",
        Some(_) => "\n\n",
    };
    let item = format!("- `{name}`:{gap}{words}");
    markdown(&item.replace('\n', "\n  ")) + "\n"
}

/// The document's words, so that rustdoc shows them as they were meant, runs none of them as a test, and has nothing to
/// warn of.
pub(super) fn markdown(text: &str) -> String {
    let mut text = cleaned(text) + "\n"; // as there is more behind it
    // What was a link or HTML may have hidden another: it is read again, until there is nothing left to mark. There are
    // no more marks than characters.
    for _ in 0..text.len() {
        match marked(&text) {
            Some(next) => text = next,
            None => return text.trim_end().to_owned(),
        }
    }
    fenced("", "text", &text)
}

/// What rustdoc reads.
const OPTIONS: Options = Options::ENABLE_TABLES
    .union(Options::ENABLE_FOOTNOTES)
    .union(Options::ENABLE_STRIKETHROUGH)
    .union(Options::ENABLE_TASKLISTS)
    .union(Options::ENABLE_SMART_PUNCTUATION);

/// Without blanks at the ends of lines, and without characters that Rust does not take in a comment, or that turn the
/// direction of what follows.
fn cleaned(text: &str) -> String {
    let is_control = |c: char| {
        (c.is_control() && c != '\n' && c != '\t') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let text: String = text.chars().filter(|c| !is_control(*c)).collect();
    let lines: Vec<&str> = text.trim_end().lines().map(str::trim_end).collect();
    lines.join("\n")
}

/// A place in the text, and what to write there.
type Edit = (Range<usize>, String);

fn escape(at: usize) -> Edit {
    (at..at, "\\".to_owned())
}

/// The text with marks where rustdoc reads more into it than words; nothing if there are none to set.
fn marked(text: &str) -> Option<String> {
    // rustdoc looks each of these up among Rust's names.
    let any = |_: BrokenLink<'_>| Some((CowStr::Borrowed(""), CowStr::Borrowed("")));
    let mut events = Parser::new_with_broken_link_callback(text, OPTIONS, Some(any)).into_offset_iter();
    let definitions = events.reference_definitions().iter().map(|(_, definition)| definition);
    let definitions = definitions.filter(|definition| !is_url(&definition.dest));
    let mut edits: Vec<Edit> = definitions.map(|definition| escape(definition.span.start)).collect();
    let (mut read, mut link, mut words) = (0, 0, 0); // where the last of each ends
    while let Some((event, range)) = events.next() {
        if range.start < read {
            continue; // it will be another thing once what it is in is marked
        }
        match event {
            event if is_more(&event) => {
                let mark = text[range.clone()].find(['<', '[']);
                edits.extend(mark.map(|at| escape(range.start + at)));
                read = range.end;
            }
            // Its words are its target: no mark can be in there.
            Event::Start(Tag::Link {
                link_type: LinkType::Autolink | LinkType::Email,
                ..
            }) => read = range.end,
            Event::Start(Tag::Link { .. }) => link = range.end,
            Event::Start(Tag::CodeBlock(kind)) => {
                let code = events.by_ref().map_while(|(event, _)| match event {
                    Event::Text(line) => Some(line.into_string()),
                    _ => None,
                });
                edits.extend(code_block(text, &range, &kind, &code.collect::<String>()));
            }
            Event::Text(_) => {
                let is_escaped = words < range.start && text[..range.start].ends_with('\\');
                words = range.end;
                for (at, c) in text[range.clone()].char_indices() {
                    let at = range.start + at;
                    let begins_tag =
                        || text[at + 1..].starts_with(|c: char| c.is_ascii_alphabetic() || "/!?".contains(c));
                    match c {
                        _ if at < read || at == range.start && is_escaped => {}
                        // Nothing ends what it begins. But rustdoc panics where it finds two such backticks, and its
                        // version of the reader finds some ends in other blocks.
                        '`' | '[' => edits.push(escape(at)),
                        '<' if begins_tag() => edits.push(escape(at)),
                        'h' if at >= link && is_url(&text[at..]) => {
                            read = at + url(&text[at..]);
                            edits.push((at..read, format!("<{}>", &text[at..read])));
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    edits.sort_by_key(|(place, _)| place.start);
    let mut marked = text.to_owned();
    for (place, words) in edits.iter().rev() {
        marked.replace_range(place.clone(), words);
    }
    (!edits.is_empty()).then_some(marked)
}

/// HTML, and what links to anything but another site.
fn is_more(event: &Event<'_>) -> bool {
    match event {
        Event::Start(
            Tag::Link {
                link_type, dest_url, ..
            }
            | Tag::Image {
                link_type, dest_url, ..
            },
        ) => *link_type != LinkType::Email && !is_url(dest_url) || dest_url.contains('`'),
        Event::Start(Tag::HtmlBlock | Tag::FootnoteDefinition(_))
        | Event::InlineHtml(_)
        | Event::FootnoteReference(_)
        | Event::TaskListMarker(_) => true,
        _ => false,
    }
}

/// Writes a block of code with a fence that says what it is not: Rust.
fn code_block(text: &str, block: &Range<usize>, kind: &CodeBlockKind<'_>, code: &str) -> Option<Edit> {
    let line = text[..block.start].rfind('\n').map_or(0, |end| end + 1);
    let mut before = without_tabs(&text[line..block.start]);
    before = before.replace('>', "> ").replace(">  ", "> "); // the first blank does not count, if there is one
    let language = match kind {
        CodeBlockKind::Indented => {
            before.truncate(before.len().saturating_sub(4));
            "text"
        }
        CodeBlockKind::Fenced(info) => {
            let language = language(info);
            let is_closed = text[block.clone()].lines().count() > 1 + code.lines().count();
            if is_closed && language == &**info {
                return None;
            }
            language
        }
    };
    // The marks of quotes are repeated on each line, those of items are not.
    let below: String = before.chars().map(|c| if c == '>' { c } else { ' ' }).collect();
    let mut written = before + &fenced(&below, language, code);
    if text[block.clone()].ends_with('\n') {
        written.push('\n');
    }
    Some((line..block.end, written))
}

fn fenced(below: &str, language: &str, code: &str) -> String {
    let mut fence = "```".to_owned();
    while code.contains(&fence) {
        fence.push('`');
    }
    let lines: String = code
        .lines()
        .map(|line| format!("{}\n", format!("{below}{line}").trim_end()))
        .collect();
    format!("{fence}{language}\n{lines}{below}{fence}")
}

/// With blanks up to the column where each tab ends.
fn without_tabs(text: &str) -> String {
    text.chars().fold(String::new(), |mut line, c| {
        match c {
            '\t' => line.extend(std::iter::repeat_n(' ', 4 - line.len() % 4)),
            c => line.push(c),
        }
        line
    })
}

/// What a block is in, if it says so. Rust is text, too: it would be run.
fn language(info: &str) -> &str {
    let word = info.split([' ', ',', '{']).next().unwrap_or_default();
    match word {
        "json" | "yaml" | "xml" | "html" | "http" | "csv" | "sh" | "bash" | "console" | "curl" | "sql" | "js"
        | "javascript" | "ruby" | "python" | "php" => word,
        _ => "text",
    }
}

fn is_url(text: &str) -> bool {
    url(text) > 0
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
    use proptest::prelude::*;
    use pulldown_cmark::{BrokenLink, CodeBlockKind, CowStr, Event, LinkType, Parser, Tag, TagEnd};

    use super::{OPTIONS, markdown};

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
            ("Of a *new* <uuid>:\n- `a`\n- b", "Of a new <uuid>:"),
            ("- `a`\n- b\n  - c\n\n  d\n\nMore.", "`a` b c d"),
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
            ("- ~~~ Send it", r"\- ~~~ Send it."),
            ("[a]: https://a.example", r"\[a]: <https://a.example>."),
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
            (
                "[page]\n\n[page]: https://a.example",
                "[page]\n\n[page]: https://a.example",
            ),
            ("[page]\n\n[page]: page", "\\[page]\n\n\\[page]: page"),
            ("![[x]](https://a.example)", r"!\[\[x]](<https://a.example>)"),
            ("a note[^1]\n\n[^1]: [x]", "a note\\[^1]\n\n\\[^1]: \\[x]"),
            ("<https://a.example/?b[c]=1>", "<https://a.example/?b[c]=1>"),
            ("- [ ] to do", r"- \[ ] to do"),
            ("<a@b.example>, <std::vec>", r"<a@b.example>, \<std::vec>"),
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
            ("```\na\n```", "- `x`:\n\n  ```text\n  a\n  ```\n"),
            ("    a", "- `x`:\n\n  ```text\n  a\n  ```\n"),
            ("> a", "- `x`:\n\n  > a\n"),
            ("\n~~~\na", "- `x`:\n\n  ```text\n  a\n  ```\n"),
            ("- a\n\n     b", "- `x`:\n\n  - a\n\n       b\n"),
        ] {
            assert_eq!(super::item("x", given), shown, "{given}");
        }
    }

    #[test]
    fn no_block_is_a_test() {
        for (given, shown) in [
            ("```\nx\n```", "```text\nx\n```"),
            ("```rust\nx\n```\nafter", "```text\nx\n```\nafter"),
            ("~~~json\n{}\n~~~", "~~~json\n{}\n~~~"),
            ("~~~rust\nx\n~~~", "```text\nx\n```"),
            ("```\nnever closed", "```text\nnever closed\n```"),
            (
                "Such as:\n\n    a\n\n    b\n\nafter",
                "Such as:\n\n```text\na\n\nb\n```\n\nafter",
            ),
            ("    ```\n    x", "````text\n```\nx\n````"),
            ("#no head\n    goes on", "#no head\n    goes on"),
            ("# Head\n    code", "# Head\n```text\ncode\n```"),
            ("- item\n\n    more", "- item\n\n    more"),
            ("- item\n\n      code", "- item\n\n  ```text\n  code\n  ```"),
            ("- item\n  ```\n  x\n  ```", "- item\n  ```text\n  x\n  ```"),
            ("> ```\n> x", "> ```text\n> x\n> ```"),
            ("a paragraph\n    goes on", "a paragraph\n    goes on"),
            ("Head\n====\n    code", "Head\n====\n```text\ncode\n```"),
            ("Head\n-\n    code", "Head\n-\n```text\ncode\n```"),
            ("***\n    code", "***\n```text\ncode\n```"),
            ("- a\n- b\n* * *\n    code", "- a\n- b\n* * *\n```text\ncode\n```"),
            ("- a\n  ---\n      code", "- a\n  ---\n  ```text\n  code\n  ```"),
            ("- a\n- b\n***\n    code", "- a\n- b\n***\n```text\ncode\n```"),
            (
                "1. a\n2. b\n   ```\n   x\n   ```",
                "1. a\n2. b\n   ```text\n   x\n   ```",
            ),
            ("-     code", "- ```text\n  code\n  ```"),
            (
                "-\t\tcode\n1.      code",
                "-   ```text\n      code\n    ```\n1. ```text\n    code\n   ```",
            ),
            ("- -     code", "- - ```text\n    code\n    ```"),
            ("- ```rust\n  x\n  ```", "- ```text\n  x\n  ```"),
            ("a\n1. ~~~\n   x", "a\n1. ```text\n   x\n   ```"),
            ("- >     x", "- > ```text\n  > x\n  > ```"),
            (">1. ~~~\n>    x", "> 1. ```text\n>    x\n>    ```"),
            ("a\n    ```\n    x", "a\n    \\`\\`\\`\n    x"),
            ("\n\n  ```\n  x\n  ```", "\n\n  ```text\n  x\n  ```"),
            ("a\n2) b\n\n     code", "a\n2) b\n\n```text\n code\n```"),
            ("  - a\n\n      more", "  - a\n\n      more"),
            ("- a\n  - b\n    - c\n\n      d", "- a\n  - b\n    - c\n\n      d"),
            ("  \tcode", "```text\ncode\n```"),
        ] {
            assert_eq!(markdown(given), shown, "{given}");
        }
    }

    /// What means something in Markdown, in any order.
    fn anything() -> impl Strategy<Value = String> {
        let pieces: Vec<&str> = "\
            ` `` ``` ```` ~~~ ```rust ~~~json ``` ` rust json text > - 1. 2) * + # --- === *** ** _ ~~ | |-| \
            [ ] ( ) ]( [a] [a]: ](https://a.example) https://a.example/b http:// <https://a.example> [^1] [^1]: ! \
            < <b> </b> <div> <!-- --> <? <![CDATA[ <script> <a@b.c> <a:b> \\ &lt; & ' \" : a é b_c"
            .split(' ')
            .chain([
                " ", "  ", "    ", "\t", "\n", "\n\n", "\n  ", "\n    ", "\n\n    ", "\r\n", "- [ ] ", "\u{202e}",
            ])
            .collect();
        let blank = prop_oneof![2 => Just(""), 1 => Just(" "), 1 => Just("\n")];
        let piece = (prop::sample::select(pieces), blank).prop_map(|(piece, blank)| format!("{piece}{blank}"));
        prop::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
    }

    /// The first thing that rustdoc sees besides words, with more text below.
    fn more(text: &str) -> Option<String> {
        let text = format!("{text}\n\nbelow");
        let any = |_: BrokenLink<'_>| Some((CowStr::Borrowed(""), CowStr::Borrowed("")));
        let events = Parser::new_with_broken_link_callback(&text, OPTIONS, Some(any));
        for (name, definition) in events.reference_definitions().iter() {
            if !definition.dest.starts_with("http") {
                return Some(name.to_owned());
            }
        }
        let (mut open, mut place) = (Vec::new(), Vec::new());
        for event in events {
            let is_more = match &event {
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => !matches!(&**info, "json" | "text"),
                Event::Start(
                    Tag::Link {
                        link_type, dest_url, ..
                    }
                    | Tag::Image {
                        link_type, dest_url, ..
                    },
                ) => *link_type != LinkType::Email && !dest_url.starts_with("http"),
                Event::Start(Tag::CodeBlock(_) | Tag::HtmlBlock | Tag::FootnoteDefinition(_))
                | Event::InlineHtml(_)
                | Event::FootnoteReference(_)
                | Event::TaskListMarker(_) => true,
                Event::Text(words) => {
                    let mut around = open.iter();
                    words.contains("https://a") && !around.any(|tag| matches!(tag, TagEnd::Link | TagEnd::CodeBlock))
                }
                _ => false,
            };
            if is_more {
                return Some(format!("{event:?}"));
            }
            match event {
                Event::Start(tag) => open.push(tag.to_end()),
                Event::End(_) => drop(open.pop()),
                Event::Text(_) => place.clone_from(&open),
                _ => {}
            }
        }
        (place != [TagEnd::Paragraph]).then(|| "the text below".to_owned())
    }

    proptest! {
        #[test]
        fn words_are_no_more_than_words(given in anything()) {
            let in_line = given.replace('\n', " ");
            for shown in [markdown(&given), super::item("x", &given), super::sentence(&in_line)] {
                prop_assert_eq!(more(&shown), None, "{}", shown);
                prop_assert_eq!(&markdown(&shown), shown.trim_end());
            }
            prop_assert!(!super::plain(&given).contains('\n'));
        }
    }
}
