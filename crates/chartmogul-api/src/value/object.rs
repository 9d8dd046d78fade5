//! Declares objects in responses, and reads and writes them; see [`object!`].

use crate::{Field, List};

/// The required fields of an object. A macro, because without all features of syn, which only other crates of this
/// workspace enable, schemars accepts nothing else.
#[cfg(feature = "schemars")]
macro_rules! required {
    ($($wire:literal $($required:ident)?),*) => {
        $crate::value::object::Required(&[$($({ let _ = stringify!($required); $wire },)?)*])
    };
}
#[cfg(feature = "schemars")]
pub(crate) use required;

/// Declares an object in a response: a struct that is read field by field, so that an unexpected value does not affect
/// the others, and that keeps what this version does not know.
///
/// Each field is a [`Field`]. One that is `required` is a [`List`]: without it, a response is not this object.
///
/// ```ignore
/// object! {
///     /// A page of opportunities.
///     pub struct OpportunityPage {
///         /// The opportunities of this page.
///         pub entries: List<Opportunity> = "entries" required,
///         /// Whether there is another page.
///         pub has_more: Field<bool> = "has_more",
///     }
/// }
/// ```
macro_rules! object {
    (
        $(#[$doc:meta])*
        pub struct $name:ident {
            $($(#[$field_doc:meta])* pub $field:ident: $ty:ty = $wire:literal $($required:ident)?,)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Default)]
        #[cfg_attr(
            feature = "schemars",
            derive(schemars::JsonSchema),
            schemars(transform = $crate::value::object::required!($($wire $($required)?),*))
        )]
        #[non_exhaustive]
        pub struct $name {
            $(
                $(#[$field_doc])*
                #[cfg_attr(
                    feature = "schemars",
                    schemars(rename = $wire, default, skip_serializing_if = "crate::value::object::always")
                )]
                pub $field: $ty,
            )*
            /// Fields that this version does not know.
            #[cfg_attr(feature = "schemars", schemars(flatten))]
            pub extra: serde_json::Map<String, serde_json::Value>,
        }

        impl $crate::value::field::Sealed for $name {}

        impl $crate::FieldValue for $name {
            #[allow(deprecated, unused_assignments, unused_mut)]
            fn from_object<'de, A: serde::de::MapAccess<'de>>(mut object: A) -> Result<$crate::Field<Self>, A::Error> {
                let mut read = Self::default();
                let mut missing = None::<&'static str>;
                $($(let _ = stringify!($required); missing = Some($wire);)?)*
                while let Some(name) = object.next_key::<$crate::value::field::Name<'de>>()? {
                    match name.as_str() {
                        $($wire => {
                            read.$field = object.next_value()?;
                            $(let _ = stringify!($required); missing = None;)?
                        })*
                        _ => {
                            read.extra.insert(name.into(), object.next_value()?);
                        }
                    }
                }
                match missing {
                    Some(name) => Err(serde::de::Error::missing_field(name)),
                    None => Ok($crate::Field::Value(read)),
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::value::field::expect(deserializer, concat!("an object (", stringify!($name), ")"))
            }
        }

        impl serde::Serialize for $name {
            #[allow(deprecated)]
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap as _;
                let mut object = serializer.serialize_map(None)?;
                $(if !$crate::value::object::ObjectField::is_absent(&self.$field) {
                    object.serialize_entry($wire, &self.$field)?;
                })*
                for (name, value) in &self.extra {
                    object.serialize_entry(name, value)?;
                }
                object.end()
            }
        }

        impl $crate::runtime::ResponseBody for $name {
            const SHAPE: $crate::runtime::Shape = $crate::runtime::Shape::Object;
        }
    };
}
pub(crate) use object;

/// A type that a field of an [`object!`] can have.
pub(crate) trait ObjectField {
    /// Whether the field was missing in the response, so that it is not written back.
    fn is_absent(&self) -> bool {
        false
    }
}

impl<T> ObjectField for Field<T> {
    fn is_absent(&self) -> bool {
        Field::is_absent(self)
    }
}

impl<T> ObjectField for List<T> {}

/// Skips defaults in the JSON Schema: no field has one worth stating.
#[cfg(feature = "schemars")]
pub(crate) fn always<T>(_: &T) -> bool {
    true
}

/// Adds the required fields to a JSON Schema; all others are optional.
#[cfg(feature = "schemars")]
#[derive(Clone)]
pub(crate) struct Required(pub(crate) &'static [&'static str]);

#[cfg(feature = "schemars")]
impl schemars::transform::Transform for Required {
    fn transform(&mut self, schema: &mut schemars::Schema) {
        if !self.0.is_empty() {
            schema.insert("required".to_owned(), self.0.into());
        }
    }
}
