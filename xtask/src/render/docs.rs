//! Documentation comments.

use proc_macro2::TokenStream;
use quote::quote;

/// One `///` line for each line of the text.
pub(super) fn comment(text: &str) -> TokenStream {
    let lines = lines(text);
    quote! { #(#[doc = #lines])* }
}

/// The same as text, for code that is not made of tokens.
pub(super) fn comment_text(text: &str, indent: &str) -> String {
    lines(text).iter().map(|line| format!("{indent}///{line}\n")).collect()
}

fn lines(text: &str) -> Vec<String> {
    let mut lines: Vec<_> = text
        .trim()
        .lines()
        .map(|line| {
            if line.trim().is_empty() {
                String::new()
            } else {
                format!(" {}", line.trim_end())
            }
        })
        .collect();
    lines.dedup_by(|line, above| line.is_empty() && above.is_empty()); // where a part has nothing to say
    lines
}

/// The page of the API reference, as a last line.
pub(super) fn source(url: &str) -> String {
    format!("Source: <{url}>")
}
