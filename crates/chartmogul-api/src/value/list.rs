use std::{fmt, ops::Deref};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::SeqAccess, ser::SerializeSeq as _};
use serde_json::Value;

use super::field;
use crate::{Field, FieldValue};

/// A list in a response: its items, and what the server sent among them that is not an item.
///
/// It dereferences to a slice, and can be turned into an iterator like a `Vec`. An unexpected item does not affect the others:
/// what is not an object (or not a text, in a list of texts) is in [`unexpected`](List::unexpected), with its index, and is
/// written back at that index.
///
/// ```
/// use chartmogul_api::List;
///
/// let tags: List<String> = serde_json::from_str(r#"["vip", null, "trial"]"#)?;
/// assert_eq!(tags.len(), 2);
/// assert_eq!(tags[1], "trial");
/// assert_eq!(tags.unexpected(), [(1, serde_json::Value::Null)]);
///
/// for tag in tags {
///     println!("{tag}");
/// }
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct List<T> {
    items: Vec<T>,
    unexpected: Vec<(usize, Value)>,
}

impl<T> List<T> {
    /// The unexpected items, each with its index in the list as it was received.
    pub fn unexpected(&self) -> &[(usize, Value)] {
        &self.unexpected
    }

    /// The items, without what is unexpected.
    pub fn into_vec(self) -> Vec<T> {
        self.items
    }
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Vec::new().into()
    }
}

impl<T> From<Vec<T>> for List<T> {
    fn from(items: Vec<T>) -> Self {
        Self {
            items,
            unexpected: Vec::new(),
        }
    }
}

impl<T> Deref for List<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.items
    }
}

impl<T> IntoIterator for List<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

impl<'a, T> IntoIterator for &'a List<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter()
    }
}

impl<T: fmt::Debug> fmt::Debug for List<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.unexpected.is_empty() {
            return self.items.fmt(f);
        }
        f.debug_struct("List")
            .field("items", &self.items)
            .field("unexpected", &self.unexpected)
            .finish()
    }
}

impl<T: FieldValue> Serialize for List<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Item<'a, T>(&'a T);
        impl<T: FieldValue> Serialize for Item<'_, T> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.0.write(serializer)
            }
        }

        let count = self.items.len() + self.unexpected.len();
        let mut list = serializer.serialize_seq(Some(count))?;
        let mut items = self.items.iter();
        let mut unexpected = self.unexpected.iter().peekable();
        for index in 0..count {
            if let Some((_, json)) = unexpected.next_if(|(at, _)| *at == index) {
                list.serialize_element(json)?;
            } else if let Some(item) = items.next() {
                list.serialize_element(&Item(item))?;
            }
        }
        list.end()
    }
}

impl<'de, T: FieldValue> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        field::expect(deserializer, "a list")
    }
}

impl<T: FieldValue> field::Sealed for List<T> {}

impl<T: FieldValue> FieldValue for List<T> {
    fn from_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Field<Self>, A::Error> {
        let mut read = Self::default();
        while let Some(item) = list.next_element()? {
            let json = match item {
                Field::Value(item) => {
                    read.items.push(item);
                    continue;
                }
                Field::Unexpected(json) => json,
                Field::Null | Field::Absent => Value::Null,
            };
            read.unexpected.push((read.items.len() + read.unexpected.len(), json));
        }
        Ok(Field::Value(read))
    }
}

#[cfg(feature = "schemars")]
impl<T: schemars::JsonSchema> schemars::JsonSchema for List<T> {
    fn inline_schema() -> bool {
        Vec::<T>::inline_schema()
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        Vec::<T>::schema_name()
    }
    fn schema_id() -> std::borrow::Cow<'static, str> {
        Vec::<T>::schema_id()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Vec::<T>::json_schema(generator)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // tests
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn odd_items_are_kept_where_they_were() {
        for text in [
            "[]",
            r#"["a","b"]"#,
            r#"[null,"a",1,"b",{"c":[1.5]},true]"#,
            "[null,null]",
        ] {
            let list: List<String> = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&list).unwrap(), text);
        }
        let list: List<i64> = serde_json::from_str(r#"["x", 1, null, 2]"#).unwrap();
        assert_eq!(list.unexpected(), [(0, json!("x")), (2, Value::Null)]);
        assert_eq!(
            format!("{list:?}"),
            r#"List { items: [1, 2], unexpected: [(0, String("x")), (2, Null)] }"#
        );
        assert_eq!(list.into_vec(), [1, 2]);
    }

    #[test]
    fn what_is_no_list_is_kept_in_a_field_and_an_error_elsewhere() {
        for text in [r#"{"a":1}"#, r#""secret""#, "5"] {
            let field: Field<List<i64>> = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&field).unwrap(), text);
            let error = serde_json::from_str::<List<i64>>(text).unwrap_err().to_string();
            assert!(error.starts_with("expected a list, found something else"), "{error}");
        }
        assert_eq!(serde_json::from_str::<Field<List<i64>>>("null").unwrap(), Field::Null);
    }

    #[test]
    fn items_are_written_as_the_api_writes_them() {
        let text = r#"["2026-01-31T12:00:00.000Z"]"#;
        let list: List<chrono::DateTime<chrono::Utc>> = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&list).unwrap(), text);
    }

    #[test]
    fn it_reads_like_a_slice() {
        let list = List::from(vec![1, 2, 3]);
        assert_eq!((list.len(), list.first(), list.iter().sum::<i32>()), (3, Some(&1), 6));
        assert_eq!((&list).into_iter().count(), 3);
        assert_eq!(list.into_iter().collect::<Vec<_>>(), [1, 2, 3]);
    }
}
