//! One file of the document: its content, and the position of each value.

use std::{collections::HashMap, sync::OnceLock};

use granit_parser::{Event, Parser, ScalarStyle, Span};
use serde_json::Value;

use super::pointer::child;
use crate::finding::{Finding, Findings, Rule};

/// Line and column, from 1.
pub(super) type Place = (usize, usize);

/// A file that was parsed.
pub(super) struct Source {
    /// Its path, relative to the workspace.
    pub(super) file: String,
    pub(super) root: Value,
    pub(super) places: HashMap<String, Place>,
    /// Pointers and texts of plain scalars that YAML 1.1 reads as something else.
    pub(super) ambiguous: Vec<(String, String)>,
}

impl Source {
    /// Reads a file.
    pub(super) fn read(file: &str, bytes: Vec<u8>) -> Result<Self, Findings> {
        let text = String::from_utf8(bytes).map_err(|error| {
            let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = before.split(|byte| *byte == b'\n').count();
            let column = 1 + before.iter().rev().take_while(|byte| **byte != b'\n').count();
            Finding {
                rule: Rule::Yaml,
                file: file.to_owned(),
                line,
                column,
                pointer: String::new(),
                operation: None,
                problem: "not UTF-8".to_owned(),
                help: "save the document as UTF-8; the column counts bytes".to_owned(),
            }
        })?;
        // YAML 1.2: `no` and `on` are strings. Repeated keys, deep nesting and alias bombs are errors.
        // The usual limit of 250,000 values would be reached at some 600 operations.
        let options = serde_saphyr::options! {
            strict_booleans: true,
            budget: serde_saphyr::budget! { max_nodes: 1_000_000 },
        };
        let root: Value = serde_saphyr::from_str_with_options(&text, options).map_err(|error| {
            let location = error.location();
            let at = |pick: fn(&serde_saphyr::Location) -> u64| {
                location
                    .as_ref()
                    .and_then(|l| usize::try_from(pick(l)).ok())
                    .unwrap_or(1)
                    .max(1)
            };
            Finding {
                rule: Rule::Yaml,
                file: file.to_owned(),
                line: at(serde_saphyr::Location::line),
                column: at(serde_saphyr::Location::column),
                pointer: String::new(),
                operation: None,
                problem: format!("not valid YAML: {}", problem(&error.without_snippet().to_string())),
                help: "correct the syntax; the parser stopped here, the cause may be above".to_owned(),
            }
        })?;
        let (places, ambiguous) = locate(&text);
        Ok(Self {
            file: file.to_owned(),
            root,
            places,
            ambiguous,
        })
    }
}

/// The first line of the parser's message; reworded where it is meant for programmers.
fn problem(said: &str) -> String {
    let line = said.lines().next().unwrap_or_default();
    let line = line.split(" at line ").next().unwrap_or(line); // the finding shows the position
    let known = [
        ("duplicate mapping key: ", ", set ", "the key `{}` is there twice"),
        (
            "multiple YAML documents detected",
            "",
            "there is more than one document; `---` begins another",
        ),
        ("budget breached: Depth", "", "it is nested too deeply"),
        ("budget breached: ", "", "it is too large, or its aliases make it so"),
    ];
    for (begin, end, words) in known {
        if let Some(rest) = line.strip_prefix(begin) {
            let name = rest.split_once(end).map_or(rest, |(name, _)| name);
            return words.replace("{}", name);
        }
    }
    line.to_owned()
}

/// The position of each JSON pointer: a property's key, an element's start.
fn locate(text: &str) -> (HashMap<String, Place>, Vec<(String, String)>) {
    enum Open {
        Mapping { pointer: String, key: Option<String> },
        Sequence { pointer: String, next: usize },
    }
    let mut found = HashMap::new();
    let mut ambiguous = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    for event in Parser::new_from_str(text) {
        // The document was parsed before; a value without a position gets that of its parent.
        let Ok((event, span)) = event else { break };
        let is_node = matches!(
            event,
            Event::Scalar(..) | Event::MappingStart(..) | Event::SequenceStart(..) | Event::Alias(..)
        );
        let mut pointer = String::new();
        if is_node {
            match open.last_mut() {
                Some(Open::Mapping { pointer: parent, key }) => {
                    if let Some(name) = key.take() {
                        pointer = child(parent, &name);
                    } else {
                        // A key that is not a scalar can't be in JSON either.
                        let name = if let Event::Scalar(name, ..) = &event {
                            name.to_string()
                        } else {
                            String::new()
                        };
                        if is_ambiguous(&event) {
                            ambiguous.push((child(parent, &name), name.clone()));
                        }
                        found.insert(child(parent, &name), place(&span));
                        *key = Some(name);
                        continue;
                    }
                }
                Some(Open::Sequence { pointer: parent, next }) => {
                    pointer = child(parent, &next.to_string());
                    *next += 1;
                }
                None => {}
            }
            found.entry(pointer.clone()).or_insert_with(|| place(&span));
            if let Event::Scalar(text, ..) = &event
                && is_ambiguous(&event)
            {
                ambiguous.push((pointer.clone(), text.to_string()));
            }
        }
        match event {
            Event::MappingStart(..) => open.push(Open::Mapping { pointer, key: None }),
            Event::SequenceStart(..) => open.push(Open::Sequence { pointer, next: 0 }),
            Event::MappingEnd | Event::SequenceEnd => {
                open.pop();
            }
            _ => {}
        }
    }
    (found, ambiguous)
}

/// Whether YAML 1.1 tools read a scalar without quotes differently.
fn is_ambiguous(event: &Event<'_>) -> bool {
    let Event::Scalar(text, ScalarStyle::Plain, ..) = event else {
        return false;
    };
    let begins_like_a_number = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'));
    let is_word = matches!(
        text.to_ascii_lowercase().as_str(),
        "y" | "n" | "yes" | "no" | "on" | "off" | "=" | "<<"
    );
    is_word || begins_like_a_number && is_another_number(text)
}

/// Numbers and times of YAML 1.1 that are text or other numbers in YAML 1.2, and vice versa.
fn is_another_number(text: &str) -> bool {
    static OTHERS: OnceLock<Option<regex_lite::Regex>> = OnceLock::new();
    let others = OTHERS.get_or_init(|| {
        let forms = [
            r"[-+]?[0-9][0-9_]*(:[0-9]+)+(\.[0-9_]*)?",      // in base 60: 12:30:00
            r"[0-9]{4}-[0-9]{2}-[0-9]{2}.*",                 // a day, or an instant
            r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt]|[ \t]).*", // an instant
            r"[-+]?0[0-9_]+",                                // octal: 0123
            r"[-+]?0b[01_]+",                                // binary
            r"[-+]?0o[0-7]+",                                // octal in YAML 1.2 only
            r"[-+]?0x[0-9a-fA-F_]*_[0-9a-fA-F_]*",           // with underscores
            r"[-+]?[0-9][0-9_]*_[0-9_]*(\.[0-9_]*)?",
            r"[-+]?[0-9]+\.[0-9]*_[0-9_]*",
            r"[-+]?([0-9]+|[0-9]+\.[0-9]*|\.[0-9]+)[eE][0-9]+", // 1.1 needs a sign: 1.0e+3
            r"[-+]?[0-9]+[eE][-+][0-9]+",                       // and a point
        ];
        regex_lite::Regex::new(&format!("^(?:{})$", forms.join("|"))).ok()
    });
    others.as_ref().is_some_and(|others| others.is_match(text))
}

fn place(span: &Span) -> Place {
    (span.start.line(), span.start.col() + 1)
}
