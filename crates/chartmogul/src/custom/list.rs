use chartmogul_api::types::CustomAttribute;

use crate::CustomAttributeValue;

/// Custom attributes to send: a list that keeps its order, with values of any of the five types.
///
/// If all values have one type, a plain array will do: `[("seats", 4), ("floors", 2)]`.
///
/// ```
/// use chartmogul::CustomAttributeList;
///
/// let custom = CustomAttributeList::new().set("seats", 4).set("discount", 0.25).set("vip", true).set("campaign", "Spring");
/// assert_eq!(custom.into_iter().count(), 4);
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
#[must_use = "attributes do nothing until they are passed to a request"]
pub struct CustomAttributeList(Vec<CustomAttribute>);

impl CustomAttributeList {
    /// No attributes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an attribute; one with the same key gets the new value.
    pub fn set(mut self, key: impl Into<String>, value: impl Into<CustomAttributeValue>) -> Self {
        let (key, value) = (key.into(), value.into());
        match self.0.iter_mut().find(|attribute| attribute.key == key) {
            Some(attribute) => attribute.value = value,
            None => self.0.push((key, value).into()),
        }
        self
    }
}

impl IntoIterator for CustomAttributeList {
    type Item = CustomAttribute;
    type IntoIter = std::vec::IntoIter<CustomAttribute>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<K: Into<String>, V: Into<CustomAttributeValue>> FromIterator<(K, V)> for CustomAttributeList {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(attributes: I) -> Self {
        attributes
            .into_iter()
            .fold(Self::new(), |custom, (key, value)| custom.set(key, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_of_a_key_counts_and_order_stays() {
        let custom: CustomAttributeList = [("b", 1), ("a", 2), ("b", 3)].into_iter().collect();
        assert_eq!(custom, CustomAttributeList::new().set("b", 3).set("a", 2));
    }
}
