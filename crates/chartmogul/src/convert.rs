use chrono::NaiveDate;

use crate::InvalidInput;

/// What can be given where a calendar day is expected: a [`chrono::NaiveDate`], or text such as `2026-01-31`.
pub trait IntoDate {
    /// The day, or why there is none; `field` is for the message.
    fn into_date(self, field: &str) -> Result<NaiveDate, InvalidInput>;
}

impl IntoDate for NaiveDate {
    fn into_date(self, _: &str) -> Result<NaiveDate, InvalidInput> {
        Ok(self)
    }
}

impl IntoDate for &str {
    fn into_date(self, field: &str) -> Result<NaiveDate, InvalidInput> {
        // chrono also reads `2026-1-5` and `+2026-01-05`; the API's format is ten characters.
        let day = (self.len() == 10).then(|| self.parse().ok()).flatten();
        day.ok_or_else(|| InvalidInput::new(field, &self, "a calendar day written as 2026-01-31"))
    }
}

impl IntoDate for String {
    fn into_date(self, field: &str) -> Result<NaiveDate, InvalidInput> {
        self.as_str().into_date(field)
    }
}

impl IntoDate for &String {
    fn into_date(self, field: &str) -> Result<NaiveDate, InvalidInput> {
        self.as_str().into_date(field)
    }
}

/// A builder reports the first value that was wrong.
pub(crate) fn keep_first(kept: &mut Option<InvalidInput>, wrong: InvalidInput) {
    kept.get_or_insert(wrong);
}
