//! Deserializes a field: directly from the text into the value.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{
        DeserializeSeed, Error as _, IntoDeserializer as _, MapAccess, SeqAccess, Visitor,
        value::{BorrowedStrDeserializer, MapAccessDeserializer, SeqAccessDeserializer},
    },
};
use serde_json::{Number, Value};

use super::Field;
use crate::value::json;

/// A text, a number or a Boolean in a response.
#[derive(Debug, Clone, Copy)]
pub enum Scalar<'a> {
    /// `true` or `false`.
    Boolean(bool),
    /// An integer of 64 bits.
    Integer(i64),
    /// A larger integer.
    Large(u64),
    /// Any other number.
    Decimal(f64),
    /// Text.
    Text(&'a str),
}

impl From<Scalar<'_>> for Value {
    fn from(scalar: Scalar<'_>) -> Self {
        match scalar {
            Scalar::Boolean(truth) => truth.into(),
            Scalar::Integer(number) => number.into(),
            Scalar::Large(number) => number.into(),
            Scalar::Decimal(number) => number.into(),
            Scalar::Text(text) => text.into(),
        }
    }
}

/// Cannot be named outside of this crate, so that only its types are [`FieldValue`]s.
pub trait Sealed {}

/// A type that a [`Field`] can hold: how it is read from JSON, and written back.
///
/// The text is read directly into the value; only an unexpected value becomes a [`Value`].
///
/// Implemented for the types that occur in responses, and for no others:
///
/// ```compile_fail,E0277
/// #[derive(serde::Serialize)]
/// struct Own;
///
/// impl chartmogul_api::FieldValue for Own {}
/// ```
#[doc(hidden)]
pub trait FieldValue: Sealed + Sized + Serialize {
    /// The value, if this is one.
    fn from_scalar(_: Scalar<'_>) -> Option<Self> {
        None
    }

    /// Reads a JSON array. Fails only if the JSON is invalid.
    fn from_list<'de, A: SeqAccess<'de>>(list: A) -> Result<Field<Self>, A::Error> {
        Value::deserialize(SeqAccessDeserializer::new(list)).map(Field::Unexpected)
    }

    /// Reads a JSON object. Fails if the JSON is invalid, or if a required field is missing.
    fn from_object<'de, A: MapAccess<'de>>(object: A) -> Result<Field<Self>, A::Error> {
        Value::deserialize(MapAccessDeserializer::new(object)).map(Field::Unexpected)
    }

    /// Writes the value as the API writes it.
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize(serializer)
    }
}

impl<'de, T: FieldValue> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Read(PhantomData))
    }
}

struct Read<T>(PhantomData<T>);

impl<T: FieldValue> Read<T> {
    fn scalar(scalar: Scalar<'_>) -> Field<T> {
        T::from_scalar(scalar).map_or_else(|| Field::Unexpected(scalar.into()), Field::Value)
    }

    /// Uses the methods of `Number`, which work with every feature of `serde_json`.
    fn number(number: Number) -> Field<T> {
        let scalar = if let Some(integer) = number.as_i64() {
            Some(Scalar::Integer(integer))
        } else if let Some(large) = number.as_u64() {
            Some(Scalar::Large(large))
        } else {
            number.as_f64().map(Scalar::Decimal)
        };
        scalar
            .and_then(T::from_scalar)
            .map_or_else(|| Field::Unexpected(number.into()), Field::Value)
    }
}

impl<'de, T: FieldValue> Visitor<'de> for Read<T> {
    type Value = Field<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }
    fn visit_bool<E>(self, truth: bool) -> Result<Field<T>, E> {
        Ok(Self::scalar(Scalar::Boolean(truth)))
    }
    fn visit_i64<E>(self, number: i64) -> Result<Field<T>, E> {
        Ok(Self::scalar(Scalar::Integer(number)))
    }
    fn visit_u64<E>(self, number: u64) -> Result<Field<T>, E> {
        Ok(Self::scalar(
            i64::try_from(number).map_or(Scalar::Large(number), Scalar::Integer),
        ))
    }
    #[allow(clippy::cast_precision_loss)] // only if a `Number` can't hold it either
    fn visit_i128<E>(self, number: i128) -> Result<Field<T>, E> {
        let exact = Number::from_i128(number).map(Self::number);
        Ok(exact.unwrap_or_else(|| Self::scalar(Scalar::Decimal(number as f64))))
    }
    #[allow(clippy::cast_precision_loss)]
    fn visit_u128<E>(self, number: u128) -> Result<Field<T>, E> {
        let exact = Number::from_u128(number).map(Self::number);
        Ok(exact.unwrap_or_else(|| Self::scalar(Scalar::Decimal(number as f64))))
    }
    fn visit_f64<E>(self, number: f64) -> Result<Field<T>, E> {
        Ok(Self::scalar(Scalar::Decimal(number)))
    }
    fn visit_str<E>(self, text: &str) -> Result<Field<T>, E> {
        Ok(Self::scalar(Scalar::Text(text)))
    }
    fn visit_unit<E>(self) -> Result<Field<T>, E> {
        Ok(Field::Null)
    }
    fn visit_none<E>(self) -> Result<Field<T>, E> {
        Ok(Field::Null)
    }
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Field<T>, D::Error> {
        Field::deserialize(deserializer)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Field<T>, A::Error> {
        T::from_list(list)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Field<T>, A::Error> {
        let first = object.next_key::<Name<'de>>()?;
        // If any crate of the program enables `serde_json/arbitrary_precision`, numbers come as maps with a private
        // name. Only serde_json knows what they mean, so its own type reads them.
        let is_special = first.as_ref().is_some_and(|name| {
            let name = name.as_str();
            name.starts_with(json::PRIVATE) || name == json::UNREADABLE
        });
        let object = Fields { first, rest: object };
        if !is_special {
            return T::from_object(object);
        }
        Ok(match Value::deserialize(MapAccessDeserializer::new(object))? {
            Value::Number(number) => Self::number(number),
            other => Field::Unexpected(other),
        })
    }
}

/// An object whose first name was read ahead.
struct Fields<'de, A> {
    first: Option<Name<'de>>,
    rest: A,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Fields<'de, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        match self.first.take() {
            Some(Name::Borrowed(name)) => seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some),
            Some(Name::Owned(name)) => seed.deserialize(name.into_deserializer()).map(Some),
            None => self.rest.next_key_seed(seed),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.rest.next_value_seed(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        let rest = self.rest.size_hint()?;
        rest.checked_add(usize::from(self.first.is_some()))
    }
}

/// Reads a required value. The error does not quote the value that was received instead, which may be customers' data.
pub(crate) fn expect<'de, T: FieldValue, D: Deserializer<'de>>(deserializer: D, what: &str) -> Result<T, D::Error> {
    match Field::deserialize(deserializer)? {
        Field::Value(value) => Ok(value),
        Field::Null => Err(D::Error::custom(format_args!("expected {what}, found null"))),
        _ => Err(D::Error::custom(format_args!("expected {what}, found something else"))),
    }
}

/// The name of a field; borrowed from the response where that is possible, because most names are only compared.
pub(crate) enum Name<'de> {
    Borrowed(&'de str),
    Owned(String),
}

impl Name<'_> {
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Borrowed(name) => name,
            Self::Owned(name) => name,
        }
    }
}

impl From<Name<'_>> for String {
    fn from(name: Name<'_>) -> Self {
        match name {
            Name::Borrowed(name) => name.to_owned(),
            Name::Owned(name) => name,
        }
    }
}

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Name<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a field")
            }
            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Name<'de>, E> {
                Ok(Name::Borrowed(name))
            }
            fn visit_str<E>(self, name: &str) -> Result<Name<'de>, E> {
                Ok(Name::Owned(name.to_owned()))
            }
            fn visit_string<E>(self, name: String) -> Result<Name<'de>, E> {
                Ok(Name::Owned(name))
            }
        }
        deserializer.deserialize_str(Text)
    }
}
