//! Which numbers may be meant by a text that a person or a spreadsheet wrote.

/// Whether the text is digits, with an optional point before decimals and an optional leading minus.
pub(super) fn is_plain(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    are_digits(whole) && are_digits(decimals)
}

/// Whether the text is digits with at most a sign, as people and spreadsheets write it.
pub(super) fn is_signed(text: &str) -> bool {
    let digits = text.trim_matches(|c: char| is_space(c) || matches!(c, '\'' | '+' | '-' | '\u{2212}' | '(' | ')'));
    digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// The numbers that a text may stand for: as people and spreadsheets write them, with separators, units and currencies.
pub(super) fn numbers_meant(text: &str) -> Vec<String> {
    let mut text = text.trim().trim_start_matches('\'').trim();
    let mut negative = false;
    if let Some(inner) = text.strip_prefix('(').and_then(|text| text.strip_suffix(')')) {
        (text, negative) = (inner.trim(), true); // as accountants write it
    }
    let is_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '-' | '+' | '\u{2212}');
    // A currency or a percent sign on either side.
    let (Some(from), Some(to)) = (text.find(is_number), text.rfind(is_number)) else {
        return Vec::new();
    };
    let is_last = |c: char| c.len_utf8() + to;
    let end = text[to..].chars().next().map_or(text.len(), is_last);
    let (before, number, after) = (&text[..from], &text[from..end], &text[end..]);
    let is_unit = |unit: &str| {
        let unit = unit.trim_matches(is_space);
        let is_code = || crate::money::decimals(&unit.to_uppercase()).is_ok();
        unit.is_empty() || matches!(unit, "%" | "k" | "K") || unit.chars().all(is_currency) || is_code()
    };
    if !is_unit(before) || !is_unit(after) {
        return Vec::new();
    }
    let thousands = match after.trim_matches(is_space) {
        "k" | "K" => "000",
        _ => "",
    };
    let mut number = number;
    for minus in ['-', '\u{2212}'] {
        if let Some(rest) = number.strip_prefix(minus).or_else(|| number.strip_suffix(minus)) {
            (number, negative) = (rest, true);
        }
    }
    number = number.strip_prefix('+').unwrap_or(number).trim_matches(is_space);
    let number: String = number
        .chars()
        .map(|c| {
            if is_space(c) || matches!(c, '\'' | '\u{2019}' | '_') {
                ' '
            } else {
                c
            }
        })
        .collect();
    let sign = if negative { "-" } else { "" };
    let meant = plain_numbers(&number);
    meant
        .into_iter()
        .filter(|number| thousands.is_empty() || !number.contains('.'))
        .map(|number| format!("{sign}{number}{thousands}"))
        .collect()
}

fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{a0}' | '\u{202f}' | '\u{2009}')
}

fn is_currency(c: char) -> bool {
    matches!(
        c,
        '$' | '£' | '¥' | '€' | '¢' | '₹' | '₩' | '₽' | '₺' | '₴' | '₫' | '฿' | '₪' | '₦' | '₱' | '₡'
    )
}

/// The numbers that digits with points, commas and spaces between them may stand for.
fn plain_numbers(text: &str) -> Vec<String> {
    let groups: Vec<&str> = text.split([',', '.', ' ']).collect();
    if groups
        .iter()
        .any(|group| group.is_empty() || !group.bytes().all(|byte| byte.is_ascii_digit()))
    {
        return Vec::new();
    }
    let separators: Vec<char> = text.chars().filter(|c| !c.is_ascii_digit()).collect();
    let joined = groups.concat();
    let whole = |groups: &[&str]| groups.concat();
    let in_thousands = |groups: &[&str]| groups[0].len() <= 3 && groups[1..].iter().all(|group| group.len() == 3);
    let Some((last, others)) = separators.split_last() else {
        return vec![joined];
    };
    let Some((decimals, before)) = groups.split_last() else {
        return Vec::new();
    };
    let same = others.iter().all(|other| other == last);
    match (last, others) {
        (' ', _) if same && in_thousands(&groups) => vec![joined],
        (' ', _) => Vec::new(),
        // One separator: of thousands, or of decimals.
        (mark, []) if in_thousands(&groups) && decimals.len() == 3 && groups[0] != "0" => match mark {
            ',' => vec![joined, format!("{}.{decimals}", groups[0])],
            _ => vec![format!("{}.{decimals}", groups[0]), joined],
        },
        (_, []) => vec![format!("{}.{decimals}", groups[0])],
        _ if same && in_thousands(&groups) => vec![joined],
        // Two kinds of separators: the last one is the decimal separator.
        _ if !others.contains(last) && others.iter().all(|other| *other == others[0]) && in_thousands(before) => {
            vec![format!("{}.{decimals}", whole(before))]
        }
        _ => Vec::new(),
    }
}
