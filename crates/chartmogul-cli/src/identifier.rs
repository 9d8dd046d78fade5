//! Identifiers of objects: a UUID, after a prefix for the kind of object.

use chartmogul::chartmogul_api::Parameter;

/// The prefix before the UUID in an identifier: `con_`. `None` if the text is not an identifier.
pub(crate) fn prefix(identifier: &str) -> Option<&str> {
    let (prefix, uuid) = identifier.split_at_checked(identifier.len().checked_sub(LENGTH)?)?;
    is_uuid(uuid).then_some(prefix)
}

/// The number of characters of a UUID.
const LENGTH: usize = 36;

fn is_uuid(text: &str) -> bool {
    let are_digits = |group: &str| group.bytes().all(|byte| byte.is_ascii_hexdigit());
    text.split('-').map(str::len).eq([8, 4, 4, 4, 12]) && text.split('-').all(are_digits)
}

/// The form of the identifiers of a kind, from the document's example.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    prefix: String,
    example: String,
}

impl Shape {
    /// `None` if the example has no UUID.
    pub(crate) fn of(parameter: &Parameter) -> Option<Self> {
        let example: String = serde_json::from_str(parameter.example?).ok()?;
        let prefix = prefix(&example)?.to_owned();
        Some(Self { prefix, example })
    }

    /// # Errors
    /// What it must be, and what was probably meant, if known.
    pub(crate) fn check(&self, text: &str) -> Result<(), (String, Option<String>)> {
        if prefix(text) == Some(self.prefix.as_str()) {
            return Ok(());
        }
        let kind = match self.prefix.as_str() {
            "" => "a UUID".to_owned(),
            prefix => format!("{prefix} and a UUID"),
        };
        Err((format!("must be {kind}, such as {}", self.example), self.within(text)))
    }

    /// Finds the identifier in a link or in other text. One with another prefix identifies something else.
    fn within(&self, text: &str) -> Option<String> {
        let starts = text.char_indices().map(|(at, _)| at);
        let mut uuids = starts.filter_map(|at| Some((at, text.get(at..at + LENGTH)?)));
        let (at, uuid) = uuids.find(|(_, uuid)| is_uuid(uuid))?;
        let before = &text[..at];
        let is_other = before.ends_with('_') && (self.prefix.is_empty() || !before.ends_with(&self.prefix));
        (!is_other).then(|| format!("{}{uuid}", self.prefix))
    }
}

#[cfg(test)]
mod tests {
    use chartmogul::chartmogul_api::operations;

    use super::*;

    const UUID: &str = "4ee13ca4-e7fe-41ee-9a7f-f303abf41acc";

    fn check(operation: &str, text: &str) -> Result<(), (String, Option<String>)> {
        let parameter = operations::find(operation).unwrap().parameters.first().unwrap();
        Shape::of(parameter).unwrap().check(text)
    }

    #[test]
    fn identifiers_are_as_in_the_document() {
        assert_eq!(check("update_opportunity", UUID), Ok(()));
        assert_eq!(check("update_opportunity", &UUID.to_uppercase()), Ok(()));
        assert_eq!(check("update_contact", &format!("con_{UUID}")), Ok(()));
        let other = format!("cus_{UUID}");
        for text in [
            "Total",
            "",
            "x",
            "4ee13ca4",
            "4ee13ca4-e7fe-41ee-9a7f-f303abf41acg",
            &other,
            "größe",
        ] {
            let (must, meant) = check("update_opportunity", text).unwrap_err();
            assert!(must.starts_with("must be a UUID, such as "), "{must}");
            assert_eq!(meant, None, "{text}");
        }
        let (must, meant) = check("update_contact", &other).unwrap_err();
        assert!(must.starts_with("must be con_ and a UUID, such as con_"), "{must}");
        assert_eq!(meant, None);
    }

    #[test]
    fn what_has_one_in_it_says_which() {
        for text in [
            format!("https://app.chartmogul.com/#/opportunities/{UUID}?tab=1"),
            format!("{UUID} (Example Ltd)"),
        ] {
            assert_eq!(check("update_opportunity", &text).unwrap_err().1.as_deref(), Some(UUID));
        }
        assert_eq!(
            check("update_contact", UUID).unwrap_err().1,
            Some(format!("con_{UUID}"))
        );
    }
}
